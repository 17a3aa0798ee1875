{{ config(enabled='chat' in active_sources()) }}

-- A task is a message with agent steps, never a step. Plain answers are kept apart.
with interactions as (
    {{ rows_of_scope_dates(ref('interactions'), 'chat') }}
),

costs as (
    {{ rows_of_scope_dates(ref('message_costs'), 'chat') }}
),

totals as (
    {%- for dimension, expression in {
        'all': "'all'",
        'domain_category': "coalesce(interactions.domain_category, 'none')",
        'site': "coalesce(interactions.site, 'none')",
    }.items() %}
    {%- if not loop.first %}

    union all
    {% endif %}
    select
        interactions.event_date,
        cast('{{ dimension }}' as varchar(64)) as dimension,
        cast({{ expression }} as varchar(1024)) as dimension_value,
        sum(case when interactions.is_agent_task then 1 else 0 end) as agent_tasks,
        sum(case when interactions.is_agent_task and interactions.task_completed then 1 else 0 end)
            as agent_tasks_completed,
        sum(case when interactions.is_agent_task then interactions.agent_steps else 0 end) as agent_steps,
        sum(case when interactions.is_agent_task then 0 else 1 end) as plain_answers,
        sum(case when not interactions.is_agent_task and interactions.task_completed then 1 else 0 end)
            as plain_answers_completed,
        -- one cost row to one message: nothing is multiplied
        sum(case when interactions.is_agent_task then costs.total_cost end) as agent_task_cost
    from interactions
    inner join costs on interactions.interaction_id = costs.interaction_id
    group by 1, 2, 3
    {%- endfor %}
)

{% for kpi, numerator, denominator, counted in [
    ('agent_tasks', 'agent_tasks', '1', 'agent_tasks'),
    ('agent_task_completion_rate', 'agent_tasks_completed', 'agent_tasks', 'agent_tasks'),
    ('steps_per_agent_task', 'agent_steps', 'agent_tasks', 'agent_tasks'),
    ('cost_per_completed_task', 'coalesce(agent_task_cost, 0)', 'agent_tasks_completed', 'agent_tasks'),
    ('plain_answer_completion_rate', 'plain_answers_completed', 'plain_answers', 'plain_answers'),
] %}
{% if not loop.first %}union all{% endif %}

select
    event_date,
    cast('{{ kpi }}' as varchar(64)) as kpi,
    dimension,
    dimension_value,
    {{ number(numerator) }} as numerator,
    {{ number(denominator) }} as denominator,
    cast(null as double precision) as value
from totals
where dimension = 'all' or {{ counted }} > 0
{% endfor %}
