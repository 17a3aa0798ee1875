{{ config(enabled='rasa' in active_sources()) }}

with sessions as (
    {{ rows_of_scope_dates(ref('sessions'), 'rasa') }}
),

buckets as (
    select
        event_date,
        'session_length_distribution' as kpi,
        {{ bucket('duration_seconds', [10, 30, 60, 180, 600, 1800, 3600]) }} as bucket
    from sessions
    where not is_bounced

    union all

    select
        event_date,
        'interactions_per_session_distribution' as kpi,
        {{ bucket('interactions_count', [2, 3, 5, 10, 20]) }} as bucket
    from sessions
    where not is_bounced
),

totals as (
    select
        event_date,
        kpi,
        count(*) as counted
    from buckets
    group by event_date, kpi
)

select
    buckets.event_date,
    cast(buckets.kpi as varchar(64)) as kpi,
    cast('bucket' as varchar(64)) as dimension,
    cast(buckets.bucket as varchar(1024)) as dimension_value,
    {{ number('count(*)') }} as numerator,
    {{ number('max(totals.counted)') }} as denominator,
    cast(null as double precision) as value
from buckets
inner join totals on buckets.event_date = totals.event_date and buckets.kpi = totals.kpi
group by 1, 2, 3, 4
