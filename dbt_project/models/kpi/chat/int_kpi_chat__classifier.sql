{{ config(enabled='chat' in active_sources()) }}

with interactions as (
    {{ rows_of_scope_dates(ref('interactions'), 'chat') }}
),

totals as (
    select
        event_date,
        count(domain_category) as domain_classified,
        count(intent) as intent_classified
    from interactions
    group by event_date
)

{% for name, label, confidence in [
    ('domain', 'domain_category', 'domain_confidence'),
    ('intent', 'intent', 'intent_confidence'),
] %}
{% if not loop.first %}union all{% endif %}

select {{ kpi_columns(
    name ~ '_abstention_rate', 'sum(case when ' ~ label ~ " = 'Unknown' then 1 else 0 end)", 'count(' ~ label ~ ')'
) }}
from interactions
group by event_date

union all

select {{ kpi_columns(
    name ~ '_confidence', 'coalesce(sum(' ~ number(confidence) ~ '), 0)', 'count(' ~ confidence ~ ')'
) }}
from interactions
group by event_date

union all

select
    interactions.event_date,
    cast('{{ name }}_mix' as varchar(64)) as kpi,
    cast('{{ 'intent_type' if name == 'intent' else label }}' as varchar(64)) as dimension,
    cast(interactions.{{ label }} as varchar(1024)) as dimension_value,
    {{ number('count(*)') }} as numerator,
    {{ number('max(totals.' ~ name ~ '_classified)') }} as denominator,
    cast(null as double precision) as value
from interactions
inner join totals on interactions.event_date = totals.event_date
where interactions.{{ label }} is not null
group by 1, 2, 3, 4
{% endfor %}
