{{ config(enabled='chat' in active_sources()) }}

select
    session_id as message_id,
    event_date,
    step_index,
    tool_type,
    step_type,
    classification_target
from {{ source('chat', 'tool_usage') }}
