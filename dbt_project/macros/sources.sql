{#
  Names of the sources that are switched on; models and tests of other sources are off. The var `sources` (a list)
  wins over the environment variable (names with commas between them), and the default is that of the platform.
#}
{% macro active_sources() %}
    {{ return(var('sources', none) or env_var('CHAT_PLATFORM_SOURCES', 'chat,rasa,voice').split(',')) }}
{% endmacro %}

{# Condition on a column that names a source: it is switched on. What stands of the others is not touched. #}
{% macro is_active(column) -%}
    {{ column }} in ('{{ active_sources() | join("', '") }}')
{%- endmacro %}

{# Relation of a table that dbt does not make, where it exists, else none. layer: event or ops. #}
{% macro existing_table(layer, name) %}
    {% if not execute %}
        {{ return(none) }}
    {% endif %}
    {{ return(adapter.get_relation(database=target.database, schema=source_schema(layer), identifier=name)) }}
{% endmacro %}

{# The setting session_gap_minutes in microseconds; none where it is off. #}
{% macro session_gap_microseconds() %}
    {%- set given = rasa_setting('session_gap_minutes') -%}
    {%- set minutes = given | float(0) if given is string else given -%}
    {%- if given is none or not execute -%}
        {{ return(none) }}
    {%- elif minutes is not number or minutes is boolean or not 0 < minutes < 1e9 -%}
        {{ exceptions.raise_compiler_error(
            "session_gap_minutes is " ~ given ~ ": it must be a number of minutes above 0, such as 60, or off."
        ) }}
    {%- endif -%}
    {{ return((minutes * 60 * 1000000) | round | int) }}
{% endmacro %}

{# Id that dbt gave its run, for runs that the platform has not started. #}
{% macro run_of_dbt() -%}
    {{ invocation_id if execute }}
{%- endmacro %}

{#
  Body of a test: loads of which another number of rows stands than was accepted. events: relation with load_id, one row
  an accepted event. All of history, as loads and events are compared in one pass. Only the platform counts lines.
#}
{% macro loads_differ(source_name, events) %}
{%- set loads = existing_table('ops', 'loads') %}
-- depends_on: {{ source('ops', 'loads') }}

{% if loads is none -%}
select cast(null as varchar(64)) as load_id
where false
{%- else -%}
select
    loads.load_id,
    loads.accepted,
    coalesce(standing.events, 0) as standing
from {{ loads }} as loads
left join (
    select
        load_id,
        count(*) as events
    from {{ events }}
    group by load_id
) as standing on loads.load_id = standing.load_id
where loads.source = '{{ source_name }}' and loads.accepted <> coalesce(standing.events, 0)
{%- endif %}
{% endmacro %}
