{{ config(enabled='rasa' in active_sources()) }}

select
    event_date,
    conversation_id,
    session_id,
    interaction_id,
    event_id as id,
    event_nr,
    row_id,
    load_id
from {{ ref('int_rasa__events') }}
