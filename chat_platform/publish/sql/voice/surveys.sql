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
    cut(mask(scale), 64) as scale,
    electronic_score,
    human_score,
    load_id,
    source_file,
    line_number
from fresh
where event_type = 'CustomerAnsweredSurvey'
