-- Typed rows that are a person's own, or that mention the person.
-- In: variables lake_files, keys, pattern, spellings, seeds. Out: marked, one row of the lake each.
create or replace temp table rows_of_lake as
select
    filename as path,
    file_row_number as place,
    load_id,
    source_file,
    byte_offset,
    event_date,
    event_timestamp,
    coalesce({named}, cast([] as varchar[])) as named,
    {conversation} as conversation,
    coalesce({also_own}, false) as is_named,
    coalesce(
        regexp_matches(array_to_string({texts}, chr(10)), getvariable('pattern')), false
    ) as mentions
from read_parquet(
    getvariable('lake_files'), filename => true, file_row_number => true, union_by_name => true,
    hive_partitioning => false
);

create or replace temp table conversations as
select distinct conversation
from rows_of_lake
where
    conversation is not null
    and (is_named or list_has_any(named, getvariable('keys')) or list_contains(getvariable('keys'), conversation));

create or replace temp table marked as
select
    * exclude (is_named, named),
    list_has_any(named, getvariable('keys'))
    or (len(named) = 0 and conversation in (select conversation from conversations)) as is_own
from rows_of_lake
where
    mentions
    or list_has_any(named, getvariable('keys'))
    or (len(named) = 0 and conversation in (select conversation from conversations))
