{{ config(enabled='chat' in active_sources()) }}

with interactions as (
    {{ rows_of_scope_dates(ref('interactions'), 'chat') }}
),

actions as (
    {{ rows_of_scope_dates(ref('story_actions'), 'chat') }}
),

calls as (
    select
        event_date,
        count(*) as calls
    from actions
    group by event_date
)

select {{ kpi_columns('tool_calls', 'coalesce(sum(tool_calls), 0)') }}
from interactions
group by event_date

union all

select {{ kpi_columns('tool_calls_per_message', 'coalesce(sum(tool_calls), 0)', 'count(*)') }}
from interactions
group by event_date
{%- for dimension in ['tool_type', 'classification_target'] %}

union all

select
    actions.event_date,
    cast('tool_mix' as varchar(64)) as kpi,
    cast('{{ dimension }}' as varchar(64)) as dimension,
    cast(coalesce(actions.{{ dimension }}, 'none') as varchar(1024)) as dimension_value,
    {{ number('count(*)') }} as numerator,
    {{ number('max(calls.calls)') }} as denominator,
    cast(null as double precision) as value
from actions
inner join calls on actions.event_date = calls.event_date
group by 1, 2, 3, 4
{%- endfor %}
