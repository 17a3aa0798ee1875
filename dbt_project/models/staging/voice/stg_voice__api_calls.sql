{{ config(enabled='voice' in active_sources()) }}

select
    event_key,
    call_id,
    event_timestamp,
    event_date,
    through,
    robot_version,
    api_name,
    http_status,
    elapsed_ms,
    load_id
from {{ source('voice', 'api_calls') }}
