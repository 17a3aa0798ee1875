{{ config(enabled='voice' in active_sources()) }}

-- what the robot does beside talking is to call other systems
select
    events.event_date,
    events.conversation_id,
    events.conversation_id as session_id,
    1 as session_nr,
    events.interaction_id,
    events.interaction_nr,
    events.event_key as id,
    events.phone_key as user_id,
    events.event_timestamp as "timestamp",
    events.event_nr as step_index,
    coalesce(events.api_name, 'unnamed') as action_name,
    interactions.interaction_user_fk,
    interactions.interaction_bot_fk
from {{ ref('int_voice__ordered_events') }} as events
inner join {{ ref('int_voice__interactions') }} as interactions on events.interaction_id = interactions.interaction_id
where events.actor = 'api'
