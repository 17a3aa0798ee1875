{{ config(enabled='rasa' in active_sources()) }}
{%- set same_slot -%}
over (
            partition by session_id, active_form_nr, slot_name_normalised order by event_nr
            rows between 1 following and unbounded following
        )
{%- endset %}

with slots as (
    select
        *,
        case when slot_name = 'requested_slot' then slot_value else slot_name end as slot_name_normalised,
        case when slot_name = 'requested_slot' then 'requested_slot' else 'filled_slot' end as slot_action_normalised
    from {{ ref('int_rasa__events') }}
    where is_slot = 1
),

-- requested_slot without a value asks for nothing, and a slot without a value is emptied, not filled
-- and has no next; said here, for a join of more than equal columns compares each row with each
nexts as (
    select
        *,
        case
            when slot_name_normalised is not null
                then min(case when slot_action_normalised = 'filled_slot' and slot_value is not null then event_nr end)
                    {{ same_slot }}
        end as next_fill_nr,
        case
            when slot_name_normalised is not null
                then min(case when slot_action_normalised = 'requested_slot' then event_nr end)
                    {{ same_slot }}
        end as next_attempt_nr
    from slots
)

select
    nexts.event_date,
    nexts.conversation_id,
    nexts.session_id,
    nexts.session_nr,
    nexts.interaction_id,
    nexts.interaction_nr,
    nexts.event_id as id,
    nexts.user_id,
    nexts.event_timestamp as "timestamp",
    {{ published_text('nexts.slot_name', 1024) }} as name,
    {{ published_text('nexts.slot_value') }} as value,
    {{ published_text('nexts.slot_name_normalised', 1024) }} as slot_name_normalised,
    cast(nexts.slot_action_normalised as varchar(32)) as slot_action_normalised,
    {{ published_text('nexts.active_form', 256) }} as active_form,
    nexts.active_form_nr,
    fills.event_id as next_fill_id,
    fills.event_timestamp as next_fill_timestamp,
    fills.interaction_id as next_fill_interaction_id,
    attempts.event_id as next_attempt_id,
    attempts.event_timestamp as next_attempt_timestamp,
    attempts.interaction_id as next_attempt_interaction_id,
    nexts.model_id,
    nexts.environment,
    interactions.interaction_user_fk,
    interactions.interaction_bot_fk
from nexts
inner join {{ ref('int_rasa__interactions') }} as interactions on nexts.interaction_id = interactions.interaction_id
left join slots as fills
    on
        nexts.conversation_id = fills.conversation_id
        and nexts.next_fill_nr = fills.event_nr
left join slots as attempts
    on
        nexts.conversation_id = attempts.conversation_id
        and nexts.next_attempt_nr = attempts.event_nr
