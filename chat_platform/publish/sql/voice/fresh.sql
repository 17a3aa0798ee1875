-- The lines of the lake that come to stand. In: lake_files, verdicts, {touched}. Out: fresh, a view with the lake's columns.
create or replace temp view fresh as
select lake.*
from read_parquet(getvariable('lake_files'), union_by_name => true) as lake
{touched}
{lost}
