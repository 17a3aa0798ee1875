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
    min(context.customer.reason) filter (where event_type = 'CustomerCallEnded') as reason,
    arg_max(event_type, event_timestamp) filter (
        where event_type in ('AgentSolvedRequest', 'CustomerAbandonedAgent') or event_type like 'AgentTransfer%'
    ) as terminal_event,
    arg_max(context.agent."scriptPoint", event_timestamp) filter (
        where event_type = 'AgentTalkedCustomer'
    ) as last_script_point,
    arg_max(context.agent."dialogType", event_timestamp) filter (
        where event_type = 'AgentTalkedCustomer'
    ) as last_dialog_type
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

create table started_calls as
select
    *,
    cast(timezone('America/Sao_Paulo', started_at) as date) as event_date,
    case when ended_at >= started_at then epoch(ended_at) - epoch(started_at) end as seconds,
    started_at - lag(started_at) over (partition by phone_key order by started_at) as since_previous,
    lead(started_at) over (partition by phone_key order by started_at) - started_at as until_next,
    agent_turns > 0 as is_answered,
    agent_turns > 0 and ended_at is not null as is_complete,
    agent_turns > 0 and ended_at is not null and not is_transferred as is_contained,
    coalesce(
        case when reason in ('AgentSolvedRequest', 'AgentTransferedCustomer', 'CustomerAbandonedAgent') then reason end,
        terminal_event, case when ended_at is null then 'open' else 'unknown' end
    ) as outcome
from calls
where started_at is not null;

create table voice_intervals as
with
moments as (
    select
        started_at as happened_at,
        1 as change,
        1 as started
    from started_calls
    union all
    select
        ended_at as happened_at,
        -1 as change,
        0 as started
    from started_calls
    where ended_at > started_at
    union all
    select
        started_at + interval 1 microsecond as happened_at,
        -1 as change,
        0 as started
    from started_calls
    where not coalesce(ended_at > started_at, false)
    union all
    select
        unnest(generate_series(
            date_trunc('day', min(started_at)), date_trunc('day', max(ended_at)) + interval 1 day, interval 30 minutes
        )) as happened_at,
        0 as change,
        0 as started
    from started_calls
),

running as (
    select
        *,
        sum(change) over (order by happened_at, change rows unbounded preceding) as concurrent
    from moments
)

select
    time_bucket(interval 30 minutes, happened_at) as interval_start,
    cast(timezone('America/Sao_Paulo', time_bucket(interval 30 minutes, happened_at)) as date) as event_date,
    sum(started) as calls,
    max(concurrent) filter (where change >= 0) as peak_concurrency
from running
group by all
having sum(started) > 0 or max(concurrent) filter (where change >= 0) > 0;

create table voice_survey as
select
    started.event_date,
    case when started.is_transferred then 2 else 1 end as scenario,
    count(*) as eligible_calls,
    count(answers.call_id) as responses,
    avg(answers.electronic_score) as electronic_avg,
    avg(answers.human_score) filter (where started.is_transferred) as human_avg
from started_calls as started
left join (
    select
        call_id,
        arg_max(electronic_score, event_timestamp) as electronic_score,
        arg_max(human_score, event_timestamp) as human_score
    from surveys
    group by call_id
) as answers on started.call_id = answers.call_id
where started.is_transferred or started.is_complete
group by all;

create table abandoned_at as
select
    event_date,
    last_script_point,
    last_dialog_type,
    count(*) as calls
from started_calls
where outcome = 'CustomerAbandonedAgent'
group by all;

create table transfers_by_reason as
with
rejections as (
    select
        transfers.call_id,
        any_value(transfers.intent) as intent,
        count(turns.id) as before
    from transfers
    left join turns
        on transfers.call_id = turns.call_id and turns.dialog_type = 'REJ'
        and turns.event_timestamp <= transfers.event_timestamp
    group by transfers.call_id
)

select
    started.event_date,
    rejections.before as rejections,
    rejections.intent = 'TRANSFERE' as asked,
    count(*) as calls
from started_calls as started
inner join rejections on started.call_id = rejections.call_id
group by all;

