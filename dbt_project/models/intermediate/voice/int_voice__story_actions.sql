{{ config(enabled='voice' in active_sources()) }}

-- what the robot does beside talking is to call other systems
select
    event_date,
    conversation_id,
    conversation_id as session_id,
    1 as session_nr,
    {{ voice_interaction_id('interaction_nr') }} as interaction_id,
    interaction_nr,
    event_key as id,
    phone_key as user_id,
    event_timestamp as "timestamp",
    event_nr as step_index,
    coalesce(api_name, 'unnamed') as action_name,
    {{ voice_interaction_id('nullif(interaction_nr, 0)') }} as interaction_user_fk,
    {{ voice_interaction_id('bot_nr') }} as interaction_bot_fk
from {{ ref('int_voice__ordered_events') }}
where actor = 'api'
