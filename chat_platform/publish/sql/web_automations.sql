-- The same few addresses stand in many steps: each is read once. The host is that of the masked address, so that it is
-- the same when the lake holds no other any more.
with
addresses as (
    select
        url,
        mask(url) as masked_url
    from (select distinct url from steps where classification_target = 'web_automations') as found
),

hosts as (
    select
        url,
        masked_url,
        host_of(masked_url) as host
    from addresses
),

masked_hosts as (
    select
        url,
        cut(masked_url, 8192) as action_url,
        mask(host) as masked_host
    from hosts
),

named as (
    select
        url,
        action_url,
        cut(masked_host, 1024) as domain_name
    from masked_hosts
),

said as (
    -- Found by number of the message: the texts of queries are compared once a message, not once a step.
    select
        messages.rowid as message_number,
        scores.domain_category,
        scores.domain_confidence
    from messages
    inner join scores on messages.user_query = scores.user_query
    where scores.domain_category <> 'Unknown'
),

acted as (
    select
        steps.*,
        named.action_url,
        named.domain_name
    from steps
    left join named on steps.url = named.url
    where steps.classification_target = 'web_automations'
)

select
    acted.tool_usage_id as web_action_id,
    acted.tool_usage_id,
    acted.session_id,
    acted.thread_id,
    acted.event_timestamp,
    acted.event_date,
    acted.step_index,
    coalesce(nullif(cut(mask(acted.action), 256), ''), 'unknown') as action_type,
    acted.action_url,
    coalesce(said.domain_category, sites.domain_category, 'Unknown') as domain_category,
    acted.domain_name,
    case acted.outcome when 'succeeded' then 'completed' when 'failed' then 'failed' else 'in_progress' end
        as task_status,
    case acted.outcome when 'succeeded' then true when 'failed' then false end as task_completed,
    case
        when said.domain_category is not null then cast(said.domain_confidence as decimal(5, 4))
        when sites.domain_category is not null then cast(1 as decimal(5, 4))
    end as classification_confidence,
    case
        when said.domain_category is not null then 'model'
        when sites.domain_category is not null then 'lookup'
        else 'none'
    end as classification_source
from acted
left join said on acted.message_number = said.message_number
left join sites on acted.domain_name = sites.domain_name
