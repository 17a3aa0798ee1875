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
    cut(mask(event_type), 256) as event_type,
    cut(mask(content), 65535) as content,
    strlen(mask(content)) > 65535 as content_truncated,
    load_id,
    source_file,
    line_number
from fresh
where content is not null
