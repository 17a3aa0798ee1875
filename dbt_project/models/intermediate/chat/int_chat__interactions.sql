{{ config(enabled='chat' in active_sources()) }}
{%- set earlier = 'over (partition by conversation_id order by interaction_nr)' %}

with neighbours as (
    select
        messages.*,
        lag(case when user_query is not null then message_id end) {{ earlier }} as previous_user_fk,
        lag(case when has_response then message_id end) {{ earlier }} as previous_bot_fk,
        lag(case when typed_steps > 0 then message_id end) {{ earlier }} as previous_story_action_fk
    from {{ ref('int_chat__messages') }} as messages
)

select
    event_date,
    conversation_id,
    conversation_id as session_id,
    1 as session_nr,
    message_id as interaction_id,
    interaction_nr,
    reverse_interaction_nr,
    thread_id as external_session_id,
    user_id,
    event_timestamp as "timestamp",
    start_timestamp as initiation_timestamp,
    start_timestamp,
    event_timestamp as end_timestamp,
    latency_ms as answer_time_ms,
    cast(null as varchar(256)) as active_form,
    cast(null as varchar(256)) as story_intent,
    intent_type as intent,
    intent_confidence,
    domain_category,
    domain_confidence,
    has_response,
    is_agent_task,
    agent_steps,
    typed_steps as tool_calls,
    typeless_steps,
    task_completed,
    task_completion_status,
    task_completion_reason,
    site,
    model as model_id,
    cast(null as integer) as out_of_scope_count,
    cast(null as integer) as nlu_fallback_count,
    cast(null as integer) as default_fallback_count,
    cast(null as integer) as unlikely_intent_count,
    cast(null as integer) as agent_handoff_count,
    cast(null as integer) as dispute_count,
    cast(null as integer) as frustrated_count,
    cast(null as integer) as happy_count,
    case when user_query is not null then message_id end as interaction_user_fk,
    case when has_response then message_id end as interaction_bot_fk,
    cast(null as varchar(1024)) as interaction_slot_fk,
    case when typed_steps > 0 then message_id end as interaction_story_action_fk,
    previous_user_fk as previous_interaction_user_fk,
    previous_bot_fk as previous_interaction_bot_fk,
    cast(null as varchar(1024)) as previous_interaction_slot_fk,
    previous_story_action_fk as previous_interaction_story_action_fk,
    load_id
from neighbours
