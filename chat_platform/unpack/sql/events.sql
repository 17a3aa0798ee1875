-- Events of one load out of the lake. Their order of arrival is by file, place in it, place in the tracker; here they lie
-- in no order, as to sort them all would take as long as to read them.
-- In: the variable load_files and event_tables(event, table_number). Out: unpacked_events.
create or replace temp table unpacked_events as
with lake as (
    select * from read_parquet(getvariable('load_files'), union_by_name => true)
    union all by name
    -- Loads from before the lake told trackers from lines have no such column there.
    select cast(null as boolean) as is_tracker where false
)

select
    row_id(concat_ws('/', lake.load_id, lake.source_file, lake.byte_offset, lake.position)) as _dlt_id,
    lake.load_id as _dlt_load_id,
    lake.sender_id,
    lake.unix_seconds as timestamp,
    lake.event,
    lake.environment,
    lake.model_id,
    lake.session_id,
    case when lake.sender_key = lake.sender_id then lake.sender_key else published_key(lake.sender_key) end as sender_key,
    lake.event_date,
    lake.order_time,
    lake.position,
    -- Equal events of one tracker count as they stand; who comes on a line of its own has none to be equal to on it.
    case
        when coalesce(lake.is_tracker, true) then md5(concat_ws('/', lake.load_id, lake.source_file, lake.byte_offset))
    end as delivery,
    lake.content_hash,
    lake.source_file,
    lake.line_number,
    lake.byte_offset,
    event_tables.table_number,
    lake.data
from lake
inner join event_tables on lake.event = event_tables.event
