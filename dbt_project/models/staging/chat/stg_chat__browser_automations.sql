{{ config(enabled='chat' in active_sources()) }}

select
    session_id as message_id,
    event_date,
    step_index,
    action_type,
    user_id
from {{ source('chat', 'browser_automations') }}
