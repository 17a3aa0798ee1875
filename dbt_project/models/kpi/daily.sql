{{ config(
    materialized='incremental',
    incremental_strategy='replace_dates',
    on_schema_change='fail',
    pre_hook='{{ require_scope() }}'
) }}
{%- set families = {
    'chat': [
        'activity', 'costs', 'latency', 'tools', 'searches', 'responses', 'tasks', 'classifier', 'distributions'
    ],
} %}

with facts as (
    {%- set sources = var('sources') %}
    {%- for source_name in sources if source_name in families %}
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
        value
    from {{ ref('int_kpi_' ~ source_name ~ '__' ~ family) }}
    {%- endfor %}
    {%- endfor %}
),

watermarks as (
    {%- for source_name in var('sources') %}
    {%- if not loop.first %}

    union all
    {% endif %}
    select
        cast('{{ source_name }}' as varchar(64)) as source,
        {{ source_time(source_name, 'max(last_event_timestamp)') }} as watermark
    from {{ source('ops', 'loads') }}
    where source = '{{ source_name }}'
    {%- endfor %}
)

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
    coalesce(
        watermarks.watermark >= case definitions.period
            when 'week' then facts.event_date + interval '7 days'
            when 'month' then facts.event_date + interval '1 month'
            else facts.event_date + interval '1 day'
        end,
        false
    ) as is_final
from facts
left join {{ ref('kpi_definitions') }} as definitions
    on facts.source = definitions.source and facts.kpi = definitions.kpi
left join watermarks on facts.source = watermarks.source
