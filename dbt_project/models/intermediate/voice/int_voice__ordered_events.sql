{{ config(enabled='voice' in active_sources(), materialized='table') }}

-- What was said and done in the calls in scope, in order. A customer turn begins an interaction; what comes before the
-- first one is interaction 0. Many feeds tell whole seconds only: of one instant, the customer's turn comes first, then
-- what the robot asked of a system, then its answer.
with events as (
    select
        call_id,
        event_key,
        event_timestamp,
        event_date,
        speaker as actor,
        case when speaker = 'customer' then 1 else 3 end as actor_rank,
        through,
        robot_version,
        dialog_type,
        intent,
        intent_score,
        text,
        cast(null as varchar(256)) as api_name,
        load_id
    from {{ ref('stg_voice__turns') }}

    union all

    select
        call_id,
        event_key,
        event_timestamp,
        event_date,
        'api' as actor,
        2 as actor_rank,
        through,
        robot_version,
        cast(null as varchar(256)) as dialog_type,
        cast(null as varchar(256)) as intent,
        cast(null as decimal(9, 6)) as intent_score,
        cast(null as varchar(65535)) as text,
        api_name,
        load_id
    from {{ ref('stg_voice__api_calls') }}
),

ordered as (
    select
        events.*,
        scope.conversation_id,
        cast(sum(case when events.actor = 'customer' then 1 else 0 end) over (
            partition by events.call_id
            order by events.event_timestamp, events.actor_rank, events.event_key
            rows between unbounded preceding and current row
        ) as integer) as interaction_nr,
        cast(row_number() over (
            partition by events.call_id order by events.event_timestamp, events.actor_rank, events.event_key
        ) as integer) as event_nr
    from events
    inner join {{ ref('scope_conversations') }} as scope
        on events.call_id = scope.conversation_id and scope.source = 'voice'
),

-- numbers of the interactions in which the robot talked and called a system; the customer begins each but number 0
interactions as (
    select
        conversation_id,
        interaction_nr,
        max(case when actor = 'agent' then interaction_nr end) as bot_nr,
        max(case when actor = 'api' then interaction_nr end) as action_nr
    from ordered
    group by conversation_id, interaction_nr
),

placed as (
    select
        *,
        lag(bot_nr) over (partition by conversation_id order by interaction_nr) as previous_bot_nr,
        lag(action_nr) over (partition by conversation_id order by interaction_nr) as previous_action_nr
    from interactions
)

select
    ordered.conversation_id,
    ordered.interaction_nr,
    ordered.event_nr,
    ordered.event_key,
    ordered.event_timestamp,
    ordered.event_date,
    ordered.actor,
    ordered.through,
    ordered.robot_version,
    ordered.dialog_type,
    ordered.intent,
    {{ confidence('ordered.intent_score') }} as intent_confidence,
    ordered.text,
    ordered.api_name,
    ordered.load_id,
    calls.phone_key,
    calls.customer_turns as last_interaction_nr,
    placed.bot_nr,
    placed.action_nr,
    placed.previous_bot_nr,
    placed.previous_action_nr
from ordered
inner join {{ ref('stg_voice__calls') }} as calls on ordered.call_id = calls.call_id
inner join placed
    on ordered.conversation_id = placed.conversation_id and ordered.interaction_nr = placed.interaction_nr
