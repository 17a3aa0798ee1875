-- Rows of one file of the lake as they may stay. Facts that KPIs count stay: whether there was a query, how many
-- keywords, the host of a page.
-- In: the variable lake_file, marked, new_hashes.
select
    lake.* exclude (file_row_number)
    replace (
        case
            when marked.is_own then stand_in(lake.user_query)
            when marked.mentions then unmentioned(lake.user_query)
            else lake.user_query
        end as user_query,
        left_text(lake.response_content, marked.is_own, marked.mentions) as response_content,
        case when marked.is_own then other_id(lake.thread_id) else lake.thread_id end as thread_id,
        case when marked.is_own then other_id(lake.session_id) else lake.session_id end as session_id,
        case when marked.is_own then other_id(lake.response_id) else lake.response_id end as response_id,
        coalesce(new_hashes.new_hash, lake.content_hash) as content_hash,
        case
            when marked.place is null then lake.steps
            else list_transform(
                lake.steps,
                lambda step: {
                    'step_index': step.step_index,
                    'tool_type': step.tool_type,
                    'step_type': step.step_type,
                    'user_id': case
                        when list_contains(getvariable('keys'), step.user_id) then surrogate(step.user_id)
                        else step.user_id
                    end,
                    'timezone': case when not marked.is_own then step.timezone end,
                    'action': unmentioned(step.action),
                    'url': case when marked.is_own then host_only(step.url) else unmentioned(step.url) end,
                    'outcome': step.outcome,
                    'keywords': list_transform(
                        step.keywords,
                        lambda word: case when marked.is_own then '[forgotten]' else unmentioned(word) end
                    ),
                    'result_count': step.result_count
                }
            )
        end as steps
    )
from read_parquet(getvariable('lake_file'), file_row_number => true, hive_partitioning => false) as lake
left join marked on marked.path = getvariable('lake_file') and lake.file_row_number = marked.place
left join new_hashes on marked.is_own and lake.content_hash = new_hashes.old_hash
order by lake.file_row_number
