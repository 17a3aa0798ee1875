{{ config(enabled='chat' in active_sources()) }}

select
    session_id as message_id,
    event_date,
    domain_category,
    domain_confidence,
    intent_type,
    intent_confidence,
    model_version
from {{ source('chat', 'query_classifications') }}
