{{ config(enabled='rasa' in active_sources()) }}

{{ events_of_types(['action'], {
    'action_name': ('text', 'name'),
    'policy': ('text', 'policy'),
    'confidence': ('number', 'confidence')
}) }}
