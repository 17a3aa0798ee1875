select
    messages.session_id,
    messages.thread_id,
    messages.event_timestamp,
    messages.event_date,
    scores.domain_category,
    cast(scores.domain_confidence as decimal(5, 4)) as domain_confidence,
    scores.intent_type,
    cast(scores.intent_confidence as decimal(5, 4)) as intent_confidence,
    scores.model_version
from messages
inner join scores on messages.user_query = scores.user_query
