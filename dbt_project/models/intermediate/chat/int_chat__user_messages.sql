{{ config(enabled='chat' in active_sources()) }}

with messages as (
    select
        messages.*,
        lag(case when has_response then message_id end)
            over (partition by conversation_id order by interaction_nr) as previous_bot_fk
    from {{ ref('int_chat__messages') }} as messages
)

select
    event_date,
    conversation_id,
    conversation_id as session_id,
    1 as session_nr,
    message_id as interaction_id,
    interaction_nr,
    message_id as id,
    message_id,
    user_id,
    start_timestamp as "timestamp",
    user_query as text,
    intent_type as intent_name,
    intent_confidence,
    domain_category,
    domain_confidence,
    cast(null as varchar(256)) as input_channel,
    model as model_id,
    cast(null as varchar(256)) as environment,
    case when has_response then message_id end as interaction_bot_fk,
    cast(null as varchar(1024)) as interaction_slot_fk,
    case when typed_steps > 0 then message_id end as interaction_story_action_fk,
    previous_bot_fk as previous_interaction_bot_fk
from messages
where user_query is not null
