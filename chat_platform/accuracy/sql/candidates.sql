-- Customer turns that the robot understood as something. $1, $2: dates, both included; $3: robot version; $4: seed.
-- `place` is an order that only the seed decides, whatever came first. Of turns under one id one can be drawn: labels name
-- their turn by it.
create temp table candidates as
select
    event_id,
    call_id,
    event_date,
    robot_version as model_version,
    text,
    intent as predicted_intent,
    intent_score as score,
    sha256($4 || event_key) as place
from turns
where
    speaker = 'customer' and intent is not null
    and ($1::date is null or event_date >= $1) and ($2::date is null or event_date <= $2)
    and ($3::varchar is null or robot_version = $3)
qualify row_number() over (partition by event_id order by event_key) = 1
