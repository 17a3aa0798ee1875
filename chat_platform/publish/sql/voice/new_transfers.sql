select
    event_key,
    event_id,
    call_id,
    event_timestamp,
    event_date,
    through,
    version,
    robot_version,
    repaired,
    intent,
    dialog_type,
    agent_text as text,
    load_id,
    source_file,
    line_number
from fresh
where event_type = 'AgentTransferedCustomer'
