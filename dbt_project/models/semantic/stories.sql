{{ config(enabled='rasa' in active_sources()) }}

{{ union_sources('stories', [
    'event_date',
    'conversation_id',
    'session_id',
    'session_nr',
    'story_id',
    'story_nr',
    'story_intent',
    'user_id',
    'start_timestamp',
    'end_timestamp',
    'duration_seconds',
    'first_interaction_id',
    'last_interaction_id',
    'first_interaction_nr',
    'last_interaction_nr',
    'interactions_count',
    'outcome',
    'model_id',
    'environment',
    'input_channel'
], only=['rasa']) }}
