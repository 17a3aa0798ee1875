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
