{{ config(enabled='rasa' in active_sources()) }}

-- With which intents do sessions begin and end, by outcome?
select
    sessions.outcome,
    landing.intent as landing_intent,
    leaving.intent as exit_intent,
    count(*) as sessions
from {{ ref('sessions') }} as sessions
inner join {{ ref('interactions') }} as landing
    on sessions.session_id = landing.session_id and landing.interaction_nr = 1
inner join {{ ref('interactions') }} as leaving
    on sessions.session_id = leaving.session_id and leaving.reverse_interaction_nr = 1
where sessions.source = 'rasa'
group by sessions.outcome, landing.intent, leaving.intent
