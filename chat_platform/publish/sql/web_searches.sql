-- Keywords that need masking are few, and each list of them is masked once: inside of a list the expressions would be
-- compiled anew for every few rows.
with
searched as (
    select
        *,
        may_tell(array_to_string(keywords, chr(10))) as is_telling
    from steps
    where classification_target = 'web_searches'
),

masked as (
    select
        keywords,
        list_transform(keywords, lambda word: mask(word)) as masked_keywords
    from (select distinct keywords from searched where is_telling) as lists
),

published as (
    select
        searched.*,
        coalesce(masked.masked_keywords, searched.keywords) as words,
        cast(to_json(coalesce(masked.masked_keywords, searched.keywords)) as varchar) as words_json
    from searched
    -- Of equal columns only: any more, and DuckDB compares each search with each list.
    left join masked on searched.keywords = masked.keywords
)

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
        when strlen(words_json) <= 65535 then words_json
        else cast(to_json(list_transform(words[1:50], lambda word: cut(word, 200))) as varchar)
    end as search_keywords,
    len(keywords) as keyword_count,
    num_results,
    result_count
from published
