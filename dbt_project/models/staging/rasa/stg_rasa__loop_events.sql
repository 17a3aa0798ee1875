{{ config(enabled='rasa' in active_sources()) }}
{%- set raw_events = source('rasa', 'event') %}

{{ events_of_types(['active_loop', 'form'], {
    'loop_name': ('text', 'name')
}) }}
