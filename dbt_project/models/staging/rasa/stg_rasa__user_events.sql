{{ config(enabled='rasa' in active_sources()) }}
{%- set raw_events = source('rasa', 'event') %}

{{ events_of_types(['user'], {
    'text': ('long_text', 'text'),
    'intent_name': ('text', 'parse_data__intent__name'),
    'intent_confidence': ('number', 'parse_data__intent__confidence'),
    'input_channel': ('text', 'input_channel'),
    'message_id': ('text', ['message_id', 'parse_data__message_id'])
}) }}
