{{ config(enabled='rasa' in active_sources()) }}

{{ union_sources('event_rows', [
    'event_date',
    'conversation_id',
    'session_id',
    'interaction_id',
    'id',
    'event_nr',
    'row_id',
    'load_id'
], only=['rasa']) }}
