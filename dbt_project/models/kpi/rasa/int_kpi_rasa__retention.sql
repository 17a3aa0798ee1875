{{ config(enabled='rasa' in active_sources()) }}
{#-
  Users of a cohort, those who were new in one week, who came back in the week of the row; the row stands on the
  week in which they were there, so that a later visit changes no earlier row.
-#}

with starts as (
    select
        user_id,
        {{ period_start('week', 'event_date') }} as cohort_week
    from {{ ref('users') }}
    where source = 'rasa'
),

cohorts as (
    select
        cohort_week,
        count(*) as users
    from starts
    group by cohort_week
),

visits as (
    select distinct
        scope.event_date,
        sessions.user_id
    from {{ ref('sessions') }} as sessions
    inner join {{ ref('scope_dates') }} as scope
        on sessions.source = scope.source and {{ period_start('week', 'sessions.event_date') }} = scope.event_date
    where sessions.source = 'rasa' and sessions.user_id is not null
)

select
    visits.event_date,
    cast('retention_rate' as varchar(64)) as kpi,
    cast('cohort_week' as varchar(64)) as dimension,
    cast(cast(starts.cohort_week as varchar(16)) as varchar(1024)) as dimension_value,
    {{ number('count(*)') }} as numerator,
    {{ number('max(cohorts.users)') }} as denominator,
    cast(null as double precision) as value
from visits
inner join starts on visits.user_id = starts.user_id
inner join cohorts on starts.cohort_week = cohorts.cohort_week
group by visits.event_date, starts.cohort_week
