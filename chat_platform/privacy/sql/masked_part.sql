-- All rows of the file, in their order. In: the variable lake_file, stable.
select * exclude (file_row_number)
from (
    select *
    from read_parquet(getvariable('lake_file'), file_row_number => true, hive_partitioning => false) as lake
    anti join stable on lake.file_row_number = stable.file_row_number
    union all by name
    select * from stable
) as rows
order by file_row_number
