select
    event_key,
    event_id,
    call_id,
    event_timestamp,
    event_date,
    cut(mask(through), 256) as through,
    version,
    cut(mask(robot_version), 256) as robot_version,
    repaired,
    cut(mask(intent), 256) as intent,
    cut(mask(dialog_type), 256) as dialog_type,
    cut(mask(agent_text), 65535) as text,
    load_id,
    source_file,
    line_number
from fresh
where event_type = 'AgentTransferedCustomer'
