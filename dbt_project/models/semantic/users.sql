{{ config(materialized='table') }}

-- Made anew each time from the few interactions that name a user. A user who vanishes from a conversation that is
-- rebuilt may live on in others, so an increment would need the rows that were there before: one scan is simpler.
with known as (
    select
        source,
        user_id,
        conversation_id,
        session_id,
        session_nr,
        min(event_date) as event_date,
        min("timestamp") as first_message,
        max("timestamp") as last_message,
        count(*) as interactions
    from {{ ref('interactions') }}
    where user_id is not null
    group by source, user_id, conversation_id, session_id, session_nr
),

-- in chat a message names its user, elsewhere a session belongs to one user whole
seen as (
    select
        known.*,
        case when known.source = 'chat' then known.first_message else sessions.start_timestamp end as first_seen,
        case when known.source = 'chat' then known.last_message else sessions.end_timestamp end as last_seen,
        case
            when lag(known.session_id) over (
                partition by known.source, known.user_id, known.conversation_id order by known.session_nr
            ) is null then 0
            else 1
        end as is_later,
        case
            when lead(known.session_id) over (
                partition by known.source, known.user_id, known.conversation_id order by known.session_nr
            ) is null then 0
            else 1
        end as is_earlier
    from known
    inner join {{ ref('sessions') }} as sessions
        on known.source = sessions.source and known.session_id = sessions.session_id
),

-- Sessions of a conversation stand in its own order, as clocks may run back; conversations in that of their times.
numbered as (
    select
        *,
        row_number() over (
            partition by source, user_id order by is_later, first_seen, {{ tie_break('conversation_id') }}
        ) as place,
        row_number() over (
            partition by source, user_id order by is_earlier, last_seen desc, {{ tie_break('conversation_id') }} desc
        ) as place_from_end
    from seen
)

select
    source,
    user_id,
    min(event_date) as event_date,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen,
    cast(count(distinct conversation_id) as bigint) as conversations_count,
    cast(count(distinct session_id) as bigint) as sessions_count,
    cast(sum(interactions) as bigint) as interactions_count,
    max(case when place = 1 then session_id end) as first_session_id,
    max(case when place_from_end = 1 then session_id end) as last_session_id
from numbered
group by source, user_id
