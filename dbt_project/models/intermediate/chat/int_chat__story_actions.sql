{{ config(enabled='chat' in active_sources()) }}

select
    messages.event_date,
    messages.conversation_id,
    messages.conversation_id as session_id,
    1 as session_nr,
    messages.message_id as interaction_id,
    messages.interaction_nr,
    cast(messages.message_id || '#' || cast(tools.step_index as varchar(16)) as varchar(1100)) as id,
    messages.user_id,
    messages.event_timestamp as "timestamp",
    tools.step_index,
    coalesce(web.action_type, browser.action_type, tools.tool_type) as action_name,
    cast(null as varchar(256)) as policy,
    cast(null as decimal(5, 4)) as confidence,
    tools.tool_type,
    tools.step_type,
    tools.classification_target,
    web.domain_name,
    web.domain_category,
    web.task_status,
    searches.search_type,
    searches.keyword_count,
    searches.result_count,
    case when messages.user_query is not null then messages.message_id end as interaction_user_fk,
    case when messages.has_response then messages.message_id end as interaction_bot_fk
from {{ ref('int_chat__messages') }} as messages
inner join {{ ref('stg_chat__tool_usage') }} as tools
    on messages.event_date = tools.event_date and messages.message_id = tools.message_id
left join {{ ref('stg_chat__web_automations') }} as web
    on
        tools.event_date = web.event_date
        and tools.message_id = web.message_id
        and tools.step_index = web.step_index
left join {{ ref('stg_chat__browser_automations') }} as browser
    on
        tools.event_date = browser.event_date
        and tools.message_id = browser.message_id
        and tools.step_index = browser.step_index
left join {{ ref('stg_chat__web_searches') }} as searches
    on
        tools.event_date = searches.event_date
        and tools.message_id = searches.message_id
        and tools.step_index = searches.step_index
