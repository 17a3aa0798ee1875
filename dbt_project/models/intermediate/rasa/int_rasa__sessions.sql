{{ config(enabled='rasa' in active_sources()) }}

select
    sessions.*,
    case
        when sessions.user_id is not null then sessions.session_id <> starts.first_session_id
    end as is_returning_user
from {{ ref('int_rasa__session_facts') }} as sessions
left join {{ ref('int_rasa__user_starts') }} as starts on sessions.user_id = starts.user_id
