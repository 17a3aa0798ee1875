{{ config(enabled='rasa' in active_sources()) }}
{%- set raw_events = source('rasa', 'event') %}

{{ events_of_types(['flow_started', 'flow_completed', 'flow_cancelled', 'flow_interrupted', 'flow_resumed'], {
    'flow_id': ('text', 'flow_id'),
    'step_id': ('text', 'step_id')
}) }}
