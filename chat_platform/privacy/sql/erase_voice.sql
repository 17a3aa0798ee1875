-- Events of one file of the lake as they may stay: who called becomes a surrogate, what was said goes.
-- In: the variable lake_file, marked, new_hashes, erased_data.
select
    lake.* exclude (file_row_number)
    replace (
        case
            when list_contains(getvariable('keys'), lake.phone_key) then surrogate(lake.phone_key)
            else lake.phone_key
        end as phone_key,
        case when marked.is_own then other_id(lake.event_id) else lake.event_id end as event_id,
        case when marked.is_own then other_id(lake.call_id) else lake.call_id end as call_id,
        left_text(lake.captured_text, marked.is_own, marked.mentions) as captured_text,
        left_text(lake.cleansed_text, marked.is_own, marked.mentions) as cleansed_text,
        left_text(lake.agent_text, marked.is_own, marked.mentions) as agent_text,
        left_text(lake.command, marked.is_own, marked.mentions) as command,
        left_text(lake.last_solution, false, marked.mentions) as last_solution,
        left_text(lake.previous_solutions, false, marked.mentions) as previous_solutions,
        left_text(lake.through, false, marked.mentions) as through,
        left_text(lake.robot_version, false, marked.mentions) as robot_version,
        left_text(lake.event_type, false, marked.mentions) as event_type,
        left_text(lake.reason, false, marked.mentions) as reason,
        left_text(lake.intent, false, marked.mentions) as intent,
        left_text(lake.top_intent, false, marked.mentions) as top_intent,
        left_text(lake.dialog_type, false, marked.mentions) as dialog_type,
        left_text(lake.script_point, false, marked.mentions) as script_point,
        left_text(lake.api_name, false, marked.mentions) as api_name,
        left_text(lake.scale, false, marked.mentions) as scale,
        case when marked.is_own then host_only(lake.uri) else left_text(lake.uri, false, marked.mentions) end as uri,
        coalesce(erased_data.data, lake.content) as content,
        coalesce(new_hashes.new_hash, lake.content_hash) as content_hash
    )
from read_parquet(getvariable('lake_file'), file_row_number => true, hive_partitioning => false) as lake
left join marked on marked.path = getvariable('lake_file') and lake.file_row_number = marked.place
left join new_hashes on marked.is_own and lake.content_hash = new_hashes.old_hash
left join erased_data on marked.path = erased_data.path and marked.place = erased_data.place
order by lake.file_row_number
