-- Lines of one chunk, typed: one row a line, with the verdict on it (chat spec, sections 1 to 3).
-- In: lines(row_number, line, file_number, line_number, byte_offset). Out: typed; reason is null for a good line, which is
-- one message. `kind(...)` of a path stands for the JSON type found at that path.
-- `suspect` marks what DuckDB reads although strict JSON forbids it (NaN, a trailing comma), or so it seems:
-- the caller looks at those few. One statement, because every table on the way costs as much as the reading.
create or replace temp table typed as
with
read as (
    select
        row_number,
        file_number,
        line_number,
        byte_offset,
        line as raw_line,
        json_valid(line) as is_valid
    from lines
),

cleaned as (
    -- A NUL escaped in a text cannot be stored anywhere; the pairs of backslashes are set aside so that only a
    -- true escape is taken out. A valid line holds no control character, so one can stand for a pair.
    select
        * exclude (raw_line),
        case
            when is_valid and contains(raw_line, chr(92) || 'u0000')
                then
                    replace(
                        replace(replace(raw_line, chr(92) || chr(92), chr(1)), chr(92) || 'u0000', ''),
                        chr(1),
                        chr(92) || chr(92)
                    )
            else raw_line
        end as line
    from read
),

looked_at as (
    select
        *,
        -- One search a sign: each begins with a character that can be looked for at speed.
        regexp_matches(line, ':\s*-?(?:[nN][aA][nN]|[iI][nN][fF])')
        or regexp_matches(line, '\[\s*-?(?:[nN][aA][nN]|[iI][nN][fF])')
        or regexp_matches(
            line, ',\s*(?:[}\]]|-?(?:[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?)\s*[,}\]])'
        ) as suspect
    from cleaned
),

parsed as (
    select
        *,
        case when is_valid then json_keys(line, ['$', '$.request_body', '$.response_body']) end as key_lists,
        case when is_valid then from_json(line, getvariable('structure')) end as message
    from looked_at
),

-- The kinds of value are looked up only where something is missing or odd; null says that every field fits.
kinds as (
    select
        *,
        case when is_valid and ({odd}) then json_type(line, {paths}) end as types
    from parsed
),

timed as (
    select
        *,
        json_number(message."@timestamp") as unix_seconds
    from kinds
),

dated as (
    select
        *,
        from_unix(unix_seconds) as event_timestamp
    from timed
),

placed as (
    select
        *,
        cast(timezone(getvariable('time_zone'), timezone('UTC', event_timestamp)) as date) as event_date
    from dated
),

judged as (
    select
        *,
        case
            when not is_valid then 'invalid_json'
            when types[1] <> 'OBJECT' then 'not_an_object'
            when coalesce(left(cast(message."@timestamp" as varchar), 1) not between '-' and '9', true)
                then 'timestamp_missing'
            when types is not null and coalesce(types[3], '') <> 'OBJECT' then 'request_body_missing'
            when coalesce(event_date between getvariable('first_date') and getvariable('last_date'), false) is false
                then 'timestamp_out_of_range'
        end as reason
    from placed
),

named as (
    select
        *,
        message.request_body as request,
        message.response_body as response,
        message.response_body.choices[1] as choice,
        case
            when kind('response_body') = 'VARCHAR' then json_extract_string(line, '$.response_body')
        end as response_text
    from judged
),

picked as (
    select
        *,
        opaque(
            coalesce(
                nullif(text_value(kind('thread_id'), message.thread_id), ''),
                nullif(text_value(kind('request_body.thread_id'), request.thread_id), ''),
                nullif(text_value(kind('response_body.thread_id'), response.thread_id), '')
            )
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
        choice.message.reasoning_steps as raw_steps,
        opaque(nullif(text_value(kind('response_body.id'), response.id), '')) as raw_response_id
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
        file_number,
        line_number,
        byte_offset,
        reason,
        suspect,
        key_lists,
        case when reason is not null or suspect then line end as line,
        event_timestamp,
        event_date,
        types,
        unix_seconds,
        coalesce(opaque(nullif(text_value(kind('_id.$oid'), message._id."$oid"), '')), raw_response_id) as given_id,
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
        has_response and (types is null or coalesce(kind('response_body.usage') = 'OBJECT', false)) as has_usage,
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
    * exclude (types, given_id),
    coalesce(
        given_id,
        'm-' || md5(
            coalesce(thread_id, '') || chr(31) || cast(unix_seconds as varchar) || chr(31) || coalesce(user_query, '')
        )
    ) as session_id
from hashed
