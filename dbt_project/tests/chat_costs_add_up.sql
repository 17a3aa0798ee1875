{{ config(
    enabled='chat' in active_sources(),
    description='Costs and tokens are the same in usage_metrics, message_costs and each KPI dimension; dates in scope.',
    meta={'dagster': {'ref': {'name': 'daily'}}}
) }}
{%- set measures = ['total_tokens', 'total_cost', 'total_cost_exact'] %}
{%- set places = [
    'reported', 'message_costs', 'all', 'user', 'thread', 'domain_category', 'intent_type', 'model'
] %}
{%- set kpis = "'" ~ measures | join("', '") ~ "'" %}

with facts as (
    {%- for measure in measures %}
    select
        event_date,
        '{{ measure }}' as measure,
        'reported' as place,
        coalesce(sum({{ number(measure) }}), 0) as amount
    from {{ ref('stg_chat__usage_metrics') }}
    where {{ date_in_scope() }}
    group by event_date

    union all

    select
        event_date,
        '{{ measure }}' as measure,
        'message_costs' as place,
        coalesce(sum({{ number(measure) }}), 0) as amount
    from {{ ref('message_costs') }}
    where source = 'chat' and {{ date_in_scope() }}
    group by event_date

    union all
    {% endfor %}
    select
        event_date,
        kpi as measure,
        dimension as place,
        sum(numerator) as amount
    from {{ ref('daily') }}
    where source = 'chat' and kpi in ({{ kpis }}) and {{ date_in_scope() }}
    group by event_date, kpi, dimension
),

-- every place is asked for every date, so that one that is missing counts as 0
places as (
    {%- for place in places %}
    {%- set first_place = loop.first %}
    {%- for measure in measures %}
    {%- if not (first_place and loop.first) %}

    union all
    {% endif %}
    select
        '{{ measure }}' as measure,
        '{{ place }}' as place
    {%- endfor %}
    {%- endfor %}
),

compared as (
    select
        scope.event_date,
        places.measure,
        places.place,
        coalesce(facts.amount, 0) as amount
    from {{ ref('scope_dates') }} as scope
    cross join places
    left join facts
        on
            scope.event_date = facts.event_date
            and places.measure = facts.measure
            and places.place = facts.place
    where scope.source = 'chat'
)

select
    event_date,
    measure,
    min(amount) as least,
    max(amount) as most
from compared
group by event_date, measure
having min(amount) <> max(amount)
