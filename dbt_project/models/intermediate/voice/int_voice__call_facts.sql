{{ config(enabled='voice' in active_sources(), materialized='table') }}
{#-
  One row per call in scope with everything that the KPIs of calls count: how it went, when the same phone called
  before and after, and whether what was solved was solved again.
-#}
{%- set tma = voice_reading('tma') %}
{%- set ended_usably = 'calls.ended_at > calls.started_at' %}

with scope as (
    select conversation_id as call_id
    from {{ ref('scope_conversations') }}
    where source = 'voice'
),

scope_phones as (
    select calls.phone_key
    from {{ ref('stg_voice__calls') }} as calls
    inner join scope on calls.call_id = scope.call_id
    where calls.phone_key is not null

    union

    select solutions.phone_key
    from {{ ref('stg_voice__solutions') }} as solutions
    inner join scope on solutions.call_id = scope.call_id
    where solutions.phone_key is not null
),

starts as (
    select distinct
        calls.phone_key,
        calls.started_at
    from {{ ref('stg_voice__calls') }} as calls
    inner join scope_phones on calls.phone_key = scope_phones.phone_key
    where calls.has_start
),

start_gaps as (
    select
        phone_key,
        started_at,
        lag(started_at) over (partition by phone_key order by started_at) as previous_start_at,
        lead(started_at) over (partition by phone_key order by started_at) as next_start_at
    from starts
),

-- of several solutions of a call the last stands
solving_calls as (
    select call_id
    from scope

    union

    select solutions.call_id
    from {{ ref('stg_voice__solutions') }} as solutions
    inner join scope_phones on solutions.phone_key = scope_phones.phone_key
),

ranked_solutions as (
    select
        solutions.call_id,
        solutions.phone_key,
        solutions.last_solution,
        solutions.event_timestamp as solved_at,
        solutions.event_date as solved_date,
        row_number() over (
            partition by solutions.call_id order by solutions.event_timestamp desc, solutions.event_key desc
        ) as place
    from {{ ref('stg_voice__solutions') }} as solutions
    inner join solving_calls on solutions.call_id = solving_calls.call_id
),

last_solutions as (
    select *
    from ranked_solutions
    where place = 1
),

-- an unnamed solution is never known to be the same as another
solution_times as (
    select distinct
        phone_key,
        last_solution,
        solved_at
    from last_solutions
    where phone_key is not null and last_solution is not null
),

solution_gaps as (
    select
        phone_key,
        last_solution,
        solved_at,
        lead(solved_at) over (partition by phone_key, last_solution order by solved_at) as repeated_at
    from solution_times
),

-- read backwards, the latest start met is the next one; at one instant the solution comes before the start is met
points as (
    select
        phone_key,
        started_at as happened_at,
        started_at,
        1 as is_start
    from starts

    union all

    select distinct
        phone_key,
        solved_at as happened_at,
        cast(null as timestamp) as started_at,
        0 as is_start
    from last_solutions
    where phone_key is not null
),

running_starts as (
    select
        phone_key,
        happened_at,
        is_start,
        min(started_at) over (
            partition by phone_key
            order by happened_at desc, is_start asc
            rows between unbounded preceding and current row
        ) as next_start_at
    from points
),

next_starts as (
    select
        phone_key,
        happened_at as solved_at,
        next_start_at
    from running_starts
    where is_start = 0
),

ranked_transfers as (
    select
        transfers.call_id,
        coalesce(transfers.intent, transfers.last_intent_before) as transfer_intent,
        transfers.rejections_before,
        row_number() over (
            partition by transfers.call_id order by transfers.event_timestamp, transfers.event_key
        ) as place
    from {{ ref('stg_voice__transfers') }} as transfers
    inner join scope on transfers.call_id = scope.call_id
),

ranked_surveys as (
    select
        surveys.call_id,
        surveys.electronic_score,
        surveys.human_score,
        row_number() over (
            partition by surveys.call_id order by surveys.event_timestamp desc, surveys.event_key desc
        ) as place
    from {{ ref('stg_voice__surveys') }} as surveys
    inner join scope on surveys.call_id = scope.call_id
)

select
    cast('voice' as varchar(64)) as source,
    cast(calls.call_id as varchar(1024)) as conversation_id,
    calls.event_date,
    calls.started_at,
    calls.ended_at,
    calls.has_start,
    calls.phone_key,
    calls.outcome,
    calls.end_reason,
    calls.passed_through_robot,
    calls.is_transferred,
    calls.is_negative_duration,
    calls.listened_data_usage,
    {%- if tma == 'local_end_day' %}
    case
        when calls.duration_seconds is not null then cast({{ source_time('voice', 'calls.ended_at') }} as date)
    end as tma_date,
    {%- elif tma == 'utc_start_day' %}
    case when calls.duration_seconds is not null then cast(calls.started_at as date) end as tma_date,
    {%- elif tma == 'open_until_now' %}
    case when calls.duration_seconds is not null or calls.ended_at is null then calls.event_date end as tma_date,
    {%- else %}
    case when calls.duration_seconds is not null then calls.event_date end as tma_date,
    {%- endif %}
    calls.duration_seconds,
    -- until when the call holds a line, for concurrency: a lost end would hold it for ever
    case
        when not calls.has_start then null
        when {{ ended_usably }} and calls.ended_at < calls.started_at + interval '{{ voice_lost_hours() }} hours'
            then calls.ended_at
        when {{ ended_usably }} then calls.started_at + interval '{{ voice_lost_hours() }} hours'
        else calls.started_at + interval '1 microsecond'
    end as busy_until,
    calls.agent_turns,
    calls.customer_turns,
    calls.transfer_events,
    calls.last_script_point,
    calls.last_dialog_type,
    {{ voice_gap('start_gaps.previous_start_at', 'calls.started_at') }} as since_previous_start,
    {{ voice_gap('calls.started_at', 'start_gaps.next_start_at') }} as until_next_start,
    solutions.phone_key as solved_phone_key,
    solutions.last_solution,
    solutions.solved_at,
    solutions.solved_date,
    {{ voice_gap('solutions.solved_at', 'solution_gaps.repeated_at') }} as until_solved_again,
    {{ voice_gap('solutions.solved_at', 'next_starts.next_start_at') }} as until_called_again,
    transfers.transfer_intent,
    transfers.rejections_before,
    surveys.call_id is not null as has_survey,
    surveys.electronic_score,
    surveys.human_score
from {{ ref('stg_voice__calls') }} as calls
inner join scope on calls.call_id = scope.call_id
left join start_gaps on calls.phone_key = start_gaps.phone_key and calls.started_at = start_gaps.started_at
left join last_solutions as solutions on calls.call_id = solutions.call_id
left join solution_gaps
    on
        solutions.phone_key = solution_gaps.phone_key
        and solutions.last_solution = solution_gaps.last_solution
        and solutions.solved_at = solution_gaps.solved_at
left join next_starts
    on solutions.phone_key = next_starts.phone_key and solutions.solved_at = next_starts.solved_at
left join ranked_transfers as transfers on calls.call_id = transfers.call_id and transfers.place = 1
left join ranked_surveys as surveys on calls.call_id = surveys.call_id and surveys.place = 1
