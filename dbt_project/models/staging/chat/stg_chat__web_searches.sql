{{ config(enabled='chat' in active_sources()) }}

select
    session_id as message_id,
    event_date,
    step_index,
    search_type,
    keyword_count,
    num_results,
    result_count
from {{ source('chat', 'web_searches') }}
