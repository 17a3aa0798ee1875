-- noqa: disable=LT02
{#- Rows of all families of KPIs of the sources that are switched on. -#}
{%- set families = {
    'chat': [
        'activity', 'costs', 'latency', 'tools', 'searches', 'responses', 'tasks', 'classifier', 'distributions'
    ],
    'rasa': ['activity', 'outcomes', 'interactions', 'funnels', 'retention', 'intents', 'distributions'],
    'voice': ['days', 'api', 'breakdowns', 'survey'],
} %}
{%- for source_name in active_sources() if source_name in families %}
{%- set outer_first = loop.first %}
{%- for family in families[source_name] %}
{%- if not (outer_first and loop.first) %}

union all
{% endif %}
select
    cast('{{ source_name }}' as varchar(64)) as source,
    event_date,
    kpi,
    dimension,
    dimension_value,
    numerator,
    denominator,
    value,
    {{ voice_has_open_calls() if source_name == 'voice' else 'false' }} as has_open_calls
from {{ ref('int_kpi_' ~ source_name ~ '__' ~ family) }}
{%- endfor %}
{%- endfor %}
