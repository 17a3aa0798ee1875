{#
  Reading the raw tables of Rasa, which build themselves: a table or column exists once an event has brought it. A
  value whose type differs from what came first stands in a variant column, value__v_double beside value. These
  macros look at what there is; where nothing is, the expression is null.
#}

{# Types of the columns of the raw tables: {table: {column: TYPE}}; child tables (__) are left out. #}
{% macro raw_tables() %}
    {%- set found = {} -%}
    {%- if execute -%}
        {%- set rows = run_query(
            "select table_name, column_name, upper(data_type) from information_schema.columns "
            ~ "where table_catalog = '" ~ target.database ~ "' and table_schema = '" ~ source_schema('event') ~ "' "
            ~ "order by table_name, column_name"
        ) -%}
        {%- for table, column, type in rows if table == 'event' or (table.startswith('event_') and '__' not in table) -%}
            {%- do found.setdefault(table, {}).update({column: type}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{% endmacro %}

{#
  True where the platform unpacked the events: `event` has their order, their place and the hash of their content.
  Tables that dlt made have none of these, nor one id for an event in `event` and in the table of its type.
#}
{% macro events_are_ordered(tables) %}
    {{ return('content_hash' in tables.get('event', {})) }}
{% endmacro %}

{#
  True where dlt wrote loads beside events that the platform unpacked: the two do not know of each other's events, and
  ids of people are as they came. Such loads stay pending; says so.
#}
{% macro loads_left_out() %}
    {%- set loads = existing_table('event', '_dlt_loads') -%}
    {%- if loads is none or 'rasa' not in active_sources() or not events_are_ordered(raw_tables()) -%}
        {{ return(false) }}
    {%- endif -%}
    {%- if run_query("select 1 from " ~ loads ~ " where status = 0 limit 1") | length > 0 -%}
        {%- do exceptions.warn(
            "The loads in " ~ loads ~ " stay pending: beside events that the platform unpacked those that dlt loaded are "
            ~ "not read. Let dlt load into a schema of its own and give that one another source_schema_prefix."
        ) -%}
    {%- endif -%}
    {{ return(true) }}
{% endmacro %}

{# Tables with one row per event of one type, of those that have what an event needs. #}
{% macro event_type_tables(tables) %}
    {%- set found = [] -%}
    {%- for table, columns in tables.items() if table != 'event' and 'sender_id' in columns and 'timestamp' in columns and 'event' in columns -%}
        {%- do found.append(table) -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}

{# The columns of a name: itself and its variants. #}
{% macro with_variants(columns, names) %}
    {%- set found = [] -%}
    {%- for name in ([names] if names is string else names) -%}
        {%- for column in columns if column == name or column.startswith(name ~ '__v_') -%}
            {%- do found.append(column) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}

{# One value out of the expressions of the columns, the first that is not null; cast to the type. #}
{% macro first_known(expressions, type) -%}
    {%- if expressions | length == 0 -%}
        cast(null as {{ type }})
    {%- elif expressions | length == 1 -%}
        cast({{ expressions[0] }} as {{ type }})
    {%- else -%}
        cast(coalesce({{ expressions | join(', ') }}) as {{ type }})
    {%- endif -%}
{%- endmacro %}

{# Text of columns of any type; a whole number is the same text whether it came as 5 or 5.0. #}
{% macro raw_text(columns, names, length=1024) -%}
    {%- set expressions = [] -%}
    {%- for column in with_variants(columns, names) -%}
        {%- do expressions.append(column_text(adapter.quote(column), columns[column])) -%}
    {%- endfor -%}
    {{ first_known(expressions, 'varchar(' ~ length ~ ')') }}
{%- endmacro %}

{% macro column_text(column, type) -%}
    {%- if type.startswith(('DOUBLE', 'REAL', 'FLOAT', 'NUMERIC', 'DECIMAL')) -%}
        case
            when {{ column }} = floor({{ column }}) and abs({{ column }}) < 1e15
                then cast(cast({{ column }} as bigint) as varchar(65535))
            else cast(cast({{ column }} as double precision) as varchar(65535))
        end
    {%- elif type == 'TIMESTAMP WITH TIME ZONE' -%}
        {#- as UTC, whatever the zone of the session that reads: ids hang on it -#}
        cast({{ column }} at time zone 'UTC' as varchar(65535)) || '+00'
    {%- else -%}
        cast({{ column }} as varchar(65535))
    {%- endif -%}
{%- endmacro %}

{#
  Number of columns; a time counts as seconds since 1970. A column that began as text has the numbers that came later
  as text; other text is null.
#}
{% macro raw_number(columns, names, type='double precision') -%}
    {%- set expressions = [] -%}
    {%- for column in with_variants(columns, names) -%}
        {%- if columns[column].startswith('TIMESTAMP') -%}
            {%- do expressions.append('cast(extract(epoch from ' ~ adapter.quote(column) ~ ') as double precision)') -%}
        {%- elif columns[column].startswith(('DOUBLE', 'REAL', 'FLOAT', 'NUMERIC', 'DECIMAL', 'BIGINT', 'INTEGER', 'HUGEINT', 'SMALLINT')) -%}
            {%- do expressions.append('cast(' ~ adapter.quote(column) ~ ' as double precision)') -%}
        {%- elif columns[column].startswith(('VARCHAR', 'TEXT', 'CHARACTER')) -%}
            {%- do expressions.append(number_in_text(adapter.quote(column))) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ first_known(expressions, type) }}
{%- endmacro %}

{# Number that a text is, null for other text; no more digits than a double has room for. #}
{% macro number_in_text(text) -%}
    case
        when {{ text_matches(text, '^[+-]?[0-9]{1,100}([.][0-9]{0,100})?([eE][+-]?[0-9]{1,2})?$') }}
            then cast({{ text }} as double precision)
    end
{%- endmacro %}

{# Hash of all that an event says. A column that a later event adds leaves the hash of earlier ones as it is. #}
{% macro raw_content_hash(columns) -%}
    {%- set names = [] -%}
    {%- for column in columns if not column.startswith('_dlt_') -%}
        {%- set name = column.split('__v_')[0] -%}
        {%- if name not in names -%}
            {%- do names.append(name) -%}
        {%- endif -%}
    {%- endfor -%}
    md5(
        {%- for name in names | sort %}
        {% if not loop.first %}|| {% endif %}coalesce('{{ name }}=' || {{ raw_text(columns, name, 65535) }} || chr(10), '')
        {%- endfor %}
    )
{%- endmacro %}

{#
  One row per event of some types, with columns of their own: name -> SQL type and names in the raw tables.
  fields: {column: ['text' or 'number', raw name or names]}. Tables that do not exist yet have no rows.
#}
{% macro events_of_types(types, fields) -%}
    {%- set tables = raw_tables() -%}
    {%- set parts = [] -%}
    {%- for type in types if 'event_' ~ type in tables -%}
        {%- do parts.append('event_' ~ type) -%}
    {%- endfor -%}
    {%- for table in parts %}
    {%- if not loop.first %}

union all

{% endif -%}
select
    cast(_dlt_id as varchar(128)) as row_id
    {%- for column, (kind, names) in fields.items() %},
    {% if kind == 'text' %}{{ raw_text(tables[table], names) }}
    {%- elif kind == 'long_text' %}{{ raw_text(tables[table], names, 65535) }}
    {%- else %}{{ raw_number(tables[table], names) }}{% endif %} as {{ column }}
    {%- endfor %}
from {{ raw_relation(table) }}
    {%- else -%}
select
    cast(null as varchar(128)) as row_id
    {%- for column, (kind, names) in fields.items() %},
    cast(null as {{ 'varchar(65535)' if kind == 'long_text' else 'varchar(1024)' if kind == 'text' else 'double precision' }}) as {{ column }}
    {%- endfor %}
where false
    {%- endfor %}
{%- endmacro %}

{% macro raw_relation(table) -%}
    {{ return(api.Relation.create(database=target.database, schema=source_schema('event'), identifier=table)) }}
{%- endmacro %}
