-- Good lines of one chunk, typed: one row a message (chat spec, sections 1 to 3).
-- In: checked. Out: typed. `kind(...)` of a path stands for the JSON type found at that path.
create or replace temp table typed as
with
parsed as (
    select
        checked.*,
        from_json(line, getvariable('structure')) as message
    from checked
    where reason is null
),

named as (
    select
        *,
        message.request_body as request,
        message.response_body as response,
        case
            when kind('response_body') = 'OBJECT' and kind('response_body.choices') = 'ARRAY'
                then message.response_body.choices[1]
        end as choice,
        case
            when kind('response_body') = 'VARCHAR' then json_extract_string(line, '$.response_body')
        end as response_text
    from parsed
),

picked as (
    select
        *,
        coalesce(
            nullif(text_value(kind('thread_id'), message.thread_id), ''),
            nullif(text_value(kind('request_body.thread_id'), request.thread_id), ''),
            nullif(text_value(kind('response_body.thread_id'), response.thread_id), '')
        ) as thread_id,
        coalesce(
            nullif(content_text(list_filter(request.messages, lambda said: said.role = 'user')[-1].content), ''),
            nullif(text_value(kind('request_body.query'), request.query), ''),
            nullif(text_value(kind('request_body.message'), request.message), ''),
            nullif(text_value(kind('request_body.content'), request.content), ''),
            nullif(text_value(kind('request_body.user_input'), request.user_input), ''),
            nullif(text_value(kind('request_body.prompt'), request.prompt), '')
        ) as user_query,
        choice is not null as has_response,
        case
            when choice is not null then null
            when coalesce(kind('response_body'), 'NULL') = 'NULL' or trim(response_text) = '' then 'empty_body'
            when kind('response_body') = 'OBJECT' and kind('response_body.error') = 'OBJECT'
                then coalesce(nullif(text_value(kind('response_body.error.type'), response.error.type), ''), 'error')
            when kind('response_body') = 'OBJECT' then 'no_choices'
            when regexp_matches(response_text, '(?i)<title>\s*[1-5]\d\d\b')
                then 'http_' || regexp_extract(response_text, '(?i)<title>\s*([1-5]\d\d)\b', 1)
            else 'undecodable_body'
        end as failure_reason,
        case
            when kind('response_body.choices[0].message.reasoning_steps') = 'ARRAY'
                then choice.message.reasoning_steps
        end as raw_steps,
        nullif(text_value(kind('response_body.id'), response.id), '') as raw_response_id
    from named
),

stepped as (
    select
        *,
        list_transform(
            raw_steps,
            lambda step, position: {
                'step_index': cast(position - 1 as integer),
                'tool_type': nullif(name_value(step.type), ''),
                'step_type': case
                    when step.type = 'browser_tool_execution'
                        then nullif(name_value(step.browser_tool_execution.tool.step_type), '')
                end,
                'headers': case
                    when json_valid(step.browser_tool_execution.tool.content.extra_headers)
                        then step.browser_tool_execution.tool.content.extra_headers
                end,
                'action': case when step.type = 'agent_progress' then name_value(step.agent_progress.action) end,
                'url': case when step.type = 'agent_progress' then name_value(step.agent_progress.url) end,
                'outcome': case
                    when step.type <> 'agent_progress' or step.type is null then null
                    when step.agent_progress.action = 'finished' or starts_with(step.thought, 'Task Succeeded')
                        then 'succeeded'
                    when starts_with(step.thought, 'Task Failed') then 'failed'
                end,
                'keywords': step.web_search.search_keywords,
                'result_count': len(step.web_search.search_results)
            }
        ) as read_steps,
        -- Types inside of lists are looked up only where something came out empty: that takes a second reading.
        case
            when list_bool_or(
                list_transform(
                    request.messages,
                    lambda said: said is null or said.role is null or left(said.role, 1) in ('{', '[')
                    or coalesce(left(cast(said.content as varchar), 1), '') not in ('"', '[')
                )
            )
                then list_transform(
                    json_extract(line, '$.request_body.messages[*]'), lambda said: json_type(said, {message_paths})
                )
        end as message_kinds,
        case
            when list_bool_or(
                list_transform(
                    raw_steps,
                    lambda step: coalesce(step.type, step.thought) is null
                    or left(step.type, 1) in ('{', '[')
                    or left(step.thought, 1) in ('{', '[')
                    or case step.type
                        when 'web_search'
                            then step.web_search.search_keywords is null or step.web_search.search_results is null
                        when 'browser_tool_execution'
                            then coalesce(left(step.browser_tool_execution.tool.step_type, 1), '{') in ('{', '[')
                            or coalesce(left(step.browser_tool_execution.tool.content.extra_headers, 1), '[') = '['
                        when 'agent_progress'
                            then coalesce(left(step.agent_progress.action, 1), '{') in ('{', '[')
                            or coalesce(left(step.agent_progress.url, 1), '{') in ('{', '[')
                    end
                )
            )
                then list_transform(
                    json_extract(line, '$.response_body.choices[0].message.reasoning_steps[*]'),
                    lambda step: json_type(step, {step_paths})
                )
        end as step_kinds
    from picked
),

