-- Events of one load out of the lake, in the order of arrival: by file, place in it, place in the tracker.
-- In: the variable load_files and event_tables(event, table_number). Out: unpacking.events.
create or replace table unpacking.events as
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
    -- Each line is a delivery of its own: equal events on two lines are one, in one tracker they count as they stand.
    md5(concat_ws('/', lake.load_id, lake.source_file, lake.byte_offset)) as delivery,
    lake.content_hash,
    lake.source_file,
    lake.line_number,
    event_tables.table_number,
    lake.data
from read_parquet(getvariable('load_files'), union_by_name => true) as lake
inner join event_tables on lake.event = event_tables.event
order by lake.source_file, lake.byte_offset, lake.position