create table voice_daily as
with
by_call as (
    select
        event_date,
        count(*) as initiated_calls,
        count(*) filter (where is_answered) as interaction_volume,
        avg(seconds) as tma_seconds,
        count(seconds) as tma_calls,
        100.0 * count(*) filter (where is_transferred) / count(*) as transfer_pct,
        100.0 * count(*) filter (where is_transferred and is_answered)
        / nullif(count(*) filter (where is_answered), 0) as transfer_of_answered_pct,
        count(*) filter (where phone_key is not null and since_previous <= interval 24 hours) as recalls_24h,
        count(*) filter (where phone_key is not null and since_previous <= interval 7 days) as recalls_7d,
        count(*) filter (where phone_key is not null and since_previous <= interval 28 days) as recalls_28d,
        count(*) filter (where outcome = 'AgentSolvedRequest') as outcome_solved,
        count(*) filter (where outcome like 'AgentTransfer%') as outcome_transferred,
        count(*) filter (where outcome = 'CustomerAbandonedAgent') as outcome_abandoned,
        count(*) filter (where outcome = 'open') as outcome_open,
        count(*) filter (where outcome = 'unknown') as outcome_unknown,
        100.0 * count(*) filter (where is_answered and outcome = 'AgentSolvedRequest')
        / nullif(count(*) filter (where is_answered), 0) as automated_resolution_pct,
        100.0 * count(*) filter (where is_answered and outcome = 'CustomerAbandonedAgent')
        / nullif(count(*) filter (where is_answered), 0) as abandonment_pct,
        100.0 * count(*) filter (where is_contained)
        / nullif(count(*) filter (where is_complete), 0) as containment_pct,
        100.0 * count(*) filter (
            where is_contained and phone_key is not null and coalesce(until_next > interval 24 hours, true)
        ) / nullif(count(*) filter (where is_contained and phone_key is not null), 0)
            as contained_without_callback_24h_pct,
        100.0 * count(*) filter (
            where is_contained and phone_key is not null and coalesce(until_next > interval 7 days, true)
        ) / nullif(count(*) filter (where is_contained and phone_key is not null), 0)
            as contained_without_callback_7d_pct,
        sum(agent_turns) / nullif(count(*) filter (where is_answered), 0) as turns_per_answered_call,
        sum(seconds) filter (where is_answered) / nullif(sum(agent_turns) filter (where is_answered and seconds is not null), 0)
            as tma_per_turn_seconds,
        count(*) filter (where seconds < 10) as short_calls,
        quantile_cont(seconds, [0.5, 0.9, 0.95]) as duration_percentiles
    from started_calls
    group by event_date
),

turn_pairs as (
    select
        *,
        lead(event_type) over (partition by call_id order by event_timestamp, id) as next_type,
        lead(event_timestamp) over (partition by call_id order by event_timestamp, id) as next_at
    from (
        select
            id,
            call_id,
            event_timestamp,
            event_date,
            event_type,
            dialog_type,
            intent,
            top_intent
        from turns
    )
),

by_turn as (
    select
        event_date,
        count(*) filter (where event_type = 'AgentTalkedCustomer') as at_events,
        count(*) filter (where event_type = 'CustomerTalkedAgent') as customer_turns,
        count(*) filter (
            where event_type = 'AgentTalkedCustomer' and (intent = 'None' or dialog_type = 'REJ')
        ) as idk_count,
        count(*) filter (where event_type = 'AgentTalkedCustomer' and dialog_type = 'SIL') as silence_count,
        count(*) filter (where event_type = 'AgentTalkedCustomer' and dialog_type = 'DES') as des_count,
        100.0 * count(*) filter (
            where event_type = 'AgentTalkedCustomer' and (intent = 'None' or dialog_type in ('REJ', 'DES'))
        ) / nullif(count(*) filter (where event_type = 'AgentTalkedCustomer'), 0) as disambiguation_pct,
        100.0 * count(*) filter (where event_type = 'CustomerTalkedAgent' and intent <> top_intent) / nullif(
            count(*) filter (
                where event_type = 'CustomerTalkedAgent' and intent is not null and top_intent is not null
            ), 0
        ) as rejection_override_pct,
        quantile_cont(
            case
                when event_type = 'CustomerTalkedAgent' and next_type = 'AgentTalkedCustomer'
                    then epoch_ms(next_at) - epoch_ms(event_timestamp)
            end, [0.5, 0.95]
        ) as latency_percentiles
    from turn_pairs
    group by event_date
),

by_api as (
    select
        event_date,
        count(*) as api_calls,
        count(*) filter (where http_status >= 400) as api_errors,
        100.0 * count(*) filter (where http_status >= 400) / nullif(count(http_status), 0) as api_error_pct
    from api_calls
    group by event_date
),

-- of several solutions of a call the last stands
last_solutions as (
    select distinct on (call_id)
        call_id,
        phone_key,
        last_solution,
        event_timestamp,
        event_date
    from solutions
    where phone_key is not null
    order by call_id asc, event_timestamp desc
),

solved as (
    select
        solutions.event_date,
        lead(solutions.event_timestamp) over (
            partition by solutions.phone_key, solutions.last_solution order by solutions.event_timestamp
        ) - solutions.event_timestamp as gap,
        next_calls.started_at - solutions.event_timestamp as until_called
    from last_solutions as solutions
    asof left join started_calls as next_calls
        on solutions.phone_key = next_calls.phone_key and solutions.event_timestamp < next_calls.started_at
),

by_solution as (
    select
        event_date,
        count(*) as fcr_n,
        100.0 * count(*) filter (where coalesce(gap > interval 24 hours, true)) / count(*) as fcr_pct,
        100.0 * count(*) filter (where coalesce(until_called > interval 24 hours, true)) / count(*)
            as solved_without_recall_24h_pct
    from solved
    group by event_date
),

by_interval as (
    select
        event_date,
        max(peak_concurrency) as peak_concurrency
    from voice_intervals
    group by event_date
)

select *
from by_call
full join by_turn using (event_date)
full join by_api using (event_date)
full join by_solution using (event_date)
left join by_interval using (event_date);
