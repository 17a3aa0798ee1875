{{ config(
    description='A share is part of a whole: 0 <= numerator <= denominator; dates in scope.',
    meta={'dagster': {'ref': {'name': 'daily'}}}
) }}

select
    daily.source,
    daily.event_date,
    daily.kpi,
    daily.dimension,
    daily.dimension_value
from {{ ref('daily') }} as daily
inner join {{ ref('scope_dates') }} as scope on daily.source = scope.source and daily.event_date = scope.event_date
inner join {{ ref('kpi_definitions') }} as definitions
    on daily.source = definitions.source and daily.kpi = definitions.kpi
where
    definitions.unit = 'share'
    and coalesce(daily.numerator < 0 or daily.numerator > daily.denominator, true)
