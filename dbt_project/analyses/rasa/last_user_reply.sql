{{ config(enabled='rasa' in active_sources()) }}

-- What was the last user reply in the conversation?
select
    conversations.conversation_id,
    messages."timestamp",
    messages.text
from {{ ref('conversations') }} as conversations
inner join {{ ref('user_messages') }} as messages
    on conversations.source = messages.source and conversations.conversation_id = messages.conversation_id
where
    conversations.source = 'rasa'
    and not exists (
        select 1
        from {{ ref('user_messages') }} as later
        where
            later.source = messages.source
            and later.conversation_id = messages.conversation_id
            and (
                later.session_nr > messages.session_nr
                or (later.session_nr = messages.session_nr and later.interaction_nr > messages.interaction_nr)
            )
    )
