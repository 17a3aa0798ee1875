{{ config(enabled='rasa' in active_sources()) }}
{%- set raw_events = source('rasa', 'event') %}

{{ events_of_types(['bot'], {
    'text': ('long_text', 'text'),
    'utter_action': ('text', ['metadata__utter_action', 'metadata__template_name'])
}) }}
