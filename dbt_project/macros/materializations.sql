{#
  Views and tables of DuckDB are replaced where they stand, in one statement that happens whole or not at all. dbt's own
  way makes them under another name, renames twice and drops, at four times the cost. On other databases that way stays:
  Postgres does not replace a view whose columns change.
#}

{% materialization view, adapter='duckdb' %}
    {{ return(replaced('view')) }}
{% endmaterialization %}

{% materialization table, adapter='duckdb' %}
    {{ return(replaced('table')) }}
{% endmaterialization %}

{% macro replaced(kind) %}
    {%- set standing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type=kind) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if standing is not none and standing.type != kind %}
        {#- With what follows, or not at all. #}
        {% do adapter.ensure_transaction() %}
        {{ adapter.drop_relation(standing) }}
    {%- endif %}
    {#- What a dbt that was killed half-way in its own way has left holds rows that nobody would ever look for. #}
    {%- for left in (make_intermediate_relation(target_relation), make_backup_relation(target_relation, kind)) %}
        {{ drop_relation_if_exists(load_cached_relation(left)) }}
    {%- endfor %}
    {% call statement('main') %}
        create or replace {{ kind }} {{ target_relation }} as (
            {{ sql }}
        )
    {% endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmacro %}
