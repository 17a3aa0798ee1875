{{ config(enabled='voice' in active_sources()) }}

select
    event_key,
    call_id,
    event_timestamp,
    event_date,
    electronic_score,
    human_score
from {{ source('voice', 'surveys') }}
