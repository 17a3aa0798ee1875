{{ config(enabled='rasa' in active_sources()) }}

select
    events.event_date,
    events.conversation_id,
    events.session_id,
    events.session_nr,
    events.interaction_id,
    events.interaction_nr,
    events.event_id as id,
    events.user_id,
    events.event_timestamp as "timestamp",
    cast(events.event_nr as integer) as step_index,
    -- an end-to-end prediction says a text instead of a name
    coalesce(events.action_name, events.flow_id, 'unnamed') as action_name,
    events.policy,
    events.confidence,
    events.is_handoff = 1 as is_handoff,
    {{ is_fallback('events.is_*', of=['action']) }} as is_fallback,
    interactions.interaction_user_fk,
    interactions.interaction_bot_fk
from {{ ref('int_rasa__events') }} as events
inner join {{ ref('int_rasa__interactions') }} as interactions on events.interaction_id = interactions.interaction_id
where events.is_story_action = 1
