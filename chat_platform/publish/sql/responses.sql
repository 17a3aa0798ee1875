select
    coalesce(response_id, session_id) as response_id,
    session_id,
    thread_id,
    event_timestamp,
    event_date,
    from_unix(response_created) as created_timestamp,
    response_content,
    coalesce(content_truncated, false) as content_truncated,
    cut(mask(finish_reason), 64) as finish_reason,
    cut(mask(model), 256) as model,
    cut(mask(status), 64) as status,
    cut(mask(type), 64) as type
from messages
where has_response
