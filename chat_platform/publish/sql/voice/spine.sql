-- Every event of the calls that are rebuilt, with what its call is computed from.
-- In: fresh, kept_events, kept_turns. Out: spine.
create or replace temp view spine as
select
    call_id,
    event_key,
    event_id,
    event_type,
    event_timestamp,
    event_date,
    phone_key,
    key_version,
    listened_data_usage,
    reason,
    dialog_type,
    script_point,
    intent,
    load_id,
    source_file,
    line_number
from fresh
union all
select
    events.call_id,
    events.event_key,
    events.event_id,
    events.event_type,
    events.event_timestamp,
    events.event_date,
    events.phone_key,
    events.key_version,
    events.listened_data_usage,
    events.reason,
    turns.dialog_type,
    turns.script_point,
    turns.intent,
    events.load_id,
    events.source_file,
    events.line_number
from kept_events as events
left join kept_turns as turns on events.event_key = turns.event_key
