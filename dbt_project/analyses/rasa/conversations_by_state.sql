{{ config(enabled='rasa' in active_sources()) }}

-- How many sessions and conversations are in what state?
select
    sessions.outcome,
    count(*) as sessions,
    count(distinct case when sessions.session_id = conversations.last_session_id then sessions.conversation_id end)
        as conversations
from {{ ref('sessions') }} as sessions
inner join {{ ref('conversations') }} as conversations
    on sessions.source = conversations.source and sessions.conversation_id = conversations.conversation_id
where sessions.source = 'rasa'
group by sessions.outcome
