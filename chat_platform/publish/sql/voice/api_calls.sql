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
    cut(mask(api_name), 256) as api_name,
    cut(mask(uri), 65535) as uri,
    http_status,
    elapsed_ms,
    load_id,
    source_file,
    line_number
from fresh
where event_type = 'AgentCalledAPI'
