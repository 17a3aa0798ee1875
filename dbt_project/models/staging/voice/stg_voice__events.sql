{{ config(enabled='voice' in active_sources()) }}

select
    event_key,
    call_id,
    event_type,
    event_timestamp,
    event_date,
    reason,
    load_id
from {{ source('voice', 'events') }}
