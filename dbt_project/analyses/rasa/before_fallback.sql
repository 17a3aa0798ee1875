{{ config(enabled='rasa' in active_sources()) }}

-- What was the last thing the user said before the bot fell back? Null where nothing was said in the session before.
select
    interactions.conversation_id,
    interactions."timestamp",
    users.text,
    users.intent_name,
    users.intent_confidence
from {{ ref('interactions') }} as interactions
left join {{ ref('user_messages') }} as users on interactions.interaction_user_fk = users.interaction_id
where interactions.source = 'rasa' and {{ is_fallback('interactions.*_count') }}
