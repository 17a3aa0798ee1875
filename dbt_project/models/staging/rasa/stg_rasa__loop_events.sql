{{ config(enabled='rasa' in active_sources()) }}

{{ events_of_types(['active_loop', 'form'], {
    'loop_name': ('text', 'name')
}) }}
