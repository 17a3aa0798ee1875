{{ config(enabled='voice' in active_sources()) }}

select
    event_date,
    conversation_id,
    conversation_id as session_id,
    1 as session_nr,
    interaction_id,
    interaction_nr,
    event_key as id,
    event_key as message_id,
    phone_key as user_id,
    event_timestamp as "timestamp",
    text,
    robot_version as model_id,
    {{ voice_user_fk() }} as interaction_user_fk,
    {{ voice_next_user_fk() }} as next_interaction_user_fk
from {{ ref('int_voice__ordered_events') }}
where actor = 'agent'
