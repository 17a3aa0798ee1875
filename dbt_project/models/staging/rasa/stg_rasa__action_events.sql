{{ config(enabled='rasa' in active_sources()) }}
{%- set raw_events = source('rasa', 'event') %}

{{ events_of_types(['action'], {
    'action_name': ('text', 'name'),
    'policy': ('text', 'policy'),
    'confidence': ('number', 'confidence')
}) }}
