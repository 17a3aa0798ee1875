{{ config(enabled='voice' in active_sources(), materialized='view') }}

select
    event_date as date,
    dimension_value as api_name,
    cast(max(case when kpi = 'api_calls' then numerator end) as bigint) as calls,
    cast(max(case when kpi = 'api_errors' then numerator end) as bigint) as errors,
    max(case when kpi = 'api_latency_p50_ms' then value end) as p50_ms,
    max(case when kpi = 'api_latency_p95_ms' then value end) as p95_ms,
    min(case when is_final then 1 else 0 end) = 1 as is_final
from {{ ref('daily') }}
where source = 'voice' and dimension = 'api'
group by event_date, dimension_value
