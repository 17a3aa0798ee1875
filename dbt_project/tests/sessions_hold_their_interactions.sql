{{ config(
    description='Each interaction belongs to one session and each session to one conversation; their counts add up, in scope.',
    meta={'dagster': {'ref': {'name': 'sessions'}}}
) }}

with counts as (
    select
        source,
        conversation_id,
        count(*) as interactions,
        0 as in_sessions,
        0 as in_conversations
    from {{ ref('interactions') }}
    -- what comes before the first user message of a session is no interaction of theirs
    where interaction_nr > 0
    group by source, conversation_id

    union all

    select
        source,
        conversation_id,
        0 as interactions,
        interactions_count as in_sessions,
        0 as in_conversations
    from {{ ref('sessions') }}

    union all

    select
        source,
        conversation_id,
        0 as interactions,
        0 as in_sessions,
        interactions_count as in_conversations
    from {{ ref('conversations') }}
)

select
    counts.source,
    counts.conversation_id
from counts
inner join {{ ref('scope_conversations') }} as scope
    on counts.source = scope.source and counts.conversation_id = scope.conversation_id
group by counts.source, counts.conversation_id
having
    sum(counts.interactions) <> sum(counts.in_sessions)
    or sum(counts.interactions) <> sum(counts.in_conversations)
