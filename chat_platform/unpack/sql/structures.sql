-- Structures of the events of one load by type, in the order in which they first arrived.
-- In: the variable load_files. Loads from before the lake had structures, and files with erased events, have none there.
with
lake as (
    select * from read_parquet(getvariable('load_files'), union_by_name => true)
    union all by name
    select cast(null as varchar) as structure where false
),

described as (
    select
        event,
        coalesce(structure, json_structure(data)) as described,
        source_file,
        -- The factor is more than any place in a tracker, or id of a store.
        cast(byte_offset as hugeint) * 18446744073709551616 + position as place
    from lake
),

placed as (
    select
        event,
        described,
        source_file,
        min(place) as first_place
    from described
    group by event, described, source_file
)

select
    event,
    described as structure
from placed
group by event, described
order by min(row(source_file, first_place))
