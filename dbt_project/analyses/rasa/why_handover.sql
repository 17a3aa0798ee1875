{{ config(enabled='rasa' in active_sources()) }}

-- Why did the handover happen: what the user had said, and which action or flow handed over?
select
    interactions.conversation_id,
    interactions.session_nr,
    users.text as user_said,
    users.intent_name,
    actions.action_name as handed_over_by,
    before.text as user_said_before
from {{ ref('interactions') }} as interactions
left join {{ ref('user_messages') }} as users on interactions.interaction_user_fk = users.interaction_id
left join {{ ref('user_messages') }} as before on interactions.previous_interaction_user_fk = before.interaction_id
left join {{ ref('story_actions') }} as actions
    on interactions.interaction_story_action_fk = actions.interaction_id and actions.is_handoff
where interactions.source = 'rasa' and interactions.agent_handoff_count > 0
