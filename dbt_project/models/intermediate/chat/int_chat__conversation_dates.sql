{{ config(enabled='chat' in active_sources()) }}

select distinct
    conversation_id,
    event_date
from {{ ref('stg_chat__sessions') }}
