-- noqa: disable=LT02,LT14
{{ config(enabled='rasa' in active_sources()) }}
{%- set raw_events = source('rasa', 'event') %}
{#-
  What the columns of the vars user_id and external_session_id say, on user messages and on starts of a session.
  Left out where both are the sender.
-#}
{%- set tables = raw_tables() -%}
{%- set user_column = var('user_id', 'sender_id') -%}
{%- set session_column = var('external_session_id', 'sender_id') -%}
{%- set parts = [] -%}
{%- for table in ['event_user', 'event_session_started', 'event_action'] if table in tables -%}
    {%- if with_variants(tables[table], [user_column, session_column]) -%}
        {%- do parts.append(table) -%}
    {%- endif -%}
{%- endfor -%}
{%- if user_column == 'sender_id' and session_column == 'sender_id' -%}
    {%- set parts = [] -%}
{%- elif execute and tables and user_column != 'sender_id' and not parts -%}
    {%- do exceptions.warn("No table of raw events has a column " ~ user_column ~ " (var user_id): no user is known.") -%}
{%- endif -%}
{%- for table in parts %}
{%- if not loop.first %}

union all

{% endif -%}
select
    cast(_dlt_id as varchar(128)) as row_id,
    {{ raw_text(tables[table], user_column) }} as user_id,
    {{ raw_text(tables[table], session_column) }} as external_session_id
from {{ raw_relation(table) }}
{%- if table == 'event_action' %}
where name in ('action_session_start', 'action_restart')
{%- endif %}
{%- else %}
select
    cast(null as varchar(128)) as row_id,
    cast(null as varchar(1024)) as user_id,
    cast(null as varchar(1024)) as external_session_id
where false
{%- endfor %}
