{{ config(
    enabled='voice' in active_sources(),
    severity='warn',
    description='A call is solved, transferred or abandoned, once; calls in scope.',
    meta={'dagster': {'ref': {'name': 'voice_call_facts'}}}
) }}

-- depends_on: {{ ref('voice_call_facts') }}
select calls.call_id
from {{ ref('stg_voice__calls') }} as calls
inner join {{ ref('scope_conversations') }} as scope
    on calls.call_id = scope.conversation_id and scope.source = 'voice'
where calls.solved_events + calls.transfer_events + calls.abandoned_events > 1
