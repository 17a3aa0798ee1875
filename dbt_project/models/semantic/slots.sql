{{ config(enabled='rasa' in active_sources()) }}

{{ union_sources('slots', [
    'event_date',
    'conversation_id',
    'session_id',
    'session_nr',
    'interaction_id',
    'interaction_nr',
    'id',
    'user_id',
    '"timestamp"',
    'name',
    'value',
    'slot_name_normalised',
    'slot_action_normalised',
    'active_form',
    'active_form_nr',
    'next_fill_id',
    'next_fill_timestamp',
    'next_fill_interaction_id',
    'next_attempt_id',
    'next_attempt_timestamp',
    'next_attempt_interaction_id',
    'model_id',
    'environment',
    'interaction_user_fk',
    'interaction_bot_fk'
], only=['rasa']) }}
