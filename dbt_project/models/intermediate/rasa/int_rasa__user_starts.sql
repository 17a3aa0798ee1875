{{ config(enabled='rasa' in active_sources()) }}
{#- A user may have conversations that the run does not rebuild; their sessions stand. -#}
{%- set standing = existing_model('sessions') if not scope_is_whole() else none %}
{%- set conversations = ref('scope_conversations') %}

with sessions as (
    select
        user_id,
        conversation_id,
        session_nr,
        start_timestamp,
        session_id
    from {{ ref('int_rasa__session_facts') }}
    where user_id is not null
    {%- if standing is not none and rasa_setting('user_id') != 'sender_id' %}

    union all

    select
        standing.user_id,
        standing.conversation_id,
        standing.session_nr,
        standing.start_timestamp,
        standing.session_id
    from {{ standing }} as standing
    where
        standing.source = 'rasa'
        and standing.user_id is not null
        and not exists (
            select 1
            from {{ conversations }} as scope
            where scope.source = 'rasa' and scope.conversation_id = standing.conversation_id
        )
    {%- endif %}
),

placed as (
    select
        *,
        case
            when lag(session_id) over (partition by user_id, conversation_id order by session_nr) is null then 0
            else 1
        end as is_later
    from sessions
),

-- sessions of a conversation stand in its own order, as clocks may run back; see users
numbered as (
    select
        *,
        row_number() over (
            partition by user_id order by is_later, start_timestamp, {{ tie_break('conversation_id') }}
        ) as place
    from placed
)

select
    user_id,
    min(start_timestamp) as first_seen,
    max(case when place = 1 then session_id end) as first_session_id
from numbered
group by user_id
