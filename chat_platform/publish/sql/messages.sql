-- Messages to be written, one row each, with everything that the tables of the chat source derive from.
-- In: lake rows, candidates. Out: messages.
create or replace temp table messages as
with
kept as (
    select
        lake.*,
        coalesce(lake.thread_id, lake.session_id) as conversation_id,
        -- Lists of one field each: a list of whole steps would be copied with all of their fields.
        list_transform(lake.steps, lambda step: step.tool_type) as tool_types,
        list_filter(
            list_transform(
                lake.steps,
                lambda step: case when step.tool_type = 'agent_progress' then coalesce(step.outcome, '') end
            ),
            lambda outcome: outcome is not null
        ) as agent_outcomes,
        lake.steps[list_position(list_transform(lake.steps, lambda step: step.user_id is not null), true)] as known
    from read_parquet(getvariable('lake_files'), union_by_name => true) as lake
    semi join (select * from candidates where verdict = 'accepted' and is_new) as accepted
        on
            lake.load_sequence = accepted.load_sequence
            and lake.source_file = accepted.source_file
            and lake.byte_offset = accepted.byte_offset
),

masked as (
    select
        * exclude (user_query, response_content, tool_types, agent_outcomes, known),
        -- For steps.sql: the place of the first browser tool, and whether there are more.
        list_position(tool_types, 'browser_tool_execution') as browser_place,
        coalesce(
            list_contains(tool_types[browser_place + 1:], 'browser_tool_execution'), false
        ) as has_browser_tools,
        coalesce(len(agent_outcomes), 0) as agent_steps,
        coalesce(list_count(tool_types), 0) as typed_steps,
        coalesce(len(tool_types), 0) as all_steps,
        nullif(agent_outcomes[-1], '') as agent_outcome,
        published_key(known.user_id) as user_id,
        mask(user_query) as full_query,
        mask(response_content) as full_content,
        mask(known.timezone) as full_timezone
    from kept
)

select
    * exclude (full_content, full_timezone),
    cut(full_query, 65535) as user_query,
    cut(full_content, 65535) as response_content,
    strlen(full_content) > 65535 as content_truncated,
    cut(full_timezone, 64) as user_timezone,
    case
        when agent_steps > 0 then case agent_outcome when 'succeeded' then true when 'failed' then false end
        when not has_response then false
        when status = 'PENDING' then null
        when finish_reason = 'stop' and coalesce(status, 'COMPLETED') = 'COMPLETED' then true
    end as task_completed,
    case
        when agent_steps > 0
            then case agent_outcome when 'succeeded' then 'completed' when 'failed' then 'failed' else 'partial' end
        when not has_response then 'failed'
        when status = 'PENDING' then 'in_progress'
        when finish_reason = 'stop' and coalesce(status, 'COMPLETED') = 'COMPLETED' then 'completed'
        else 'partial'
    end as task_completion_status,
    case
        when agent_steps > 0
            then case agent_outcome
                when 'succeeded' then 'agent_succeeded'
                when 'failed' then 'agent_failed'
                else 'agent_unfinished'
            end
        when not has_response then cut(mask(failure_reason), 256)
        when status = 'PENDING' then 'pending'
        else cut(mask(coalesce(finish_reason, 'no_finish_reason')), 256)
    end as task_completion_reason
from masked
