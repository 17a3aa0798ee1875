{{ config(enabled='rasa' in active_sources()) }}
{%- set raw_events = source('rasa', 'event') %}

{{ events_of_types(['slot'], {
    'slot_name': ('text', 'name'),
    'slot_value': ('long_text', 'value')
}) }}
