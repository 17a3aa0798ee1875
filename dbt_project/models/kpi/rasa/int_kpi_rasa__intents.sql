{{ config(enabled='rasa' in active_sources()) }}
{%- set low = 'intent_confidence < ' ~ rasa_setting('low_confidence') %}

with rows_in_scope as (
    {{ rows_of_scope_dates(ref('interactions'), 'rasa') }}
),

interactions as (
    select *
    from rows_in_scope
    where interaction_nr > 0
),

totals as (
    select
        event_date,
        count(*) as messages,
        {{ count_if('default_fallback_count > 0', 'bigint') }} as before_fallback
    from interactions
    group by event_date
)

select
    interactions.event_date,
    cast('intent_mix' as varchar(64)) as kpi,
    cast('intent' as varchar(64)) as dimension,
    cast(coalesce(interactions.intent, 'none') as varchar(1024)) as dimension_value,
    {{ number('count(*)') }} as numerator,
    {{ number('max(totals.messages)') }} as denominator,
    cast(null as double precision) as value
from interactions
inner join totals on interactions.event_date = totals.event_date
group by 1, 2, 3, 4

union all

-- what was meant, as far as the bot understood, where it then fell back
select
    interactions.event_date,
    cast('fallback_intent_mix' as varchar(64)) as kpi,
    cast('intent' as varchar(64)) as dimension,
    cast(coalesce(interactions.intent, 'none') as varchar(1024)) as dimension_value,
    {{ number('count(*)') }} as numerator,
    {{ number('max(totals.before_fallback)') }} as denominator,
    cast(null as double precision) as value
from interactions
inner join totals on interactions.event_date = totals.event_date
where interactions.default_fallback_count > 0
group by 1, 2, 3, 4

union all

select {{ kpi_columns(
    'intent_confidence', 'sum(' ~ number('intent_confidence') ~ ')', 'count(intent_confidence)', 'intent', 'intent'
) }}
from interactions
where intent is not null and intent_confidence is not null
group by event_date, intent

union all

select {{ kpi_columns('low_confidence_rate', count_if(low, 'bigint'), 'count(intent_confidence)', 'intent', 'intent') }}
from interactions
where intent is not null and intent_confidence is not null
group by event_date, intent
