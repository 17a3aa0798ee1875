-- noqa: disable=LT02,LT14
{{ config(enabled='rasa' in active_sources()) }}
{%- set raw_events = source('rasa', 'event') %}
-- depends_on: {{ source('event', 'shown_ids') }}
{#-
  What the columns of the settings user_id and external_session_id say, on user messages and on starts of a session.
  Left out where both are the sender. Where the platform keeps the ids of people as they may be shown, those stand
  here, and an id that it has not met yet is null.
-#}
{%- set tables = raw_tables() -%}
{%- set columns = {'user': rasa_setting('user_id'), 'session': rasa_setting('external_session_id')} -%}
{%- set shown = shown_ids() -%}
{%- set asked = [] -%}
{%- for column in columns.values() if column != 'sender_id' and column not in asked -%}
    {%- do asked.append(column) -%}
{%- endfor -%}
{%- set parts = [] -%}
{%- set found = [] -%}
{%- for table in ['event_user', 'event_session_started', 'event_action'] if table in tables -%}
    {%- set here = with_variants(tables[table], asked) -%}
    {%- if here and (table != 'event_action' or with_variants(tables[table], 'name')) -%}
        {%- do parts.append(table) -%}
        {%- do found.extend(here) -%}
    {%- endif -%}
{%- endfor -%}
{%- for kind, column in columns.items() if execute and tables and column in asked -%}
    {%- if not with_variants(found, column) -%}
        {%- do exceptions.warn(
            "No table of raw events has a column " ~ column ~ " ("
            ~ ("setting user_id): no user is known." if kind == 'user' else "setting external_session_id): none is known.")
        ) -%}
    {%- elif kind == 'user' and shown is not none -%}
        {%- set known = run_query(
            "select 1 from " ~ shown ~ " where kind = 'user' and column_name = '" ~ column ~ "' limit 1"
        ) -%}
        {%- if known | length == 0 -%}
            {%- do exceptions.warn(
                "No id of the column " ~ column ~ " has a pseudonym yet, so no user is known: set "
                ~ "CHAT_PLATFORM_RASA_USER_ID for the platform and let it publish or make dates anew."
            ) -%}
        {%- endif -%}
    {%- endif -%}
{%- endfor %}
{%- if not parts %}
select
    cast(null as varchar(128)) as row_id,
    cast(null as varchar(1024)) as user_id,
    cast(null as varchar(1024)) as external_session_id
where false
{%- else %}
with named as (
    {%- for table in parts %}
    {%- if not loop.first %}

    union all

    {% endif %}
    select
        cast(_dlt_id as varchar(128)) as row_id,
        {{ raw_text(tables[table], columns['user']) }} as user_id,
        {{ raw_text(tables[table], columns['session']) }} as external_session_id
    from {{ raw_relation(table) }}
    {%- if table == 'event_action' %}
    where {{ raw_text(tables[table], 'name') }} in ('action_session_start', 'action_restart')
    {%- endif %}
    {%- endfor %}
)

select
    named.row_id,
    {%- if shown is none %}
    named.user_id,
    named.external_session_id
from named
    {%- else %}
    {%- for kind in columns %}
    {{ kind }}_ids.shown_id as {{ 'user_id' if kind == 'user' else 'external_session_id' }}{{ ',' if not loop.last }}
    {%- endfor %}
from named
    {%- for kind, column in columns.items() %}
left join {{ shown }} as {{ kind }}_ids
    on
        {{ kind }}_ids.kind = '{{ kind }}'
        and {{ kind }}_ids.column_name = '{{ column }}'
        and named.{{ 'user_id' if kind == 'user' else 'external_session_id' }} = {{ kind }}_ids.given_id
    {%- endfor %}
    {%- endif %}
{%- endif %}
