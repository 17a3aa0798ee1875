{{ config(enabled='rasa' in active_sources()) }}

select distinct
    conversation_id,
    event_date
from {{ ref('int_rasa__readable_events') }}
