-- noqa: disable=LT02,LT14
{{ config(enabled='rasa' in active_sources()) }}
{#-
  Where the platform unpacked the events, `event` has one row for each, with its order, and sender_key, the sender's
  pseudonym where the sender is an address or a number. Tables that dlt made: the rows
  of all type tables; events of one time are in the order of their content, as nothing in the tables tells more, and
  equal events are one.
-#}
{%- set tables = raw_tables() -%}
{%- set ordered = events_are_ordered(tables) -%}
{%- set parts = ['event'] if ordered else event_type_tables(tables) -%}
{%- set raw_events = source('rasa', 'event') %}

with events as (
    {%- for table in parts %}
    {%- set columns = tables[table] %}
    {%- if not loop.first %}

    union all
    {% endif %}
    select
        cast(_dlt_id as varchar(128)) as row_id,
        cast(_dlt_load_id as varchar(64)) as load_id,
        {{ raw_text(columns, ['sender_key', 'sender_id'] if ordered else 'sender_id') }} as conversation_id,
        {{ raw_text(columns, 'event') }} as event_type,
        {{ raw_number(columns, 'timestamp') }} as event_time,
        {{ raw_number(columns, 'order_time') if ordered else raw_number(columns, 'timestamp') }} as order_time,
        {{ raw_number(columns, 'position', 'bigint') if ordered else 'cast(null as bigint)' }} as event_position,
        {{ raw_text(columns, 'delivery') if ordered else 'cast(null as varchar(1024))' }} as delivery,
        {{ raw_text(columns, 'content_hash') if ordered else raw_content_hash(columns) }} as content_hash,
        {{ raw_text(columns, (['model_id'] if ordered else []) + ['metadata__model_id']) }} as model_id,
        {{ raw_text(columns, (['environment'] if ordered else []) + ['metadata__rasa_environment']) }} as environment,
        nullif(
            {{ raw_text(columns, (['session_id'] if ordered else []) + ['metadata__session_id']) }}, ''
        ) as given_session_id
    from {{ raw_relation(table) }}
    {%- else %}
    select
        cast(null as varchar(128)) as row_id,
        cast(null as varchar(64)) as load_id,
        cast(null as varchar(1024)) as conversation_id,
        cast(null as varchar(1024)) as event_type,
        cast(null as double precision) as event_time,
        cast(null as double precision) as order_time,
        cast(null as bigint) as event_position,
        cast(null as varchar(1024)) as delivery,
        cast(null as varchar(1024)) as content_hash,
        cast(null as varchar(1024)) as model_id,
        cast(null as varchar(1024)) as environment,
        cast(null as varchar(1024)) as given_session_id
    where false
    {%- endfor %}
)

select
    row_id,
    load_id,
    conversation_id,
    event_type,
    event_time,
    order_time,
    event_position,
    delivery,
    content_hash,
    model_id,
    environment,
    given_session_id,
    {{ seconds_to_timestamp('event_time') }} as event_timestamp,
    cast({{ source_time('rasa', seconds_to_timestamp('event_time')) }} as date) as event_date
from events
where conversation_id is not null and event_type is not null and event_time is not null
