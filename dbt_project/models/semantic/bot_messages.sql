{{ union_sources('bot_messages', [
    'event_date',
    'conversation_id',
    'session_id',
    'session_nr',
    'interaction_id',
    'interaction_nr',
    'id',
    'message_id',
    'user_id',
    '"timestamp"',
    'text',
    'utter_action',
    'finish_reason',
    'model_id',
    'environment',
    'interaction_user_fk',
    'next_interaction_user_fk'
], missing={
    'rasa': {'finish_reason': 'varchar(64)'},
    'voice': {
        'utter_action': 'varchar(256)',
        'finish_reason': 'varchar(64)',
        'environment': 'varchar(256)',
    },
}) }}
