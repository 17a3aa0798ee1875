-- Lines of a chunk, typed: one row a line, with the verdict on it (chat spec, sections 1 to 3).
-- In: lines(row_number, line, file_number, line_number, byte_offset), whole_keys. `kind(...)` of a path stands for the
-- JSON type found at that path. Written twice from this one text, see typing.py:
-- `typed`, a table of every line: reason is null for a good line, which is one message;
-- `plain`, a query of those lines that need no second look: strict JSON, every field there and of its kind.
-- `suspect` marks what DuckDB reads although strict JSON forbids it (NaN, a trailing comma), or so it seems:
-- the caller looks at those few. One statement, because every table on the way costs as much as the reading.
with
read as (
    select
        row_number,
        file_number,
        line_number,
        byte_offset,
        line as raw_line,
        {is_valid} as is_valid
    from lines
),

cleaned as (
    select
        * exclude (raw_line),
        case when is_valid then without_nul(raw_line) else raw_line end as line
    from read
),

looked_at as (
    select
        *,
        is_suspect(line) as suspect
    from cleaned
),

keyed as (
    select
        *,
        {key_lists} as key_lists
    from looked_at
),

parsed as (
    select
        *,
        case when is_valid and key_lists is not null then from_json(line, getvariable('structure')) end as message
    from keyed
),

opened as (
    select
        *,
        message.request_body as request,
        message.response_body as response,
        message.response_body.choices[1] as choice
    from parsed
),

numbered as (
    select
        *,
        json_number(message."@timestamp") as unix_seconds,
        json_number(response.created) as response_created,
        json_whole(response.usage.completion_tokens) as completion_tokens,
        json_whole(response.usage.prompt_tokens) as prompt_tokens,
        json_whole(response.usage.total_tokens) as total_tokens,
        json_number(response.usage.cost.input_tokens_cost) as input_tokens_cost,
        json_number(response.usage.cost.output_tokens_cost) as output_tokens_cost,
        json_number(response.usage.cost.request_cost) as request_cost,
        json_number(response.usage.cost.total_cost) as total_cost
    from opened
),

weighed as (
    select
        *,
        -- Of a text from_json makes an object without values: its keys tell.
        case
            when len(key_lists[3]) > 0 then 'OBJECT'
            when is_valid and key_lists is not null then json_type(line, '$.response_body')
        end as response_kind,
        {odd} as is_odd
    from numbered
),

-- The kinds of value are looked up only where something is missing or odd; null says that every field fits.
kinds as (
    select
        *,
        {types} as types
    from weighed
),

dated as (
    select
        *,
        from_unix(unix_seconds) as event_timestamp
    from kinds
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
            when no_number(message."@timestamp")
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
        case
            when response_kind = 'VARCHAR' then json_extract_string(line, '$.response_body')
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
            when coalesce(response_kind, 'NULL') = 'NULL' or trim(response_text) = '' then 'empty_body'
            when response_kind = 'OBJECT' and kind('response_body.error') = 'OBJECT'
                then coalesce(nullif(text_value(kind('response_body.error.type'), response.error.type), ''), 'error')
            when response_kind = 'OBJECT' then 'no_choices'
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
        coalesce(
            list_bool_or(
                list_transform(
                    request.messages,
                    lambda said: said is null or said.role is null or is_nested(said.role)
                    or coalesce(left(cast(said.content as varchar), 1), '') not in ('"', '[')
                )
            ),
            false
        ) as odd_messages,
        coalesce(
            list_bool_or(
                list_transform(
                    raw_steps,
                    lambda step: coalesce(step.type, step.thought) is null
                    or is_nested(step.type)
                    or is_nested(step.thought)
                    or case step.type
                        when 'web_search'
                            then step.web_search.search_keywords is null or step.web_search.search_results is null
                        when 'browser_tool_execution'
                            then coalesce(is_nested(step.browser_tool_execution.tool.step_type), true)
                            or coalesce(starts_with(step.browser_tool_execution.tool.content.extra_headers, '['), true)
                        when 'agent_progress'
                            -- Where one has a value, the object is one, and the other is absent or null.
                            then coalesce(step.agent_progress.action, step.agent_progress.url) is null
                            or coalesce(is_nested(step.agent_progress.action), false)
                            or coalesce(is_nested(step.agent_progress.url), false)
                    end
                )
            ),
            false
        ) as odd_steps
    from picked
),

-- Types inside of lists, too, are looked up only where something came out empty: that takes a second reading.
element_kinds as (
    select
        *,
        {message_kinds} as message_kinds,
        {step_kinds} as step_kinds
    from stepped
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
        suspect or is_odd or odd_messages or odd_steps or reason is not null as needs_look,
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
        response_created,
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
        completion_tokens,
        prompt_tokens,
        total_tokens,
        input_tokens_cost,
        output_tokens_cost,
        request_cost,
        total_cost,
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
    from element_kinds
),

hashed as (
    select
        *,
        md5(concat({content})) as content_hash
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
