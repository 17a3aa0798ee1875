{{ config(
    enabled='rasa' in active_sources(),
    description='Each message of a user or bot, and each session, of the conversations in scope is one row of the semantic tables.',
    meta={'dagster': {'ref': {'name': 'interactions'}}}
) }}

with facts as (
    select
        conversation_id,
        sum(is_user) as users,
        sum(is_bot) as bots,
        count(distinct session_id) as sessions,
        0 as user_messages,
        0 as bot_messages,
        0 as interactions,
        0 as semantic_sessions
    from {{ ref('int_rasa__events') }}
    group by conversation_id
    {%- for name in ['user_messages', 'bot_messages', 'interactions', 'sessions'] %}

    union all

    select
        conversation_id,
        0 as users,
        0 as bots,
        0 as sessions,
        {{ 'count(*)' if name == 'user_messages' else '0' }} as user_messages,
        {{ 'count(*)' if name == 'bot_messages' else '0' }} as bot_messages,
        {{ 'count(interaction_user_fk)' if name == 'interactions' else '0' }} as interactions,
        {{ 'count(*)' if name == 'sessions' else '0' }} as semantic_sessions
    from {{ ref(name) }}
    where source = 'rasa'
    group by conversation_id
    {%- endfor %}
)

select facts.conversation_id
from facts
inner join {{ ref('scope_conversations') }} as scope
    on facts.conversation_id = scope.conversation_id and scope.source = 'rasa'
group by facts.conversation_id
having
    sum(facts.users) <> sum(facts.user_messages)
    or sum(facts.users) <> sum(facts.interactions)
    or sum(facts.bots) <> sum(facts.bot_messages)
    or sum(facts.sessions) <> sum(facts.semantic_sessions)
