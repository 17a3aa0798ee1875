{{ config(enabled='chat' in active_sources()) }}

with costs as (
    {{ rows_of_scope_dates(ref('message_costs'), 'chat') }}
),

users as (
    select
        event_date,
        user_id,
        count(*) as messages
    from costs
    where user_id is not null
    group by event_date, user_id
),

buckets as (
    select
        event_date,
        'cost_distribution' as kpi,
        {{ bucket('total_cost', [0.005, 0.01, 0.02, 0.05, 0.1, 0.5]) }} as bucket
    from costs
    where total_cost is not null

    union all

    select
        event_date,
        'token_distribution' as kpi,
        {{ bucket('total_tokens', [100, 500, 1000, 5000, 10000, 50000]) }} as bucket
    from costs
    where total_tokens is not null

    union all

    select
        event_date,
        'messages_per_user_distribution' as kpi,
        {{ bucket('messages', [2, 3, 5, 10, 20]) }} as bucket
    from users
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
