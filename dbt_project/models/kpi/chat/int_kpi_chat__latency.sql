{{ config(enabled='chat' in active_sources()) }}

with interactions as (
    {{ rows_of_scope_dates(ref('interactions'), 'chat') }}
)

{% for name, fraction in {'p50': 0.5, 'p95': 0.95, 'p99': 0.99}.items() %}
{% if not loop.first %}union all{% endif %}

select {{ kpi_columns(
    'latency_' ~ name ~ '_ms', 'null', 'count(*)', value=percentile('answer_time_ms', fraction)
) }}
from interactions
where answer_time_ms is not null
group by event_date
{% endfor %}
