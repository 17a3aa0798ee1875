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
    event_type,
    content,
    content_truncated,
    load_id,
    source_file,
    line_number
from fresh
where content is not null
