{#
  Rows of some KPIs in all and by environment, model and channel where they are known.
  kpis: {name: (numerator, denominator)} in SQL; from: relation or CTE with event_date and the columns.
#}
{% macro kpis_by_dimension(relation, kpis, dimensions) -%}
    {%- for dimension, column in [('all', none)] + dimensions -%}
    {%- set outer_first = loop.first -%}
    {%- for kpi, (numerator, denominator) in kpis.items() -%}
    {%- if not (outer_first and loop.first) %}

union all

{% endif -%}
select {{ kpi_columns(kpi, numerator, denominator, dimension, column or "'all'") }}
from {{ relation }}
{%- if column is not none %}
where {{ column }} is not null
group by event_date, {{ column }}
{%- else %}
group by event_date
{%- endif -%}
    {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}

{# Rows of a table in all and once more under each dimension in which they are known: by_dimension, by_value. #}
{% macro rows_by_dimension(relation, dimensions) -%}
    {%- for dimension, column in [('all', none)] + dimensions %}
    {%- if not loop.first %}

    union all
    {% endif %}
    select
        facts.*,
        cast('{{ dimension }}' as varchar(64)) as by_dimension,
        cast({{ 'facts.' ~ column if column is not none else "'all'" }} as varchar(1024)) as by_value
    from {{ relation }} as facts
    {%- if column is not none %}
    where facts.{{ column }} is not null
    {%- endif %}
    {%- endfor %}
{%- endmacro %}

{#
  One KPI of the rows that rows_by_dimension gives. name and value: a dimension of its own, beside which environment,
  model or channel stand in front, as in "channel, form and slot"; value is SQL of the columns group_by.
#}
{% macro kpi_by_dimension(relation, kpi, numerator, denominator, name=none, value=none, group_by=none, where=none) -%}
select
    event_date,
    cast('{{ kpi }}' as varchar(64)) as kpi,
    {%- if name is none %}
    by_dimension as dimension,
    by_value as dimension_value,
    {%- else %}
    cast(
        case by_dimension
            when 'all' then '{{ name }}' else by_dimension || '{{ ', ' if ' and ' in name else ' and ' }}{{ name }}'
        end as varchar(64)
    ) as dimension,
    cast(case by_dimension when 'all' then {{ value }} else by_value || ' / ' || {{ value }} end as varchar(1024))
        as dimension_value,
    {%- endif %}
    {{ number(numerator) }} as numerator,
    {{ number(denominator) }} as denominator,
    cast(null as double precision) as value
from {{ relation }}
{%- if where is not none %}
where {{ where }}
{%- endif %}
group by event_date, by_dimension, by_value{% if value is not none %}, {{ group_by or value }}{% endif %}
{%- endmacro %}

{# Denominator of a share of all values of a dimension of its own. #}
{% macro total_of_values() -%}
    sum(count(*)) over (partition by event_date, by_dimension, by_value)
{%- endmacro %}

{# The dimensions of Rasa, with their columns; a session has the first that is known in it. #}
{% macro rasa_dimensions(model='model_id') -%}
    {{ return([('environment', 'environment'), ('model', model), ('channel', 'input_channel')]) }}
{%- endmacro %}
