{{ config(enabled='chat' in active_sources()) }}

select
    session_id as message_id,
    thread_id,
    conversation_id,
    event_timestamp,
    event_date,
    created_timestamp,
    user_query,
    task_completed,
    task_completion_status,
    task_completion_reason,
    has_response,
    user_id,
    agent_steps,
    typed_steps,
    typeless_steps,
    load_id
from {{ source('chat', 'chat_sessions') }}
