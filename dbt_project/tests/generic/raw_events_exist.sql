{# There is a table of raw events: event, or one table of a type of events at least. #}
{% test raw_events_exist(model) %}
{%- set tables = raw_tables() %}
{%- set found = events_are_ordered(tables) or event_type_tables(tables) | length > 0 %}

select 'no table of raw events in {{ source_schema('event') }}' as missing
where {{ 'false' if found else 'true' }}

{% endtest %}
