{{ config(enabled='rasa' in active_sources()) }}
{#-
  Weeks whose retention is to be counted anew because a user is new, or was new earlier than known: the size of that
  week's cohort has changed, and the later weeks of the cohort are measured by it.
-#}
{%- set standing = existing_model('sessions') if not scope_is_whole() else none %}
{%- set daily = existing_daily() %}
{%- set facts = ref('int_rasa__session_facts') %}
{%- set starts = ref('int_rasa__user_starts') %}
{%- set scope = ref('scope_conversations') %}

{% if standing is none or daily is none -%}
select cast(null as date) as event_date
where false
{%- else -%}
with users as (
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

weeks as (
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
    from weeks
    where before is null or after is null or before <> after
)

select distinct daily.event_date
from {{ daily }} as daily
inner join moved on daily.event_date >= moved.first_week
where daily.source = 'rasa' and daily.kpi = 'retention_rate'
{%- endif %}
