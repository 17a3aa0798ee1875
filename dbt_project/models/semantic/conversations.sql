{{ union_sources('conversations', [
    'event_date',
    'conversation_id',
    'external_conversation_id',
    'user_id',
    'known_users',
    'first_seen',
    'last_seen',
    'sessions_count',
    'interactions_count',
    'first_session_id',
    'last_session_id'
]) }}
