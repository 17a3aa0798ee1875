select
    tool_usage_id as search_id,
    tool_usage_id,
    session_id,
    thread_id,
    event_timestamp,
    event_date,
    step_index,
    cut(mask(search_type), 64) as search_type,
    -- Keywords are dropped from the end until the array fits; it stays valid JSON.
    case
        when strlen(cast(to_json(list_transform(keywords, lambda word: mask(word))) as varchar)) <= 65535
            then cast(to_json(list_transform(keywords, lambda word: mask(word))) as varchar)
        else cast(to_json(list_transform(keywords[1:50], lambda word: cut(mask(word), 200))) as varchar)
    end as search_keywords,
    len(keywords) as keyword_count,
    num_results,
    result_count
from steps
where classification_target = 'web_searches'
