{{ config(
    enabled='voice' in active_sources(),
    severity='warn',
    description='After its end nothing happens in a call but API calls, which go by themselves, and the survey; calls in scope.',
    meta={'dagster': {'ref': {'name': 'voice_call_facts'}}}
) }}

-- depends_on: {{ ref('voice_call_facts') }}
select events.event_key
from {{ ref('stg_voice__events') }} as events
inner join {{ ref('stg_voice__calls') }} as calls on events.call_id = calls.call_id
inner join {{ ref('scope_conversations') }} as scope
    on calls.call_id = scope.conversation_id and scope.source = 'voice'
where
    events.event_timestamp > calls.ended_at
    and events.event_type in (
        'CustomerInitiatedCall', 'AgentTalkedCustomer', 'CustomerTalkedAgent', 'AgentSolvedRequest',
        'AgentTransferedCustomer', 'CustomerAbandonedAgent', 'CustomerCallEnded'
    )
