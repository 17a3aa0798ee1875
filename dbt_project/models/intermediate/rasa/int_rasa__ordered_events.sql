{{ config(enabled='rasa' in active_sources()) }}

with scoped as (
    select events.*
    from {{ ref('int_rasa__readable_events') }} as events
    inner join {{ ref('scope_conversations') }} as scope on events.conversation_id = scope.conversation_id
    where scope.source = 'rasa'
),

-- equal events inside one delivery count as they stand; a line that is one event is a delivery of its own
counted as (
    select
        *,
        case
            when delivery is null then 1
            else row_number() over (
                partition by conversation_id, event_type, event_time, content_hash, load_id, delivery
                order by order_time, event_position, row_id
            )
        end as occurrence,
        case
            when delivery is null then 1
            else count(*) over (partition by conversation_id, load_id, delivery, order_time)
        end as held_of_instant
    from scoped
),

-- Over several deliveries the greatest count holds. Of the copies a tracker's knows the order best: of trackers the one
-- that holds most of the instant, and of those that hold as much the one that is cut off at its beginning the least.
chosen as (
    select
        *,
        row_number() over (
            partition by conversation_id, event_type, event_time, content_hash, occurrence
            order by order_time desc, held_of_instant desc, event_position desc, load_id asc, row_id asc
        ) as copy
    from counted
)

select
    row_id,
    load_id,
    conversation_id,
    cast(row_number() over (
        partition by conversation_id
        order by order_time, event_position, content_hash, event_type, event_time, occurrence
    ) as integer) as event_nr,
    cast(md5(
        conversation_id || '|' || event_type || '|' || cast(cast(round(event_time * 10000000) as bigint) as varchar(32))
        || '|' || content_hash || '|' || cast(occurrence as varchar(16))
    ) as varchar(32)) as event_id,
    event_type,
    event_timestamp,
    order_time,
    event_date,
    model_id,
    environment,
    given_session_id
from chosen
where copy = 1
