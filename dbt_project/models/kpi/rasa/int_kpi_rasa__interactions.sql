{{ config(enabled='rasa' in active_sources()) }}
{%- set dimensions = rasa_dimensions() %}
{%- set low = 'intent_confidence < ' ~ rasa_setting('low_confidence') %}

with rows_in_scope as (
    {{ rows_of_scope_dates(ref('interactions'), 'rasa') }}
),

interactions as (
    select *
    from rows_in_scope
    where interaction_nr > 0
)

{{ kpis_by_dimension('interactions', {
    'interactions': ('count(*)', '1'),
    'fallback_rate': (count_if(is_fallback('*_count'), 'bigint'), 'count(*)'),
    'undone_rate': (count_if('is_undone', 'bigint'), 'count(*)'),
    'unanswered_rate': (count_if('not has_response', 'bigint'), 'count(*)'),
    'low_confidence_rate': (count_if(low, 'bigint'), 'count(intent_confidence)'),
    'intent_confidence': ('coalesce(sum(' ~ number('intent_confidence') ~ '), 0)', 'count(intent_confidence)'),
}, dimensions) }}

{% for dimension, column in [('all', none)] + dimensions %}
{% for name, fraction in {'p50': 0.5, 'p95': 0.95, 'p99': 0.99}.items() %}
union all

select {{ kpi_columns(
    'answer_time_' ~ name ~ '_ms', 'null', 'count(*)', dimension, column or "'all'",
    value=percentile('answer_time_ms', fraction)
) }}
from interactions
where answer_time_ms is not null{% if column is not none %} and {{ column }} is not null{% endif %}

group by event_date{% if column is not none %}, {{ column }}{% endif %}

{% endfor %}
{% endfor %}
