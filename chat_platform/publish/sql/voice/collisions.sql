-- Events that share their id with an earlier event of another key: both are kept, the later is warned of (rule 8).
-- In: spine, fresh_ids, known_ids (standing events of other calls, and kept ones, with one of those ids). Out: collisions.
create or replace temp table collisions as
with
sharing as (
    select event_id, event_key, call_id, event_type, event_timestamp, event_date, load_id, source_file, line_number
    from spine
    where event_id in (select event_id from fresh_ids)
    union all by name
    select event_id, event_key, call_id, event_type, event_timestamp, event_date, load_id, source_file, line_number
    from known_ids
    where call_id not in (select call_id from touched)
),

repeated as (
    select event_id
    from sharing
    group by event_id
    having count(*) > 1
),

ranked as (
    select
        *,
        row_number() over (partition by event_id order by event_timestamp, event_key) as standing
    from sharing
    semi join repeated on sharing.event_id = repeated.event_id
)

select
    load_id,
    source_file,
    line_number,
    event_key,
    call_id,
    event_type,
    event_date,
    'id_collision' as warning,
    'id' as field,
    cast(null as varchar) as detail
from ranked
where standing > 1
