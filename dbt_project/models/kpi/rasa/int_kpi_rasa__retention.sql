{{ config(enabled='rasa' in active_sources()) }}
{#-
  Users of a cohort, those who were new in one week, who came back in the week of the row; the row stands on the
  week in which they were there, so that a later visit changes no earlier row. A week in which nobody came back has a
  row of 0, up to the week of the last event.
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

weeks as (
    select scope.event_date
    from {{ ref('scope_dates') }} as scope
    cross join (
        select max(event_date) as last_date
        from {{ ref('int_rasa__readable_events') }}
    ) as feed
    where
        scope.source = 'rasa'
        and scope.event_date = {{ period_start('week', 'scope.event_date') }}
        and scope.event_date <= feed.last_date
),

visits as (
    select
        weeks.event_date,
        starts.cohort_week,
        count(distinct sessions.user_id) as users
    from {{ ref('sessions') }} as sessions
    inner join weeks on {{ period_start('week', 'sessions.event_date') }} = weeks.event_date
    inner join starts on sessions.user_id = starts.user_id
    where sessions.source = 'rasa'
    group by weeks.event_date, starts.cohort_week
)

select
    weeks.event_date,
    cast('retention_rate' as varchar(64)) as kpi,
    cast('cohort_week' as varchar(64)) as dimension,
    cast(cast(cohorts.cohort_week as varchar(16)) as varchar(1024)) as dimension_value,
    {{ number('coalesce(visits.users, 0)') }} as numerator,
    {{ number('cohorts.users') }} as denominator,
    cast(null as double precision) as value
from weeks
inner join cohorts on weeks.event_date >= cohorts.cohort_week
left join visits on weeks.event_date = visits.event_date and cohorts.cohort_week = visits.cohort_week
