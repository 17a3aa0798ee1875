{{ config(enabled='rasa' in active_sources()) }}
{#-
  Weeks whose retention is to be counted anew: those from which on the size of a cohort has changed, as a user is new or
  was new earlier than known; those that have no row yet, as nobody came in them; and those that the data no longer
  covers. Weeks reach from the first cohort to the last event.
-#}
{%- set standing = existing_model('sessions') if not scope_is_whole() else none %}
{%- set daily = existing_daily() if standing is not none else none %}
{%- set facts = ref('int_rasa__session_facts') %}
{%- set starts = ref('int_rasa__user_starts') %}
{%- set scope = ref('scope_conversations') %}

with {% if daily is not none -%}
users as (
    select user_id
    from {{ facts }}
    where user_id is not null

    union

    select standing.user_id
    from {{ standing }} as standing
    inner join {{ scope }} as scope
        on standing.source = scope.source and standing.conversation_id = scope.conversation_id
    where standing.source = 'rasa' and standing.user_id is not null
),

starts as (
    select
        user_id,
        first_seen,
        'after' as side
    from {{ starts }}

    union all

    select
        standing.user_id,
        standing.start_timestamp as first_seen,
        'before' as side
    from {{ standing }} as standing
    where standing.source = 'rasa'
),

weeks_of_users as (
    select
        starts.user_id,
        min(case when starts.side = 'before' then starts.first_week end) as before,
        min(case when starts.side = 'after' then starts.first_week end) as after
    from (
        select
            user_id,
            side,
            {{ period_start('week', source_time('rasa', 'first_seen')) }} as first_week
        from starts
    ) as starts
    inner join users on starts.user_id = users.user_id
    group by starts.user_id
),

moved as (
    select min(case when after is null or before < after then before else after end) as first_week
    from weeks_of_users
    where before is null or after is null or before <> after
),

counted as (
    select distinct event_date
    from {{ daily }}
    where source = 'rasa' and kpi = 'retention_rate'
),

bounds as (
    select min(first_week) as first_week
    from (
        select first_week
        from moved

        union all

        select event_date as first_week
        from counted
    ) as firsts
),
{%- else -%}
bounds as (
    select {{ period_start('week', source_time('rasa', 'min(first_seen)')) }} as first_week
    from {{ starts }}
),
{%- endif %}

weeks as (
    select cast(bounds.first_week + 7 * numbers.n as date) as event_date
    from ({{ whole_numbers() }}) as numbers
    cross join bounds
    cross join (
        select {{ period_start('week', 'max(event_date)') }} as last_week
        from {{ ref('int_rasa__readable_events') }}
    ) as feed
    where bounds.first_week + 7 * numbers.n <= feed.last_week
)

select weeks.event_date
from weeks
{%- if daily is not none %}
left join counted on weeks.event_date = counted.event_date
cross join moved
where counted.event_date is null or weeks.event_date >= moved.first_week

union

select counted.event_date
from counted
left join weeks on counted.event_date = weeks.event_date
where weeks.event_date is null
{%- endif %}
