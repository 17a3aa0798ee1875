{{ config(enabled='rasa' in active_sources(), materialized='table') }}
{#-
  Windows over whole conversations, one step a CTE, as each step reads what the one before found. Frames are spelled
  out: Redshift asks for them.
-#}
{%- set gap = session_gap_microseconds() %}
{%- set up_to_here = 'rows between unbounded preceding and current row' %}
{%- set before_here = 'rows between unbounded preceding and 1 preceding' %}
{%- set after_here = 'rows between 1 following and unbounded following' %}
{%- set conversation = 'partition by conversation_id order by event_nr' %}
{%- set session = 'partition by conversation_id, session_nr order by event_nr' %}
{%- set undoable = 'partition by conversation_id, undo_part order by event_nr' %}

with signs as (
    -- no more than the steps read: what an event says is joined at the end
    select
        conversation_id,
        event_nr,
        event_id,
        event_type,
        order_time,
        given_session_id,
        said_user_id,
        said_external_session_id,
        is_user,
        is_loop,
        is_story_start,
        loop_name,
        case when is_story_start = 1 then intent_name end as starting_intent,
        case when event_type = 'action' and action_name = 'action_restart' then 1 else 0 end as is_restart,
        case when event_type = 'action' and action_name = 'action_session_start' then 1 else 0 end as is_session_start,
        case when event_type = 'slot' and slot_name = 'session_started_metadata' then 1 else 0 end as is_metadata_slot
    from {{ ref('int_rasa__described_events') }}
),

known as (
    select
        *,
        max(case when is_restart = 1 then event_nr end) over ({{ conversation }} {{ before_here }}) as last_restart_nr,
        max(case when is_user = 1 then event_nr end) over ({{ conversation }} {{ before_here }}) as last_user_nr,
        count(given_session_id) over ({{ conversation }} {{ up_to_here }}) as given_part,
        sum(case when event_type in ('restart', 'session_started') then 1 else 0 end)
            over ({{ conversation }} {{ up_to_here }}) as undo_part
    from signs
),

openings as (
    select
        *,
        -- a session start that follows a restart, no user message between them, is the same start
        case
            when is_restart = 1 then 1
            when is_session_start = 0 or coalesce(last_restart_nr > coalesce(last_user_nr, 0), false) then 0
            else 1
        end as is_opening,
        max(given_session_id) over (partition by conversation_id, given_part) as known_session_id,
        sum(case when is_user = 1 then 1 when event_type = 'rewind' then -1 else 0 end)
            over ({{ undoable }} {{ up_to_here }}) as balance
    from known
),

neighbours as (
    select
        *,
        lead(is_opening) over ({{ conversation }}) as next_is_opening,
        lead(event_id) over ({{ conversation }}) as next_event_id,
        lag(is_metadata_slot) over ({{ conversation }}) as previous_is_metadata_slot,
        lag(known_session_id) over ({{ conversation }}) as previous_known_session_id,
        lag(order_time) over ({{ conversation }}) as previous_order_time,
        -- messages that a rewind could still undo: one rewind too many undoes nothing
        balance - least(0, min(balance) over ({{ undoable }} {{ up_to_here }})) as depth
    from openings
),

starts as (
    select
        *,
        case
            when known_session_id <> coalesce(previous_known_session_id, '') then 'given'
            when known_session_id is not null then null
            when is_metadata_slot = 1 and next_is_opening = 1 then 'slot'
            when is_opening = 1 and coalesce(previous_is_metadata_slot, 0) = 0 then 'action'
            when event_nr = 1 then 'first'
            {%- if gap is not none %}
            when floor((order_time - previous_order_time) * 1000000 + 0.5) >= {{ gap }} then 'gap'
            {%- endif %}
        end as start_kind,
        case
            when is_user = 1 and min(depth) over ({{ undoable }} {{ after_here }}) < depth then 1
            else 0
        end as is_undone
    from neighbours
),

counted as (
    select
        *,
        count(start_kind) over (
            partition by conversation_id, known_session_id order by event_nr {{ up_to_here }}
        ) as known_session_part
    from starts
),

-- Ids hang on the event that starts a session, never on a number: a late event elsewhere renames nothing. The first
-- session of a given id hangs on that id; where the id comes back later, on the event again.
keyed as (
    select
        *,
        cast(count(start_kind) over ({{ conversation }} {{ up_to_here }}) as integer) as session_nr,
        case start_kind
            when 'given'
                then 'given|' || known_session_id || '|' || case when known_session_part = 1 then '1' else event_id end
            when 'slot' then 'event|' || next_event_id
            when 'gap' then 'gap|' || event_id
            when 'first' then 'first'
            else 'event|' || event_id
        end as start_key
    from counted
),

sessions as (
    select
        *,
        cast(md5(
            conversation_id || '|session|'
            || max(case when start_kind is not null then start_key end) over (partition by conversation_id, session_nr)
        ) as varchar(32)) as session_id,
        cast(sum(is_user) over ({{ session }} {{ up_to_here }}) as integer) as interaction_nr,
        sum(is_loop) over ({{ session }} {{ up_to_here }}) as loop_part,
        sum(is_story_start) over ({{ session }} {{ up_to_here }}) as story_part,
        count(said_user_id) over ({{ session }} {{ up_to_here }}) as user_part,
        count(said_external_session_id) over ({{ session }} {{ up_to_here }}) as external_part
    from keyed
),

parts as (
    select
        *,
        coalesce(
            max(case when is_user = 1 then event_id end)
                over (partition by conversation_id, session_nr, interaction_nr),
            cast(md5(session_id || '|before') as varchar(32))
        ) as interaction_id,
        max(loop_name) over (partition by conversation_id, session_nr, loop_part) as form_after,
        max(case when is_story_start = 1 then event_id end)
            over (partition by conversation_id, session_nr, story_part) as story_id,
        max(starting_intent)
            over (partition by conversation_id, session_nr, story_part) as story_intent,
        -- the last value that is known in the session holds for all of it
        max(user_part) over (partition by conversation_id, session_nr) as last_user_part,
        max(external_part) over (partition by conversation_id, session_nr) as last_external_part
    from sessions
),

forms as (
    select
        *,
        lag(form_after) over ({{ session }}) as form_before,
        max(case when user_part = last_user_part then said_user_id end)
            over (partition by conversation_id, session_nr) as user_id,
        max(case when external_part = last_external_part then said_external_session_id end)
            over (partition by conversation_id, session_nr) as external_session_id
    from parts
),

activations as (
    select
        *,
        case when is_loop = 1 and loop_name is not null and coalesce(form_before <> loop_name, true) then 1 else 0 end
            as is_activation,
        -- the event that closes a form belongs to it
        coalesce(form_after, case when is_loop = 1 then form_before end) as active_form
    from forms
)

select
    placed.conversation_id,
    placed.event_nr,
    placed.event_id,
    placed.event_type,
    said.event_timestamp,
    said.event_date,
    said.load_id,
    said.row_id,
    placed.session_id,
    placed.session_nr,
    placed.interaction_id,
    placed.interaction_nr,
    placed.user_id,
    placed.said_user_id,
    placed.external_session_id,
    placed.story_id,
    placed.story_intent,
    placed.active_form,
    case
        when placed.active_form is not null
            then cast(sum(placed.is_activation) over (
                partition by placed.conversation_id, placed.session_nr order by placed.event_nr {{ up_to_here }}
            ) as integer)
    end as active_form_nr,
    placed.is_activation,
    placed.is_user,
    said.is_bot,
    said.is_story_action,
    said.is_slot,
    placed.is_undone,
    placed.is_story_start,
    said.is_frustrated,
    said.is_happy,
    said.is_dispute,
    said.is_handoff,
    said.is_nlu_fallback,
    said.is_out_of_scope,
    said.is_default_fallback,
    said.is_unlikely_intent,
    said.is_flow_completed,
    said.user_text,
    said.intent_name,
    said.intent_confidence,
    said.input_channel,
    said.message_id,
    said.bot_text,
    said.utter_action,
    said.action_name,
    said.policy,
    said.confidence,
    said.slot_name,
    said.slot_value,
    said.flow_id,
    said.model_id,
    said.environment
from activations as placed
inner join {{ ref('int_rasa__described_events') }} as said on placed.event_id = said.event_id
