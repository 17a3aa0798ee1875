{{ config(
    description='Every date with interactions has exactly one row of each KPI that is defined as every_date; dates in scope.',
    meta={'dagster': {'ref': {'name': 'daily'}}}
) }}

with dates as (
    select distinct
        interactions.source,
        interactions.event_date
    from {{ ref('interactions') }} as interactions
    inner join {{ ref('scope_dates') }} as scope
        on interactions.source = scope.source and interactions.event_date = scope.event_date
)

select
    dates.source,
    dates.event_date,
    definitions.kpi
from dates
inner join {{ ref('kpi_definitions') }} as definitions on dates.source = definitions.source and definitions.every_date
left join {{ ref('daily') }} as daily
    on
        dates.source = daily.source
        and dates.event_date = daily.event_date
        and definitions.kpi = daily.kpi
        and daily.dimension = 'all'
group by dates.source, dates.event_date, definitions.kpi
having count(daily.kpi) <> 1
