{{ config(enabled='voice' in active_sources()) }}
{%- set asked = "coalesce(transfer_intent = 'TRANSFERE', false)" %}

with calls as (
    {{ voice_calls_in_scope() }}
),

-- why a call went to a person: the customer asked, or the robot had not understood
transferred as (
    select
        event_date,
        rejections_before,
        case
            when {{ asked }} and rejections_before > 0 then 'asked after rejections'
            when {{ asked }} then 'asked'
            when rejections_before > 0 then 'after rejections'
            else 'other'
        end as reason
    from calls
    where is_transferred
),

transferred_days as (
    select
        event_date,
        count(*) as counted
    from transferred
    group by event_date
),

-- apart from the rest, what was given up before the robot spoke: the others are the calls of the rate
abandoned as (
    select
        event_date,
        case when passed_through_robot then coalesce(last_script_point, 'none') else 'not answered' end as script_point,
        case when passed_through_robot then coalesce(last_dialog_type, 'none') else 'not answered' end as dialog_type
    from calls
    where outcome = 'abandoned'
),

abandoned_days as (
    select
        event_date,
        count(*) as counted
    from abandoned
    group by event_date
)

{%- for kpi, relation, dimension, value in [
    ('transfers_by_reason', 'transferred', 'reason', 'facts.reason'),
    ('transfers_by_rejections', 'transferred', 'rejections', 'cast(facts.rejections_before as varchar(16))'),
    ('abandoned_at', 'abandoned', 'script_point', 'facts.script_point'),
    ('abandoned_at', 'abandoned', 'dialog_type', 'facts.dialog_type'),
] %}
{%- if not loop.first %}

union all
{% else %}
{% endif %}
select
    facts.event_date,
    cast('{{ kpi }}' as varchar(64)) as kpi,
    cast('{{ dimension }}' as varchar(64)) as dimension,
    cast({{ value }} as varchar(1024)) as dimension_value,
    {{ number('count(*)') }} as numerator,
    {{ number('max(days.counted)') }} as denominator,
    cast(null as double precision) as value
from {{ relation }} as facts
inner join {{ relation }}_days as days on facts.event_date = days.event_date
group by 1, 2, 3, 4
{%- endfor %}
