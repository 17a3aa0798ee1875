{{ config(enabled='rasa' in active_sources()) }}

-- What happened just before the user got frustrated: what did the bot say and do?
select
    interactions.conversation_id,
    interactions.session_nr,
    interactions.interaction_nr,
    users.text as frustrated_text,
    bots.text as bot_said_before,
    actions.action_name as bot_did_before
from {{ ref('interactions') }} as interactions
inner join {{ ref('user_messages') }} as users on interactions.interaction_user_fk = users.interaction_id
left join {{ ref('bot_messages') }} as bots on interactions.previous_interaction_bot_fk = bots.interaction_id
left join {{ ref('story_actions') }} as actions
    on interactions.previous_interaction_story_action_fk = actions.interaction_id
where interactions.source = 'rasa' and interactions.frustrated_count > 0
