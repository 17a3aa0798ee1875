{{ config(enabled='voice' in active_sources()) }}

select
    event_key,
    call_id,
    event_timestamp,
    event_date,
    speaker,
    through,
    robot_version,
    dialog_type,
    script_point,
    intent,
    intent_score,
    top_intent,
    text,
    load_id
from {{ source('voice', 'turns') }}
