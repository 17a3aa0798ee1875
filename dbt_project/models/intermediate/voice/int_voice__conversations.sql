{{ config(enabled='voice' in active_sources()) }}

-- a conversation of this source is one call
select
    event_date,
    conversation_id,
    external_session_id as external_conversation_id,
    user_id,
    known_users,
    start_timestamp as first_seen,
    end_timestamp as last_seen,
    cast(1 as bigint) as sessions_count,
    interactions_count,
    session_id as first_session_id,
    session_id as last_session_id
from {{ ref('int_voice__sessions') }}
