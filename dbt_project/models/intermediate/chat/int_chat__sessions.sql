{{ config(enabled='chat' in active_sources()) }}

with sessions as (
    select
        conversation_id,
        min(event_date) as event_date,
        -- a session that names several users belongs to none of them
        case when min(user_id) = max(user_id) then min(user_id) end as user_id,
        count(distinct user_id) as known_users,
        max(thread_id) as thread_id,
        min(event_timestamp) as start_timestamp,
        max(event_timestamp) as end_timestamp,
        count(*) as interactions_count,
        count(user_query) as user_messages_count,
        sum(case when has_response then 1 else 0 end) as bot_messages_count,
        sum(typed_steps) as tool_calls,
        sum(case when is_agent_task then 1 else 0 end) as agent_tasks,
        sum(case when is_agent_task and task_completed then 1 else 0 end) as agent_tasks_completed,
        max(case when interaction_nr = 1 then intent_type end) as first_intent,
        max(case when interaction_nr = 1 then domain_category end) as first_domain_category,
        max(case when interaction_nr = 1 then model end) as first_model_id,
        max(case when reverse_interaction_nr = 1 then task_completion_status end) as last_status
    from {{ ref('int_chat__messages') }}
    group by conversation_id
)

select
    event_date,
    conversation_id,
    conversation_id as session_id,
    1 as session_nr,
    thread_id as external_session_id,
    user_id,
    cast(known_users as bigint) as known_users,
    start_timestamp as initiation_timestamp,
    start_timestamp,
    end_timestamp,
    cast(extract(epoch from end_timestamp) - extract(epoch from start_timestamp) as decimal(18, 6))
        as duration_seconds,
    cast(interactions_count as bigint) as interactions_count,
    cast(user_messages_count as bigint) as user_messages_count,
    cast(bot_messages_count as bigint) as bot_messages_count,
    cast(tool_calls as bigint) as tool_calls,
    cast(agent_tasks as bigint) as agent_tasks,
    cast(agent_tasks_completed as bigint) as agent_tasks_completed,
    cast(null as integer) as forms_activated,
    cast(null as varchar(256)) as first_story_intent,
    first_intent,
    first_domain_category,
    first_model_id,
    cast(null as integer) as out_of_scope_count,
    cast(null as integer) as nlu_fallback_count,
    cast(null as integer) as default_fallback_count,
    cast(null as integer) as unlikely_intent_count,
    cast(null as integer) as agent_handoff_count,
    cast(null as integer) as dispute_count,
    cast(null as integer) as frustrated_count,
    cast(null as integer) as happy_count,
    user_messages_count = 0 as is_bounced,
    cast(null as boolean) as is_returning_user,
    cast(case
        when user_messages_count = 0 then 'bounced'
        when last_status = 'completed' then 'resolved'
        when last_status = 'failed' then 'failed'
        when last_status = 'in_progress' then 'in_progress'
        else 'abandoned'
    end as varchar(32)) as outcome
from sessions
