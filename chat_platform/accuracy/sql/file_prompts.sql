-- What people get who listen to the robot, mixed: one spoken prompt is one turn. Call and time (UTC) lead to the recording.
select
    event_id as prompt_id,
    call_id,
    event_date,
    event_timestamp,
    robot_version as model_version,
    script_point,
    dialog_type,
    text,
    null as correct,
    null as intelligible,
    null as annotator
from drawn
order by place
