-- What annotators of intents get, mixed.
select
    event_id,
    call_id,
    event_date,
    robot_version as model_version,
    text,
    intent as predicted_intent,
    intent_score as score,
    null as true_intent,
    null as annotator
from drawn
order by place
