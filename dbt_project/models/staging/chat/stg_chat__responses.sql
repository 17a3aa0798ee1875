{{ config(enabled='chat' in active_sources()) }}

select
    session_id as message_id,
    event_date,
    created_timestamp,
    response_content,
    finish_reason,
    model
from {{ source('chat', 'responses') }}
