{{ config(enabled='voice' in active_sources()) }}

select distinct
    call_id as conversation_id,
    event_date
from {{ ref('stg_voice__events') }}
