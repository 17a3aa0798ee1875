{#
  The scope is what a run rebuilds: conversations in the semantic tables, dates in the KPI tables.
  It is normally what ops.run_scope names. It is everything on a full refresh, and when a table does not exist yet.
#}

{# Incremental models whose rows are replaced by scope. #}
{% macro scoped_nodes() %}
    {% set found = [] %}
    {% for node in graph.nodes.values() %}
        {% if node.config.materialized == 'incremental' and (node.config.incremental_strategy or '').startswith('replace_') %}
            {% do found.append(node) %}
        {% endif %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}

{% macro node_relation(node) %}
    {{ return(adapter.get_relation(database=node.database, schema=node.schema, identifier=node.alias)) }}
{% endmacro %}

{# True where the run must rebuild everything. #}
{% macro scope_is_whole() %}
    {% if not execute %}
        {{ return(false) }}
    {% endif %}
    {% if flags.FULL_REFRESH %}
        {{ return(true) }}
    {% endif %}
    {% for node in scoped_nodes() %}
        {% if node_relation(node) is none %}
            {{ return(true) }}
        {% endif %}
    {% endfor %}
    {{ return(rules_changed()) }}
{% endmacro %}

{#
  Relation of a scoped model as it stands before the run, where it exists, else none. Not a ref: the scope is built
  before the table.
#}
{% macro existing_model(name) %}
    {% if not execute %}
        {{ return(none) }}
    {% endif %}
    {% for node in scoped_nodes() if node.name == name %}
        {{ return(node_relation(node)) }}
    {% endfor %}
    {{ return(none) }}
{% endmacro %}

{% macro existing_daily() %}
    {{ return(existing_model('daily')) }}
{% endmacro %}

{#
  Post-hook of scope_dates: its dates join those that ops.run_scope names. Some are found by what stood before the run;
  one that breaks off when that is replaced would leave them to nobody.
#}
{% macro keep_dates() %}
    {%- set run_scope = existing_table('ops', 'run_scope') -%}
    {%- if run_scope is not none %}
    insert into {{ run_scope }} (run_id, mode, source, kind, value)
    select
        opened.run_id,
        opened.mode,
        scope.source,
        'date' as kind,
        cast(scope.event_date as varchar(10)) as value
    from {{ this }} as scope
    cross join (
        select
            max(run_id) as run_id,
            max(mode) as mode
        from {{ run_scope }}
        having count(*) > 0 and count(case when kind = 'done' then 1 end) = 0
    ) as opened
    where not exists (
        select 1
        from {{ run_scope }} as named
        where
            named.source = scope.source and named.kind = 'date'
            and named.value = cast(scope.event_date as varchar(10))
    )
    {%- endif %}
{% endmacro %}

{#
  Pre-hook of every scoped model. A table made anew would lack without a word what stands of a source that is switched
  off, and from the scope of an earlier run history.
#}
{% macro require_scope() %}
    {% if execute and flags.WHICH in ('run', 'build') %}
        {% if flags.FULL_REFRESH and load_relation(this) is not none %}
            {% set off = run_query("select distinct source from " ~ this ~ " where not " ~ is_active('source')) %}
            {% if off | length > 0 %}
                {{ exceptions.raise_compiler_error(
                    this ~ " holds rows of sources that are switched off (" ~ off.columns[0].values() | sort | join(', ')
                    ~ ") and would lose them: name them in CHAT_PLATFORM_SOURCES too, or leave out --full-refresh."
                ) }}
            {% endif %}
        {% endif %}
        {% if flags.FULL_REFRESH or load_relation(this) is none %}
            {% for node in graph.nodes.values() if node.config.materialized == 'table' %}
                {% if node.name.startswith(('scope_', 'int_')) and node.unique_id not in selected_resources %}
                    {{ exceptions.raise_compiler_error(
                        this ~ " is built from nothing, which needs the scope of everything: "
                        ~ "select the whole project, or add " ~ node.name ~ " to the selection."
                    ) }}
                {% endif %}
            {% endfor %}
        {% endif %}
    {% endif %}
{% endmacro %}

{# Replace the rows of the scope: a conversation or date that no longer has rows leaves none behind. #}
{% macro replace_in_scope(arg_dict, scope, keys) %}
    {%- set target_relation = arg_dict['target_relation'] -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    delete from {{ target_relation }}
    where exists (
        select 1
        from {{ scope }} as scope
        where
            {%- for key in keys %}
            {% if not loop.first %}and {% endif %}scope.{{ key }} = {{ adapter.quote(target_relation.identifier) }}.{{ key }}
            {%- endfor %}
    );
    insert into {{ target_relation }} ({{ columns }})
    select {{ columns }}
    from {{ arg_dict['temp_relation'] }}
{% endmacro %}

{% macro get_incremental_replace_conversations_sql(arg_dict) %}
    {{ return(replace_in_scope(arg_dict, ref('scope_conversations'), ['source', 'conversation_id'])) }}
{% endmacro %}

{% macro get_incremental_replace_dates_sql(arg_dict) %}
    {{ return(replace_in_scope(arg_dict, ref('scope_dates'), ['source', 'event_date'])) }}
{% endmacro %}

{#
  Condition on the rows of a table, of one source or of several: the date is in the scope. Put before a sum, it spares
  the reading of history; what the sum is joined with decides in the end.
#}
{% macro date_in_scope() -%}
    event_date in (select scope_dates.event_date from {{ ref('scope_dates') }} as scope_dates)
{%- endmacro %}

{#
  From clause of a test, the table as facts: all of it, or its rows in scope_conversations or scope_dates. source: for a
  table of one source, which does not name it: rows without a date or call are looked at as well, and all of them where
  no scope has been built yet.
#}
{% macro rows_in_scope(model, scope=none, source=none) -%}
    {%- set relation = ref(scope) if scope is not none else none %}
    {%- set key = 'conversation_id' if scope == 'scope_conversations' else 'event_date' %}
    {%- if scope is none or (source is not none and execute and load_relation(relation) is none) %}
    {{ model }} as facts
    {%- elif source is none %}
    {{ model }} as facts
    inner join (select source as scope_source, {{ key }} as scope_key from {{ relation }}) as scope
        on facts.source = scope.scope_source and facts.{{ key }} = scope.scope_key
    {%- else %}
    {%- set own_key = 'call_id' if key == 'conversation_id' else key %}
    (
        select *
        from {{ model }}
        where
            {{ own_key }} is null
            or {{ own_key }} in (select scope.{{ key }} from {{ relation }} as scope where scope.source = '{{ source }}')
    ) as facts
    {%- endif %}
{%- endmacro %}
