{{ config(enabled='chat' in active_sources()) }}

with interactions as (
    {{ rows_of_scope_dates(ref('interactions'), 'chat') }}
),

totals as (
    select
        event_date,
        count(*) as messages
    from interactions
    group by event_date
)

select {{ kpi_columns('no_response_rate', 'sum(case when has_response then 0 else 1 end)', 'count(*)') }}
from interactions
group by event_date

union all

select
    interactions.event_date,
    cast('no_response_rate' as varchar(64)) as kpi,
    cast('reason' as varchar(64)) as dimension,
    cast(coalesce(interactions.task_completion_reason, 'none') as varchar(1024)) as dimension_value,
    {{ number('count(*)') }} as numerator,
    {{ number('max(totals.messages)') }} as denominator,
    cast(null as double precision) as value
from interactions
inner join totals on interactions.event_date = totals.event_date
where not interactions.has_response
group by 1, 2, 3, 4
