{{ config(enabled='chat' in active_sources(), materialized='table') }}

with messages as (
    select facts.*
    from {{ ref('stg_chat__sessions') }} as facts
    inner join {{ ref('scope_conversations') }} as scope on facts.conversation_id = scope.conversation_id
    where scope.source = 'chat'
),

visits as (
    select
        actions.message_id,
        actions.domain_name,
        count(*) as steps,
        min(actions.step_index) as first_step_index
    from {{ ref('stg_chat__web_automations') }} as actions
    inner join messages on actions.event_date = messages.event_date and actions.message_id = messages.message_id
    where actions.domain_name is not null
    group by actions.message_id, actions.domain_name
),

-- a task has one site, so that tasks are not counted once for each site that they pass
sites as (
    select
        message_id,
        domain_name,
        row_number() over (partition by message_id order by steps desc, first_step_index asc) as choice
    from visits
)

select
    messages.message_id,
    messages.conversation_id,
    messages.thread_id,
    messages.user_id,
    messages.event_date,
    messages.event_timestamp,
    case
        when responses.created_timestamp <= messages.event_timestamp then responses.created_timestamp
        else messages.event_timestamp
    end as start_timestamp,
    cast(row_number() over (
        partition by messages.conversation_id
        order by messages.event_timestamp, {{ tie_break('messages.message_id') }}
    ) as integer) as interaction_nr,
    cast(row_number() over (
        partition by messages.conversation_id
        order by messages.event_timestamp desc, {{ tie_break('messages.message_id') }} desc
    ) as integer) as reverse_interaction_nr,
    messages.user_query,
    messages.has_response,
    messages.agent_steps > 0 as is_agent_task,
    messages.agent_steps,
    messages.typed_steps,
    messages.typeless_steps,
    messages.task_completed,
    messages.task_completion_status,
    messages.task_completion_reason,
    sites.domain_name as site,
    responses.model,
    usage_metrics.latency_ms,
    classifications.domain_category,
    classifications.domain_confidence,
    classifications.intent_type,
    classifications.intent_confidence,
    messages.load_id
from messages
-- what belongs to a message has its date; with it in the join the other dates of the tables are not read
left join {{ ref('stg_chat__responses') }} as responses
    on messages.event_date = responses.event_date and messages.message_id = responses.message_id
left join {{ ref('stg_chat__usage_metrics') }} as usage_metrics
    on messages.event_date = usage_metrics.event_date and messages.message_id = usage_metrics.message_id
left join {{ ref('stg_chat__query_classifications') }} as classifications
    on messages.event_date = classifications.event_date and messages.message_id = classifications.message_id
left join sites on messages.message_id = sites.message_id and sites.choice = 1
