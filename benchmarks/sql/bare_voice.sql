-- The happy path of the voice source in one script: read JSON lines, drop redeliveries, the typed tables, indicators by
-- local day in their recommended readings. What the platform does beside it is not here: no contract, no refused lines,
-- no masking, no secret key, no lineage, no finality, no other reading, no repair of dates.
create table events as
select distinct on (id, "eventType", "correlationId", "when")
    id,
    "eventType" as event_type,
    "correlationId" as call_id,
    "when" as event_timestamp,
    cast(timezone('America/Sao_Paulo', "when") as date) as event_date,
    through,
    version,
    "robotVersion" as robot_version,
    sha256(nullif(regexp_replace(
        regexp_replace(context.customer.identifiers[1].value, '[^0-9]', '', 'g'), '^55([0-9]{10,11})$', '\1'
    ), '')) as phone_key,
    context
from read_json(getvariable('files'), {reader})
where id is not null and "eventType" is not null and "correlationId" is not null and "when" is not null;

create table calls as
select
    call_id,
    min(event_timestamp) filter (where event_type = 'CustomerInitiatedCall') as started_at,
    min(event_timestamp) filter (where event_type = 'CustomerCallEnded') as ended_at,
    min(phone_key) filter (where event_type = 'CustomerInitiatedCall') as phone_key,
    count(*) filter (where event_type = 'AgentTalkedCustomer') as agent_turns,
    count(*) filter (where event_type like 'AgentTransfer%') > 0 as is_transferred,
    min(context.customer.reason) filter (where event_type = 'CustomerCallEnded') as reason
from events
group by call_id;

create table turns as
select
    id,
    call_id,
    event_timestamp,
    event_date,
    event_type,
    robot_version,
    context.agent."dialogType" as dialog_type,
    context.agent."scriptPoint" as script_point,
    context.customer.nlp.intent as intent,
    try_cast(context.customer.nlp.score as decimal(9, 6)) as intent_score,
    context.customer.nlp."realResponse"."topScoringIntent".intent as top_intent,
    coalesce(context.agent.text, context.customer."capturedText") as text,
    context.customer."cleansedText" as cleansed_text,
    context.agent.command as command
from events
where event_type in ('AgentTalkedCustomer', 'CustomerTalkedAgent');

create table api_calls as
select
    id,
    call_id,
    event_timestamp,
    event_date,
    context.api."apiName" as api_name,
    context.api.uri as uri,
    context.api."httpStatus" as http_status,
    context.api."executionElapsedTime" as elapsed_ms
from events
where event_type = 'AgentCalledAPI';

create table solutions as
select
    id,
    call_id,
    event_timestamp,
    event_date,
    phone_key,
    context.agent.solution."lastSolution" as last_solution
from events
where event_type = 'AgentSolvedRequest';

create table transfers as
select
    id,
    call_id,
    event_timestamp,
    event_date,
    context.customer.nlp.intent as intent,
    context.agent.text as text
from events
where event_type like 'AgentTransfer%';

create table surveys as
select
    id,
    call_id,
    event_timestamp,
    event_date,
    context.survey."electronicScore" as electronic_score,
    context.survey."humanScore" as human_score
from events
where event_type = 'CustomerAnsweredSurvey';

create table voice_api_daily as
select
    event_date,
    api_name,
    count(*) as calls,
    count(*) filter (where http_status >= 400) as errors,
    quantile_cont(elapsed_ms, 0.5) as p50_ms,
    quantile_cont(elapsed_ms, 0.95) as p95_ms
from api_calls
group by all;

create table voice_daily as
with
starts as (
    select
        *,
        cast(timezone('America/Sao_Paulo', started_at) as date) as event_date,
        case when ended_at >= started_at then epoch(ended_at) - epoch(started_at) end as seconds,
        started_at - lag(started_at) over (partition by phone_key order by started_at) as gap
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
        count(*) filter (where phone_key is not null and gap <= interval 24 hours) as recalls_24h,
        count(*) filter (where phone_key is not null and gap <= interval 7 days) as recalls_7d,
        count(*) filter (where phone_key is not null and gap <= interval 28 days) as recalls_28d,
        100.0 * count(*) filter (where agent_turns > 0 and reason = 'AgentSolvedRequest')
        / nullif(count(*) filter (where agent_turns > 0), 0) as automated_resolution_pct,
        100.0 * count(*) filter (where agent_turns > 0 and ended_at is not null and not is_transferred)
        / nullif(count(*) filter (where agent_turns > 0 and ended_at is not null), 0) as containment_pct,
        quantile_cont(seconds, [0.5, 0.9, 0.95]) as duration_percentiles
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
        lead(event_timestamp) over (partition by phone_key, last_solution order by event_timestamp) - event_timestamp as gap
    from solutions
    where phone_key is not null
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
