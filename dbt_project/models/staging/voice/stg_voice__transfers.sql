{{ config(enabled='voice' in active_sources()) }}

select
    event_key,
    call_id,
    event_timestamp,
    event_date,
    intent,
    rejections_before,
    last_intent_before
from {{ source('voice', 'transfers') }}