contents as (
    select
        row_number,
        event_timestamp,
        event_date,
        types,
        unix_seconds,
        coalesce(nullif(text_value(kind('_id.$oid'), message._id."$oid"), ''), raw_response_id) as given_id,
        thread_id,
        utc_time(text_value(kind('timestamp'), message.timestamp)) as created_timestamp,
        user_query,
        text_value(
            kind('request_body.web_search_options.search_type'), request.web_search_options.search_type
        ) as search_type,
        has_response,
        failure_reason,
        case when has_response then raw_response_id end as response_id,
        json_number(response.created) as response_created,
        case
            when kind('response_body.choices[0].message.content') = 'ARRAY'
                then content_text(
                    -- The inner case keeps the cast away from plain text, which is not JSON.
                    cast(
                        case
                            when kind('response_body.choices[0].message.content') = 'ARRAY'
                                then choice.message.content
                        end as json
                    )
                )
            else text_value(kind('response_body.choices[0].message.content'), choice.message.content)
        end as response_content,
        text_value(kind('response_body.choices[0].finish_reason'), choice.finish_reason) as finish_reason,
        text_value(kind('response_body.model'), response.model) as model,
        text_value(kind('response_body.status'), response.status) as status,
        text_value(kind('response_body.type'), response.type) as type,
        len(response.search_results) as num_results,
        has_response and coalesce(kind('response_body.usage') = 'OBJECT', false) as has_usage,
        json_whole(response.usage.completion_tokens) as completion_tokens,
        json_whole(response.usage.prompt_tokens) as prompt_tokens,
        json_whole(response.usage.total_tokens) as total_tokens,
        json_number(response.usage.cost.input_tokens_cost) as input_tokens_cost,
        json_number(response.usage.cost.output_tokens_cost) as output_tokens_cost,
        json_number(response.usage.cost.request_cost) as request_cost,
        json_number(response.usage.cost.total_cost) as total_cost,
        text_value(kind('response_body.usage.search_context_size'), response.usage.search_context_size)
            as search_context_size,
        list_transform(
            read_steps,
            lambda step: {
                'step_index': step.step_index,
                'tool_type': step.tool_type,
                'step_type': step.step_type,
                'user_id': case
                    when nullif(step.headers ->> '$.user_id', '') is not null
                        then pseudonym(step.headers ->> '$.user_id')
                end,
                -- A text inside of a text may bring an escaped NUL of its own.
                'timezone': replace(name_value(step.headers ->> '$.timezone'), chr(0), ''),
                'action': step.action,
                'url': step.url,
                'outcome': step.outcome,
                'keywords': step.keywords,
                'result_count': step.result_count
            }
        ) as steps,
        list_filter(
            [
                {field_warnings},
                case
                    when text_value(kind('timestamp'), message.timestamp) <> ''
                        and utc_time(text_value(kind('timestamp'), message.timestamp)) is null
                        then 'timestamp'
                end,
                {message_warnings},
                {step_warnings}
            ],
            lambda field: field is not null
        ) as warnings
    from stepped
),

hashed as (
    select
        *,
        md5(cast(struct_pack({content_columns}) as varchar)) as content_hash
    from contents
)

select
    checked.file_number,
    checked.line_number,
    checked.byte_offset,
    coalesce(
        hashed.given_id,
        'm-' || md5(
            coalesce(hashed.thread_id, '') || chr(31) || cast(hashed.unix_seconds as varchar) || chr(31)
            || coalesce(hashed.user_query, '')
        )
    ) as session_id,
    hashed.* exclude (row_number, types, given_id)
from hashed
inner join checked on hashed.row_number = checked.row_number
