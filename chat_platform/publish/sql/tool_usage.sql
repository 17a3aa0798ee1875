select
    tool_usage_id,
    session_id,
    thread_id,
    event_timestamp,
    event_date,
    step_index,
    tool_type,
    step_type,
    classification_target
from steps
