{{ config(enabled='chat' in active_sources()) }}

with messages as (
    select
        messages.*,
        lead(case when user_query is not null then message_id end)
            over (partition by conversation_id order by interaction_nr) as next_user_fk
    from {{ ref('int_chat__messages') }} as messages
)

select
    messages.event_date,
    messages.conversation_id,
    messages.conversation_id as session_id,
    1 as session_nr,
    messages.message_id as interaction_id,
    messages.interaction_nr,
    messages.message_id as id,
    messages.message_id,
    messages.user_id,
    messages.event_timestamp as "timestamp",
    responses.response_content as text,
    cast(null as varchar(256)) as utter_action,
    responses.finish_reason,
    responses.model as model_id,
    cast(null as varchar(256)) as environment,
    case when messages.user_query is not null then messages.message_id end as interaction_user_fk,
    messages.next_user_fk as next_interaction_user_fk
from messages
inner join {{ ref('stg_chat__responses') }} as responses
    on messages.event_date = responses.event_date and messages.message_id = responses.message_id
