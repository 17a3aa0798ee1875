{{ config(enabled='voice' in active_sources()) }}

select
    events.event_date,
    events.conversation_id,
    events.conversation_id as session_id,
    1 as session_nr,
    events.interaction_id,
    events.interaction_nr,
    events.event_key as id,
    events.event_key as message_id,
    events.phone_key as user_id,
    events.event_timestamp as "timestamp",
    events.text,
    events.robot_version as model_id,
    interactions.interaction_user_fk,
    interactions.next_interaction_user_fk
from {{ ref('int_voice__ordered_events') }} as events
inner join {{ ref('int_voice__interactions') }} as interactions on events.interaction_id = interactions.interaction_id
where events.actor = 'agent'
