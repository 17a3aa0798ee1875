{{ config(enabled='rasa' in active_sources()) }}

-- Which messages was the bot not sure about?
select
    conversation_id,
    "timestamp",
    text,
    intent_name,
    intent_confidence
from {{ ref('user_messages') }}
where source = 'rasa' and intent_confidence < {{ rasa_setting('low_confidence') }}
