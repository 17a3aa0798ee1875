{{ config(enabled='voice' in active_sources()) }}

with events as (
    select
        conversation_id,
        max(case when interaction_nr = 1 and actor = 'customer' then intent end) as first_intent,
        max(case when interaction_nr = 1 then robot_version end) as first_model_id,
        max(through) as input_channel,
        {{ count_if("actor = 'agent' and " ~ voice_is_type('REJ')) }} as nlu_fallback_count
    from {{ ref('int_voice__ordered_events') }}
    group by conversation_id
)

select
    calls.event_date,
    cast(calls.call_id as varchar(1024)) as conversation_id,
    cast(calls.call_id as varchar(1024)) as session_id,
    1 as session_nr,
    cast(calls.call_id as varchar(1024)) as external_session_id,
    calls.phone_key as user_id,
    cast(case when calls.phone_key is null then 0 else 1 end as bigint) as known_users,
    coalesce(calls.started_at, calls.first_event_at) as initiation_timestamp,
    coalesce(calls.started_at, calls.first_event_at) as start_timestamp,
    calls.last_event_at as end_timestamp,
    cast(calls.duration_seconds as decimal(18, 6)) as duration_seconds,
    cast(calls.customer_turns as bigint) as interactions_count,
    cast(calls.customer_turns as bigint) as user_messages_count,
    cast(calls.agent_turns as bigint) as bot_messages_count,
    events.first_intent,
    events.first_model_id,
    coalesce(events.nlu_fallback_count, 0) as nlu_fallback_count,
    calls.transfer_events as agent_handoff_count,
    calls.customer_turns = 0 as is_bounced,
    events.input_channel,
    cast(case
        when calls.outcome = 'transferred' then 'handover'
        when calls.outcome = 'solved' then 'resolved'
        when calls.outcome = 'open' then 'in_progress'
        when calls.outcome = 'unknown' then 'failed'
        when calls.customer_turns = 0 then 'bounced'
        else 'abandoned'
    end as varchar(32)) as outcome
from {{ ref('stg_voice__calls') }} as calls
inner join {{ ref('scope_conversations') }} as scope
    on calls.call_id = scope.conversation_id and scope.source = 'voice'
left join events on calls.call_id = events.conversation_id
