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
    api_name,
    uri,
    http_status,
    elapsed_ms,
    load_id,
    source_file,
    line_number
from fresh
where event_type = 'AgentCalledAPI'
