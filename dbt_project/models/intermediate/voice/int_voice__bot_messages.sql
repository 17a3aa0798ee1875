{{ config(enabled='voice' in active_sources()) }}

select
    event_date,
    conversation_id,
    conversation_id as session_id,
    1 as session_nr,
    {{ voice_interaction_id('interaction_nr') }} as interaction_id,
    interaction_nr,
    event_key as id,
    event_key as message_id,
    phone_key as user_id,
    event_timestamp as "timestamp",
    text,
    robot_version as model_id,
    {{ voice_interaction_id('nullif(interaction_nr, 0)') }} as interaction_user_fk,
    {{ voice_interaction_id('nullif(interaction_nr, last_interaction_nr) + 1') }} as next_interaction_user_fk
from {{ ref('int_voice__ordered_events') }}
where actor = 'agent'
