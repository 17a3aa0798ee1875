-- Structures of the events of one load by type, in the order in which they first arrived.
-- In: the variable load_files. Loads from before the lake had structures, and events that were erased, have none there.
select
    event,
    structure
from (
    select
        event,
        coalesce(structure, json_structure(data)) as structure,
        source_file,
        -- More than a tracker of the longest line has events.
        min(cast(byte_offset as hugeint) * 16777216 + position) as place
    from (
        select
            event,
            structure,
            data,
            source_file,
            byte_offset,
            position
        from (
            select * from read_parquet(getvariable('load_files'), union_by_name => true)
            union all by name
            select cast(null as varchar) as structure where false
        )
    )
    group by all
)
group by event, structure
order by min(row(source_file, place))
