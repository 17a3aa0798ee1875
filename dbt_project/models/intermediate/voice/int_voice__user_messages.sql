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
    intent as intent_name,
    intent_confidence,
    through as input_channel,
    {{ voice_interaction_id('bot_nr') }} as interaction_bot_fk,
    {{ voice_interaction_id('action_nr') }} as interaction_story_action_fk,
    {{ voice_interaction_id('previous_bot_nr') }} as previous_interaction_bot_fk
from {{ ref('int_voice__ordered_events') }}
where actor = 'customer'
