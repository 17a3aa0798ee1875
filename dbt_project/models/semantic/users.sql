{{ config(materialized='table') }}

-- Made anew each time from the few interactions that name a user. A user who vanishes from a conversation that is
-- rebuilt may live on in others, so an increment would need the rows that were there before: one scan is simpler.
with known as (
    select
        source,
        user_id,
        event_date,
        conversation_id,
        session_id,
        "timestamp" as seen,
        row_number() over (
            partition by source, user_id
            order by "timestamp", {{ tie_break('conversation_id') }}, session_nr, interaction_nr
        ) as place,
        count(*) over (partition by source, user_id) as last_place
    from {{ ref('interactions') }}
    where user_id is not null
)

select
    source,
    user_id,
    min(event_date) as event_date,
    min(seen) as first_seen,
    max(seen) as last_seen,
    cast(count(distinct conversation_id) as bigint) as conversations_count,
    cast(count(distinct session_id) as bigint) as sessions_count,
    cast(count(*) as bigint) as interactions_count,
    max(case when place = 1 then session_id end) as first_session_id,
    max(case when place = last_place then session_id end) as last_session_id
from known
group by source, user_id
