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
    cut(mask(last_solution), 256) as last_solution,
    cut(mask(previous_solutions), 65535) as previous_solutions,
    cut(mask(intent), 256) as intent,
    load_id,
    source_file,
    line_number
from fresh
where event_type = 'AgentSolvedRequest'
