-- Typed steps, one row each, routed (chat spec, sections 3 and 4). In: messages, tool_routing. Out: steps.
-- An agent_progress step carries the step_type of the last browser tool before it in the same message; the empty
-- text stands for a browser tool that names none.
create or replace temp table steps as
with
unnested as not materialized (
    select
        rowid as message_number,
        session_id,
        thread_id,
        event_timestamp,
        event_date,
        search_type,
        num_results,
        has_browser_tools,
        browser_place,
        steps[browser_place].step_type as browser_type,
        unnest(list_filter(steps, lambda step: step.tool_type is not null)) as step
    from messages
    where typed_steps > 0
),

carried as (
    -- Most messages have one browser tool at most: then nothing has to be put in order.
    select
        * exclude (has_browser_tools),
        case
            when step.tool_type = 'browser_tool_execution' then step.step_type
            when step.tool_type = 'agent_progress' and step.step_index >= browser_place then browser_type
        end as step_type
    from unnested
    where not has_browser_tools
    union all
    select
        * exclude (has_browser_tools),
        case step.tool_type
            when 'browser_tool_execution' then step.step_type
            when 'agent_progress'
                then nullif(
                    last_value(
                        case
                            when step.tool_type = 'browser_tool_execution' then coalesce(step.step_type, '')
                        end ignore nulls
                    ) over (
                        partition by message_number order by step.step_index
                        rows between unbounded preceding and current row
                    ),
                    ''
                )
        end as step_type
    from unnested
    where has_browser_tools
),

masked as (
    select
        *,
        mask(step.tool_type) as masked_tool_type,
        mask(step_type) as masked_step_type
    from carried
)

select
    carried.message_number,
    id64(carried.session_id || chr(31) || cast(carried.step.step_index as varchar)) as tool_usage_id,
    carried.session_id,
    carried.thread_id,
    carried.event_timestamp,
    carried.event_date,
    carried.step.step_index as step_index,
    cut(carried.masked_tool_type, 256) as tool_type,
    cut(carried.masked_step_type, 256) as step_type,
    coalesce(of_any.classification_target, of_one.classification_target) as classification_target,
    carried.search_type,
    carried.num_results,
    carried.step.result_count as result_count,
    carried.step.keywords as keywords,
    published_key(carried.step.user_id) as user_id,
    carried.step.action as action,
    carried.step.url as url,
    carried.step.outcome as outcome
from masked as carried
-- Two joins of equal columns: with an "or" DuckDB compares each step with each rule. A type has rules of one kind only.
left join (select * from tool_routing where step_type = '*') as of_any on carried.step.tool_type = of_any.tool_type
left join tool_routing as of_one
    on carried.step.tool_type = of_one.tool_type and carried.step_type = of_one.step_type
