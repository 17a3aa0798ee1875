-- What people get who write down what customers said, mixed. Call and time (UTC) lead to the recording.
select
    event_id,
    call_id,
    event_date,
    event_timestamp,
    robot_version as model_version,
    text as hypothesis,
    null as reference,
    null as annotator
from drawn
order by place
