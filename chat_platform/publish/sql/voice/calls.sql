-- The calls that are rebuilt (voice spec, section 2). In: spine. Out: call_rows, one row a call.
-- Of two events at one instant the smaller key counts as the earlier: no rule looks at the order of arrival.
create or replace temp table call_rows as
with
placed as (
    select
        *,
        -- A row in its place would be made comparable again by each of the aggregates.
        create_sort_key(event_timestamp, 'asc nulls last', event_key, 'asc nulls last') as place,
        { 'load_id': load_id, 'source_file': source_file, 'line_number': line_number, 'day': event_date } as origin
    from spine
),

gathered as (
    select
        call_id,
        min(event_timestamp) filter (where event_type = 'CustomerInitiatedCall') as started_at,
        min(event_timestamp) filter (where event_type = 'CustomerCallEnded') as ended_at,
        arg_min(origin, place) filter (where event_type = 'CustomerInitiatedCall') as start_origin,
        arg_min(origin, place) as first_origin,
        -- A value that is null does not count here: the first event that has one gives it.
        arg_min({ 'phone_key': phone_key, 'key_version': key_version }, place) filter (
            where phone_key is not null and event_type = 'CustomerInitiatedCall'
        ) as start_phone,
        arg_min({ 'phone_key': phone_key, 'key_version': key_version }, place) filter (where phone_key is not null)
            as first_phone,
        arg_min({ 'reason': reason }, place) filter (where event_type = 'CustomerCallEnded') as first_end,
        arg_max(event_type, place) filter (where event_type in ('AgentSolvedRequest', 'AgentTransferedCustomer', 'CustomerAbandonedAgent')) as terminal_event,
        arg_max({ 'script_point': script_point, 'dialog_type': dialog_type }, place) filter (
            where event_type = 'AgentTalkedCustomer'
        ) as last_turn,
        count(*) filter (where event_type = 'AgentTalkedCustomer') as agent_turns,
        count(*) filter (where event_type = 'CustomerTalkedAgent') as customer_turns,
        count(*) filter (where event_type = 'AgentTransferedCustomer') as transfer_events,
        count(*) filter (where event_type = 'AgentSolvedRequest') as solved_events,
        count(*) filter (where event_type = 'CustomerAbandonedAgent') as abandoned_events,
        count(*) filter (where event_type = 'CustomerCallEnded') as end_events,
        count(*) filter (where event_type = 'CustomerInitiatedCall') as start_events,
        bool_or(listened_data_usage) as listened_data_usage,
        min(event_timestamp) as first_event_at,
        max(event_timestamp) as last_event_at
    from placed
    group by call_id
),

decided as (
    select
        *,
        coalesce(start_origin, first_origin) as origin,
        case when start_events > 0 then start_phone else first_phone end as phone,
        case when first_end.reason in ('AgentSolvedRequest', 'AgentTransferedCustomer', 'CustomerAbandonedAgent') then first_end.reason else terminal_event end as deciding_event,
        epoch_us(ended_at) - epoch_us(started_at) as microseconds
    from gathered
)

select
    call_id,
    started_at,
    ended_at,
    origin.day as event_date,
    start_events > 0 as has_start,
    phone.phone_key as phone_key,
    phone.key_version as key_version,
    case deciding_event
        when 'AgentSolvedRequest' then 'solved'
        when 'AgentTransferedCustomer' then 'transferred'
        when 'CustomerAbandonedAgent' then 'abandoned'
        else case when end_events > 0 then 'unknown' else 'open' end
    end as outcome,
    first_end.reason as end_reason,
    terminal_event,
    start_events > 0 and agent_turns > 0 as passed_through_robot,
    transfer_events > 0 as is_transferred,
    case when microseconds >= 0 then cast((microseconds + 500) // 1000 * 0.001 as decimal(18, 3)) end as duration_seconds,
    coalesce(microseconds < 0, false) as is_negative_duration,
    agent_turns,
    customer_turns,
    transfer_events,
    solved_events,
    abandoned_events,
    end_events,
    start_events,
    listened_data_usage,
    last_turn.script_point as last_script_point,
    last_turn.dialog_type as last_dialog_type,
    first_event_at,
    last_event_at,
    origin.load_id as load_id,
    origin.source_file as source_file,
    origin.line_number as line_number
from decided
