{{ config(enabled='voice' in active_sources()) }}

select
    event_key,
    call_id,
    event_timestamp,
    event_date,
    phone_key,
    last_solution
from {{ source('voice', 'solutions') }}
