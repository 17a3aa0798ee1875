-- noqa: disable=LT02,LT14
{{ config(enabled='rasa' in active_sources(), materialized='table') }}
{%- set user_column = rasa_setting('user_id') %}
{%- set session_column = rasa_setting('external_session_id') %}

{%- set kinds = [
    'story_start', 'frustrated', 'happy', 'dispute', 'handoff', 'nlu_fallback', 'out_of_scope', 'default_fallback',
    'unlikely_intent'
] %}

{%- set masked = [
    'environment', 'intent_name', 'input_channel', 'utter_action', 'action_name', 'policy', 'flow_id'
] %}

with entries as (
    {{ special_events() | indent(4) }}
),

special as (
    select
        event_type,
        name
        {%- for kind in kinds %},
        max(case when kind = '{{ kind }}' then 1 else 0 end) as is_{{ kind }}
        {%- endfor %}
    from entries
    group by event_type, name
),

described as (
    select
        events.row_id,
        events.load_id,
        events.conversation_id,
        events.event_nr,
        events.event_id,
        events.event_type,
        events.event_timestamp,
        events.event_date,
        events.order_time,
        events.given_session_id,
        events.model_id,
        events.environment,
        said.text as user_text,
        said.intent_name,
        {{ confidence('said.intent_confidence') }} as intent_confidence,
        said.input_channel,
        said.message_id,
        bots.text as bot_text,
        bots.utter_action,
        actions.action_name,
        actions.policy,
        {{ confidence('actions.confidence') }} as confidence,
        slots.slot_name,
        slots.slot_value,
        loops.loop_name,
        flows.flow_id,
        case when events.event_type = 'user' then 1 else 0 end as is_user,
        case when events.event_type = 'bot' then 1 else 0 end as is_bot,
        case when events.event_type = 'slot' then 1 else 0 end as is_slot,
        case when events.event_type in ('active_loop', 'form') then 1 else 0 end as is_loop,
        {%- if user_column == 'sender_id' %}
        events.conversation_id as said_user_id,
        {%- else %}
        named.user_id as said_user_id,
        {%- endif %}
        {%- if session_column == 'sender_id' %}
        events.conversation_id as said_external_session_id
        {%- else %}
        named.external_session_id as said_external_session_id
        {%- endif %}
    from {{ ref('int_rasa__ordered_events') }} as events
    left join {{ ref('stg_rasa__user_events') }} as said on events.row_id = said.row_id
    left join {{ ref('stg_rasa__bot_events') }} as bots on events.row_id = bots.row_id
    left join {{ ref('stg_rasa__action_events') }} as actions on events.row_id = actions.row_id
    left join {{ ref('stg_rasa__slot_events') }} as slots on events.row_id = slots.row_id
    left join {{ ref('stg_rasa__loop_events') }} as loops on events.row_id = loops.row_id
    left join {{ ref('stg_rasa__flow_events') }} as flows on events.row_id = flows.row_id
    {%- if user_column != 'sender_id' or session_column != 'sender_id' %}
    left join {{ ref('stg_rasa__named_users') }} as named on events.row_id = named.row_id
    {%- endif %}
)

-- Special events are known by their names as they came, as are forms and slots further on: two that are masked alike
-- must not become one.
select
    described.row_id,
    described.load_id,
    described.conversation_id,
    described.event_nr,
    described.event_id,
    described.event_type,
    described.event_timestamp,
    described.event_date,
    described.order_time,
    described.given_session_id,
    described.user_text,
    described.intent_confidence,
    described.message_id,
    described.bot_text,
    described.confidence,
    described.slot_name,
    described.slot_value,
    described.loop_name,
    described.is_user,
    described.is_bot,
    described.is_slot,
    described.is_loop,
    described.said_user_id,
    described.said_external_session_id,
    {{ published_model('described.model_id') }} as model_id,
    {%- for name in masked %}
    {{ published_text('described.' ~ name, 256) }} as {{ name }},
    {%- endfor %}
    coalesce(special.is_story_start, 0) as is_story_start,
    coalesce(special.is_frustrated, 0) as is_frustrated,
    coalesce(special.is_happy, 0) as is_happy,
    coalesce(special.is_dispute, 0) as is_dispute,
    coalesce(special.is_handoff, 0) as is_handoff,
    coalesce(special.is_nlu_fallback, 0) as is_nlu_fallback,
    coalesce(special.is_out_of_scope, 0) as is_out_of_scope,
    coalesce(special.is_default_fallback, 0) as is_default_fallback,
    coalesce(special.is_unlikely_intent, 0) as is_unlikely_intent,
    -- a flow that hands over does what an action does elsewhere
    case
        when described.event_type = 'action' or (described.flow_id is not null and special.is_handoff = 1) then 1
        else 0
    end as is_story_action,
    -- the platform's own flows end all the time; only one of the bot's own settles something
    case
        when described.event_type = 'flow_completed' and left(coalesce(described.flow_id, ''), 8) <> 'pattern_' then 1
        else 0
    end as is_flow_completed
from described
left join special
    on
        described.event_type = special.event_type
        and coalesce(described.intent_name, described.action_name, described.flow_id) = special.name
