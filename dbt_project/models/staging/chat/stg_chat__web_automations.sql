{{ config(enabled='chat' in active_sources()) }}

select
    session_id as message_id,
    event_date,
    step_index,
    action_type,
    domain_name,
    domain_category,
    task_status
from {{ source('chat', 'web_automations') }}
