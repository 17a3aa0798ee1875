{{ config(
    enabled='voice' in active_sources(),
    materialized='incremental',
    incremental_strategy='replace_dates',
    on_schema_change='fail',
    pre_hook='{{ require_scope() }}',
    indexes=[{'columns': ['event_date']}] if target.type == 'postgres' else []
) }}

-- Half hours from the first instant of the local date; a date with a change of clocks has 46 or 50 of them.
with days as (
    select
        event_date,
        {{ local_day_start('voice', 'event_date') }} as day_start,
        {{ local_day_start('voice', "event_date + interval '1 day'") }} as day_end
    from {{ ref('scope_dates') }}
    where source = 'voice'
),

-- a call holds its line from its start to before its end, here cut at the ends of the date
calls as (
    select
        days.event_date,
        days.day_start,
        facts.started_at >= days.day_start as starts_here,
        case when facts.started_at >= days.day_start then facts.started_at else days.day_start end as since,
        case when facts.busy_until < days.day_end then facts.busy_until end as until
    from days
    inner join {{ ref('voice_call_facts') }} as facts
        on days.day_end > facts.started_at and days.day_start < facts.busy_until
    where
        facts.has_start
        -- no call holds a line for longer; spares the reading of history
        and facts.started_at >= (select min(first_days.day_start) from days as first_days)
        - interval '{{ voice_lost_hours() }} hours'
),

numbers as (
    {%- for number in range(50) %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select {{ number }} as number
    {%- endfor %}
),

moments as (
    select
        event_date,
        day_start,
        since as happened_at,
        1 as change,
        case when starts_here then 1 else 0 end as started
    from calls

    union all

    select
        event_date,
        day_start,
        until as happened_at,
        -1 as change,
        0 as started
    from calls
    where until is not null

    union all

    select
        days.event_date,
        days.day_start,
        days.day_start + numbers.number * interval '30 minutes' as happened_at,
        0 as change,
        0 as started
    from days
    cross join numbers
    where days.day_start + numbers.number * interval '30 minutes' < days.day_end
),

running as (
    select
        event_date,
        day_start,
        cast(floor({{ seconds_between('day_start', 'happened_at') }} / 1800) as integer) as interval_nr,
        started,
        sum(change) over (
            partition by event_date
            order by happened_at, change
            rows between unbounded preceding and current row
        ) as concurrent,
        change
    from moments
)

select
    cast('voice' as varchar(64)) as source,
    event_date,
    interval_nr,
    min(day_start) + interval_nr * interval '30 minutes' as interval_start,
    {{ source_time('voice', "(min(day_start) + interval_nr * interval '30 minutes')") }} as local_start,
    cast(sum(started) as bigint) as calls,
    -- what ends at the very start of the half hour was not there in it
    cast(max(case when change >= 0 then concurrent else 0 end) as bigint) as peak_concurrency
from running
group by event_date, interval_nr
having sum(started) > 0 or max(case when change >= 0 then concurrent else 0 end) > 0
