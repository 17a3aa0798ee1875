{{ config(enabled='rasa' in active_sources()) }}

-- What did users say in response to each thing that the bot says?
select
    coalesce(bots.utter_action, bots.text) as bot_said,
    users.intent_name,
    count(*) as replies
from {{ ref('bot_messages') }} as bots
inner join {{ ref('user_messages') }} as users on bots.next_interaction_user_fk = users.interaction_id
where bots.source = 'rasa'
group by coalesce(bots.utter_action, bots.text), users.intent_name
