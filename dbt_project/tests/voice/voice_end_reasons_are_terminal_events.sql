{{ config(
    enabled='voice' in active_sources(),
    severity='warn',
    description='The reason of the end is the type of the terminal event; calls in scope that have both.',
    meta={'dagster': {'ref': {'name': 'voice_call_facts'}}}
) }}

-- depends_on: {{ ref('voice_call_facts') }}
select calls.call_id
from {{ ref('stg_voice__calls') }} as calls
inner join {{ ref('scope_conversations') }} as scope
    on calls.call_id = scope.conversation_id and scope.source = 'voice'
where calls.end_reason <> calls.terminal_event
