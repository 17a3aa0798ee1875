{#
  One table out of the int_<source>__<entity> models of the sources that are switched on.
  entity: last part of the model names. columns: the columns of the table, in order; every source has them all.
  only: the sources that have the entity, where not all do.
#}
{% macro union_sources(entity, columns, only=none) -%}
    -- depends_on: {{ ref('scope_conversations') }}
    {%- for source_name in var('sources') if only is none or source_name in only %}
    {% if not loop.first %}
    union all
    {% endif %}
    select
        cast('{{ source_name }}' as varchar(64)) as source,
        {{ columns | join(',\n        ') }}
    from {{ ref('int_' ~ source_name ~ '__' ~ entity) }}
    {%- endfor %}
{%- endmacro %}
