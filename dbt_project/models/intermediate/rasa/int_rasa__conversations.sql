{{ config(enabled='rasa' in active_sources()) }}

with numbered as (
    select
        *,
        row_number() over (partition by conversation_id order by session_nr desc) as reverse_session_nr
    from {{ ref('int_rasa__session_facts') }}
)

select
    min(event_date) as event_date,
    conversation_id,
    conversation_id as external_conversation_id,
    -- a conversation that names several users belongs to none of them
    case when min(user_id) = max(user_id) then min(user_id) end as user_id,
    cast(count(distinct user_id) as bigint) as known_users,
    min(start_timestamp) as first_seen,
    max(end_timestamp) as last_seen,
    cast(count(*) as bigint) as sessions_count,
    cast(sum(interactions_count) as bigint) as interactions_count,
    max(case when session_nr = 1 then session_id end) as first_session_id,
    max(case when reverse_session_nr = 1 then session_id end) as last_session_id
from numbered
group by conversation_id
