{{ config(enabled='voice' in active_sources()) }}

select max(event_timestamp) as watermark
from {{ ref('stg_voice__events') }}
