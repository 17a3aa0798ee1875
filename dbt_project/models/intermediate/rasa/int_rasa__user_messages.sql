{{ config(enabled='rasa' in active_sources()) }}

select
    events.event_date,
    events.conversation_id,
    events.session_id,
    events.session_nr,
    events.interaction_id,
    events.interaction_nr,
    events.event_id as id,
    {{ published_id('events.message_id') }} as message_id,
    events.user_id,
    events.event_timestamp as "timestamp",
    {{ published_text('events.user_text') }} as text,
    events.intent_name,
    events.intent_confidence,
    events.input_channel,
    events.model_id,
    events.environment,
    events.is_undone = 1 as is_undone,
    interactions.interaction_bot_fk,
    interactions.interaction_slot_fk,
    interactions.interaction_story_action_fk,
    interactions.previous_interaction_bot_fk
from {{ ref('int_rasa__events') }} as events
inner join {{ ref('int_rasa__interactions') }} as interactions on events.interaction_id = interactions.interaction_id
where events.is_user = 1
