{#
  The columns of one KPI in the long table. numerator, denominator and value are SQL.
  A plain count or sum has the denominator 1, so that value = numerator / denominator everywhere.
  value is given for percentiles only, which have no numerator.
#}
{% macro kpi_columns(kpi, numerator, denominator='1', dimension='all', dimension_value="'all'", value='null') -%}
    event_date,
    cast('{{ kpi }}' as varchar(64)) as kpi,
    cast('{{ dimension }}' as varchar(64)) as dimension,
    cast({{ dimension_value }} as varchar(1024)) as dimension_value,
    {{ number(numerator) }} as numerator,
    {{ number(denominator) }} as denominator,
    cast({{ value }} as double precision) as value
{%- endmacro %}

{# Rows of a table with source and event_date whose date is in the scope of the run. #}
{% macro rows_of_scope_dates(relation, source) -%}
    select facts.*
    from {{ relation }} as facts
    inner join {{ ref('scope_dates') }} as scope
        on facts.source = scope.source and facts.event_date = scope.event_date
    where facts.source = '{{ source }}'
{%- endmacro %}

{#
  Condition in daily: the watermark of the source has passed the end of the period. Voice waits longer, and its outcomes
  wait for calls that are still open.
#}
{% macro kpi_is_final() -%}
    case
        {%- if 'voice' in active_sources() %}
        when facts.source = 'voice'
            then {{ voice_is_final('facts.kpi', 'facts.event_date', 'watermarks.watermark', 'facts.has_open_calls') }}
        {%- endif %}
        when definitions.period = 'week' then watermarks.local_watermark >= facts.event_date + interval '7 days'
        when definitions.period = 'month' then watermarks.local_watermark >= facts.event_date + interval '1 month'
        else watermarks.local_watermark >= facts.event_date + interval '1 day'
    end
{%- endmacro %}
