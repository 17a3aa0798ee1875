-- Findings of events, collisions, and findings of calls. In: fresh, kept_warnings, collisions, call_rows.
select
    load_id,
    source_file,
    line_number,
    event_key,
    call_id,
    event_type,
    event_date,
    finding.warning as warning,
    finding.field as field,
    finding.detail as detail
from (
    select load_id, source_file, line_number, event_key, call_id, event_type, event_date, unnest(warnings) as finding
    from fresh
    where warnings is not null
) as found_in_events
union all
select load_id, source_file, line_number, event_key, call_id, event_type, event_date, warning, field, detail
from kept_warnings
union all
select load_id, source_file, line_number, event_key, call_id, event_type, event_date, warning, field, detail
from collisions
union all
select
    load_id,
    source_file,
    line_number,
    null as event_key,
    call_id,
    null as event_type,
    event_date,
    unnest(
        list_filter(
            [
                case when has_start and phone_key is null then 'calls_without_phone' end,
                case when is_negative_duration then 'negative_duration' end,
                case when end_events > 0 and not has_start then 'orphan_end' end,
                case when start_events > 1 then 'several_starts' end,
                case when end_events > 1 then 'several_ends' end
            ],
            lambda finding: finding is not null
        )
    ) as warning,
    null as field,
    null as detail
from call_rows
