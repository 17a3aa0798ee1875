{{ config(enabled='chat' in var('sources')) }}

select distinct
    conversation_id,
    event_date
from {{ ref('stg_chat__sessions') }}
