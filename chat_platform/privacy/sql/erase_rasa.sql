-- Events of one file of the lake as they may stay. In: the variable lake_file, marked, new_hashes, erased_data.
select
    lake.* exclude (file_row_number)
    replace (
        case when marked.is_own then surrogate(lake.sender_id) else lake.sender_id end as sender_id,
        case when marked.is_own then surrogate(lake.sender_id) else lake.sender_key end as sender_key,
        case when marked.is_own then other_id(lake.session_id) else lake.session_id end as session_id,
        coalesce(new_hashes.new_hash, lake.content_hash) as content_hash,
        coalesce(erased_data.data, lake.data) as data,
        -- Of what is left; unpacking looks for itself.
        cast(null as varchar) as structure
    )
from (
    select * from read_parquet(getvariable('lake_file'), file_row_number => true, hive_partitioning => false)
    union all by name
    select cast(null as varchar) as structure where false
) as lake
left join marked on marked.path = getvariable('lake_file') and lake.file_row_number = marked.place
left join new_hashes on marked.is_own and lake.content_hash = new_hashes.old_hash
left join erased_data on marked.path = erased_data.path and marked.place = erased_data.place
order by lake.file_row_number
