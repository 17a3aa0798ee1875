-- Landing files to the tables of the chat source, the happy path only: no check, no reject, no pseudonym, no mask, no
-- limit of length, no trace to the line, no load, no history. Writes into the open database. Variables: files.
create temp table messages as
with
read as (
    select
        *,
        response_body.choices[1] as choice,
        response_body.usage as usage,
        make_timestamp(cast(round("@timestamp" * 1000000) as bigint)) as event_timestamp,
        coalesce(
            nullif(thread_id, ''), nullif(request_body.thread_id, ''), nullif(response_body.thread_id, '')
        ) as thread,
        list_filter(request_body.messages, lambda said: said.role = 'user')[-1].content as content
    from read_json(getvariable('files'), {reader})
    where "@timestamp" between 1500000000 and 2500000000 and request_body is not null
),

picked as (
    select
        *,
        coalesce(
            nullif(
                case
                    when left(content, 1) = '"' then content ->> '$'
                    else array_to_string(content ->> '$[*].text', chr(10))
                end,
                ''
            ),
            nullif(request_body.query, ''),
            nullif(request_body.message, ''),
            nullif(request_body.content, ''),
            nullif(request_body.user_input, ''),
            nullif(request_body.prompt, '')
        ) as user_query,
        choice.message.reasoning_steps as steps
    from read
)

select
    coalesce(
        nullif(_id."$oid", ''), nullif(response_body.id, ''), md5(concat_ws('|', thread, "@timestamp", user_query))
    ) as session_id,
    thread as thread_id,
    "@timestamp" as unix_seconds,
    event_timestamp,
    cast(event_timestamp as date) as event_date,
    timezone('UTC', timestamp) as created_timestamp,
    user_query,
    request_body.web_search_options.search_type as search_type,
    choice is not null as has_response,
    response_body.id as response_id,
    response_body.created as response_created,
    response_body.model as model,
    response_body.status as status,
    response_body.type as type,
    len(response_body.search_results) as num_results,
    choice.finish_reason as finish_reason,
    choice.message.content as response_content,
    usage,
    list_transform(
        steps,
        lambda step, position: struct_pack(
            step_index := cast(position - 1 as integer),
            tool_type := step.type,
            step_type := step.browser_tool_execution.tool.step_type,
            user_id := step.browser_tool_execution.tool.content.extra_headers ->> '$.user_id',
            action := step.agent_progress.action,
            url := step.agent_progress.url,
            outcome := case
                when step.agent_progress.action = 'finished' or starts_with(step.thought, 'Task Succeeded')
                    then 'completed'
                when starts_with(step.thought, 'Task Failed') then 'failed'
            end,
            keywords := step.web_search.search_keywords,
            result_count := len(step.web_search.search_results)
        )
    ) as steps
from picked
qualify row_number() over (partition by session_id order by "@timestamp" desc) = 1;

create temp table steps as
with
unnested as (
    select
        session_id,
        thread_id,
        event_timestamp,
        event_date,
        user_query,
        search_type,
        num_results,
        unnest(list_filter(steps, lambda step: step.tool_type <> '')) as step
    from messages
),

carried as (
    select
        * exclude (step),
        unnest(step),
        case
            when step.tool_type = 'agent_progress'
                then last_value(
                    case when step.tool_type = 'browser_tool_execution' then coalesce(step.step_type, '') end
                    ignore nulls
                ) over (
                    partition by session_id order by step.step_index
                    rows between unbounded preceding and current row
                )
        end as carried_type
    from unnested
)

select
    * exclude (carried_type) replace (coalesce(carried_type, step_type) as step_type),
    hash(session_id, step_index) as tool_usage_id,
    case
        when tool_type = 'web_search' then 'web_searches'
        when tool_type = 'browser_tool_execution' then 'browser_automations'
        when carried_type = 'ENTROPY_REQUEST' then 'web_automations'
    end as classification_target
from carried;

create table chat_sessions as
with counted as (
    select
        * exclude (steps),
        len(list_filter(steps, lambda step: step.tool_type = 'agent_progress')) as agent_steps,
        len(list_filter(steps, lambda step: step.tool_type <> '')) as typed_steps,
        len(steps) as all_steps,
        list_filter(steps, lambda step: step.tool_type = 'agent_progress')[-1].outcome as outcome,
        list_filter(steps, lambda step: step.user_id <> '')[1].user_id as user_id
    from messages
)

select
    session_id,
    thread_id,
    coalesce(thread_id, session_id) as conversation_id,
    event_timestamp,
    event_date,
    created_timestamp,
    response_id,
    user_query,
    case
        when agent_steps > 0 then outcome = 'completed'
        when not has_response then false
        when status = 'PENDING' then null
        when finish_reason = 'stop' then true
    end as task_completed,
    case
        when agent_steps > 0 then coalesce(outcome, 'partial')
        when not has_response then 'failed'
        when status = 'PENDING' then 'in_progress'
        when finish_reason = 'stop' then 'completed'
        else 'partial'
    end as task_completion_status,
    case
        when agent_steps > 0 then coalesce('agent_' || outcome, 'agent_unfinished')
        when not has_response then 'no_response'
        else finish_reason
    end as task_completion_reason,
    has_response,
    user_id,
    agent_steps,
    typed_steps,
    all_steps - typed_steps as typeless_steps
from counted;

create table responses as
select
    response_id,
    session_id,
    thread_id,
    event_timestamp,
    event_date,
    to_timestamp(response_created) as created_timestamp,
    response_content,
    finish_reason,
    model,
    status,
    type
from messages
where has_response;

create table usage_metrics as
select
    hash(session_id, 'usage') as metric_id,
    session_id,
    thread_id,
    event_timestamp,
    event_date,
    usage.completion_tokens,
    usage.prompt_tokens,
    usage.total_tokens,
    usage.cost.input_tokens_cost,
    usage.cost.output_tokens_cost,
    usage.cost.request_cost,
    usage.cost.total_cost,
    usage.prompt_tokens * 3 / 1000000 as input_tokens_cost_exact,
    usage.completion_tokens * 15 / 1000000 as output_tokens_cost_exact,
    usage.search_context_size,
    cast((unix_seconds - response_created) * 1000 as integer) as latency_ms,
    model
from messages
where usage is not null;

create table query_classifications as
select
    session_id,
    thread_id,
    event_timestamp,
    event_date,
    user_query
from messages
where user_query is not null;

create table tool_usage as
select
    tool_usage_id,
    session_id,
    thread_id,
    event_timestamp,
    event_date,
    step_index,
    tool_type,
    step_type,
    classification_target
from steps;

create table web_searches as
select
    tool_usage_id,
    session_id,
    thread_id,
    event_timestamp,
    event_date,
    step_index,
    search_type,
    to_json(keywords) as search_keywords,
    len(keywords) as keyword_count,
    num_results,
    result_count
from steps
where classification_target = 'web_searches';

create table browser_automations as
select
    tool_usage_id,
    session_id,
    thread_id,
    event_timestamp,
    event_date,
    step_index,
    lower(step_type) as action_type,
    step_type,
    user_id
from steps
where classification_target = 'browser_automations';

create table web_automations as
select
    tool_usage_id,
    session_id,
    thread_id,
    event_timestamp,
    event_date,
    step_index,
    coalesce(nullif(action, ''), 'unknown') as action_type,
    url as action_url,
    lower(regexp_extract(url, '^[A-Za-z]+://(?:www\.)?([^/:?#]+)', 1)) as domain_name,
    coalesce(outcome, 'in_progress') as task_status,
    outcome = 'completed' as task_completed
from steps
where classification_target = 'web_automations';
