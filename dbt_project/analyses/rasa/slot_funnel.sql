{{ config(enabled='rasa' in active_sources()) }}

-- Which slots are asked for, filled, and asked for again, by outcome of the session?
select
    slots.active_form,
    slots.slot_name_normalised as slot,
    sessions.outcome,
    count(*) as requests,
    count(slots.next_fill_id) as filled,
    count(slots.next_attempt_id) as asked_again
from {{ ref('slots') }} as slots
inner join {{ ref('sessions') }} as sessions
    on slots.source = sessions.source and slots.session_id = sessions.session_id
where
    slots.source = 'rasa'
    and slots.slot_action_normalised = 'requested_slot'
    and slots.slot_name_normalised is not null
group by slots.active_form, slots.slot_name_normalised, sessions.outcome
