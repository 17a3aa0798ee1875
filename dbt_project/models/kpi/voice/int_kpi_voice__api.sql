{{ config(enabled='voice' in active_sources()) }}

with api_calls as (
    select
        {{ voice_api_date() }} as event_date,
        coalesce(api_name, 'none') as api_name,
        http_status,
        elapsed_ms
    from {{ ref('stg_voice__api_calls') }}
),

api_calls_in_scope as (
    select *
    from api_calls
    where {{ voice_date_in_scope('event_date') }}
)

select {{ kpi_columns('api_calls', 'count(*)', dimension='api', dimension_value='api_name') }}
from api_calls_in_scope
group by event_date, api_name

union all

select {{ kpi_columns(
    'api_errors', count_if('http_status >= 400', 'bigint'), dimension='api', dimension_value='api_name'
) }}
from api_calls_in_scope
group by event_date, api_name
{%- for name, fraction in {'p50': 0.5, 'p95': 0.95}.items() %}

union all

select {{ kpi_columns(
    'api_latency_' ~ name ~ '_ms', 'null', 'count(elapsed_ms)', 'api', 'api_name',
    value=percentile('elapsed_ms', fraction)
) }}
from api_calls_in_scope
group by event_date, api_name
{%- endfor %}
