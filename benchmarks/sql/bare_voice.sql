-- The happy path of the voice source in one script: read JSON lines, drop redeliveries, calls, turns, indicators by
-- local day in their recommended readings. What the platform does beside it is not here: no contract, no refused lines, no
-- masking, no keyed pseudonyms, no lineage, no finality, no other reading, no repair of dates.
create table events as
select distinct on (id, "eventType", "correlationId", "when")
    id,
    "eventType" as event_type,
    "correlationId" as call_id,
    "when" as event_timestamp,
    cast(timezone('America/Sao_Paulo', "when") as date) as event_date,
    regexp_replace(
        regexp_replace(context.customer.identifiers[1].value, '[^0-9]', '', 'g'), '^55([0-9]{10,11})$', '\1'
    ) as phone,
    context.customer.reason as reason,
    context.customer.nlp.intent as intent,
    context.agent."dialogType" as dialog_type,
    context.agent.text as agent_text,
    context.customer."capturedText" as captured_text,
    context.agent.solution."lastSolution" as last_solution,
    context.api."apiName" as api_name,
    context.api."httpStatus" as http_status,
    context.api."executionElapsedTime" as elapsed_ms
from read_json(getvariable('files'), {reader})
where id is not null and "eventType" is not null and "correlationId" is not null and "when" is not null;

create table calls as
select
    call_id,
    min(event_timestamp) filter (where event_type = 'CustomerInitiatedCall') as started_at,
    min(event_timestamp) filter (where event_type = 'CustomerCallEnded') as ended_at,
    nullif(min(phone) filter (where event_type = 'CustomerInitiatedCall'), '') as phone,
    count(*) filter (where event_type = 'AgentTalkedCustomer') as agent_turns,
    count(*) filter (where event_type like 'AgentTransfer%') > 0 as is_transferred,
    min(reason) filter (where event_type = 'CustomerCallEnded') as reason
from events
group by call_id;

create table turns as
select
    id,
    call_id,
    event_timestamp,
    event_date,
    event_type,
    intent,
    dialog_type,
    coalesce(agent_text, captured_text) as text
from events
where event_type in ('AgentTalkedCustomer', 'CustomerTalkedAgent');

create table voice_api_daily as
select
    event_date,
    api_name,
    count(*) as calls,
    count(*) filter (where http_status >= 400) as errors,
    quantile_cont(elapsed_ms, 0.5) as p50_ms,
    quantile_cont(elapsed_ms, 0.95) as p95_ms
from events
where event_type = 'AgentCalledAPI'
group by all;

create table voice_daily as
with
starts as (
    select
        *,
        cast(timezone('America/Sao_Paulo', started_at) as date) as event_date,
        case when ended_at >= started_at then epoch(ended_at) - epoch(started_at) end as seconds,
        started_at - lag(started_at) over (partition by phone order by started_at) as gap
    from calls
    where started_at is not null
),

by_call as (
    select
        event_date,
        count(*) as initiated_calls,
        count(*) filter (where agent_turns > 0) as interaction_volume,
        avg(seconds) as tma_seconds,
        count(seconds) as tma_calls,
        100.0 * count(*) filter (where is_transferred) / count(*) as transfer_pct,
        count(*) filter (where phone is not null and gap <= interval 24 hours) as recalls_24h,
        count(*) filter (where phone is not null and gap <= interval 7 days) as recalls_7d,
        count(*) filter (where phone is not null and gap <= interval 28 days) as recalls_28d
    from starts
    group by event_date
),

by_turn as (
    select
        event_date,
        count(*) as at_events,
        count(*) filter (where intent = 'None' or dialog_type = 'REJ') as idk_count,
        count(*) filter (where dialog_type = 'SIL') as silence_count,
        count(*) filter (where dialog_type = 'DES') as des_count,
        100.0 * count(*) filter (where intent = 'None' or dialog_type in ('REJ', 'DES')) / count(*) as disambiguation_pct
    from turns
    where event_type = 'AgentTalkedCustomer'
    group by event_date
),

solved as (
    select
        event_date,
        lead(event_timestamp) over (partition by phone, last_solution order by event_timestamp) - event_timestamp as gap
    from events
    where event_type = 'AgentSolvedRequest' and phone <> ''
),

by_solution as (
    select
        event_date,
        count(*) as fcr_n,
        100.0 * count(*) filter (where coalesce(gap > interval 24 hours, true)) / count(*) as fcr_pct
    from solved
    group by event_date
)

select *
from by_call
full join by_turn using (event_date)
full join by_solution using (event_date);
