{{ config(enabled='rasa' in active_sources()) }}

select
    events.event_date,
    events.conversation_id,
    events.session_id,
    events.session_nr,
    events.interaction_id,
    events.interaction_nr,
    events.event_id as id,
    events.event_id as message_id,
    events.user_id,
    events.event_timestamp as "timestamp",
    {{ published_text('events.bot_text') }} as text,
    events.utter_action,
    events.model_id,
    events.environment,
    interactions.interaction_user_fk,
    interactions.next_interaction_user_fk
from {{ ref('int_rasa__events') }} as events
inner join {{ ref('int_rasa__interactions') }} as interactions on events.interaction_id = interactions.interaction_id
where events.is_bot = 1
