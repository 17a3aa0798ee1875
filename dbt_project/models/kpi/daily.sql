{{ config(
    materialized='incremental',
    incremental_strategy='replace_dates',
    on_schema_change='fail',
    pre_hook='{{ require_scope() }}'
) }}

-- depends_on: {{ ref('scope_dates') }}
select
    facts.event_date,
    facts.source,
    facts.kpi,
    facts.dimension,
    facts.dimension_value,
    facts.numerator,
    facts.denominator,
    coalesce(facts.value, {{ divide('facts.numerator', 'facts.denominator') }}) as value,
    coalesce({{ kpi_is_final() }}, false) as is_final
from {{ ref('int_kpi__facts') }} as facts
left join {{ ref('kpi_definitions') }} as definitions
    on facts.source = definitions.source and facts.kpi = definitions.kpi
left join {{ ref('int_kpi__watermarks') }} as watermarks on facts.source = watermarks.source
