-- The lines of the lake that come to stand. In: lake_files, verdicts, {touched}. Out: fresh, a view with the lake's columns.
create or replace temp view fresh as
select
    lake.* replace (
        published_key(lake.phone_key) as phone_key,
        case when lake.phone_key is not null then published_key_version() end as key_version
    )
from read_parquet(getvariable('lake_files'), union_by_name => true) as lake
{touched}
{lost}
