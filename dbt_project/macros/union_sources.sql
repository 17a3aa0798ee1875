{#
  One table out of the int_<source>__<entity> models of the sources that are switched on.
  entity: last part of the model names. columns: the columns of the table, in order.
  only: the sources that have the entity, where not all do; without one of them the model has to be off.
  missing: {source: {column: type}}, what a source does not know; null there.
#}
{% macro union_sources(entity, columns, only=none, missing={}) -%}
    -- depends_on: {{ ref('scope_conversations') }}
    {%- if 'rasa' in active_sources() or 'voice' in active_sources() %}
    -- the dates in scope are found by what stands here before
    -- depends_on: {{ ref('scope_dates') }}
    {%- endif %}
    {%- for source_name in active_sources() if only is none or source_name in only %}
    {% if not loop.first %}
    union all
    {% endif %}
    select
        cast('{{ source_name }}' as varchar(64)) as source
        {%- for column in columns %},
        {% if column in missing.get(source_name, {}) -%}
            cast(null as {{ missing[source_name][column] }}) as {{ column }}
        {%- else -%}
            {{ column }}
        {%- endif %}
        {%- endfor %}
    from {{ ref('int_' ~ source_name ~ '__' ~ entity) }}
    {%- endfor %}
{%- endmacro %}
