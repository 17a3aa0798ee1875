{{ config(enabled='rasa' in active_sources(), materialized='table') }}
{%- set in_session = 'over (partition by grouped.session_id order by grouped.interaction_nr)' %}

with grouped as (
    select
        conversation_id,
        session_id,
        session_nr,
        interaction_id,
        interaction_nr,
        min(event_timestamp) as start_timestamp,
        max(event_timestamp) as end_timestamp,
        coalesce(min(case when is_user = 1 then event_timestamp end), min(event_timestamp)) as initiation_timestamp,
        min(case when is_user = 1 then event_nr end) as user_nr,
        min(event_nr) as first_event_nr,
        max(case when active_form is not null then event_nr end) as last_form_nr,
        max(user_id) as user_id,
        max(external_session_id) as external_session_id,
        max(is_user) as has_user,
        max(is_bot) as has_bot,
        max(is_slot) as has_slot,
        max(is_story_action) as has_story_action,
        max(is_undone) as is_undone,
        {{ count_if('is_out_of_scope = 1') }} as out_of_scope_count,
        {{ count_if('is_nlu_fallback = 1') }} as nlu_fallback_count,
        {{ count_if('is_default_fallback = 1') }} as default_fallback_count,
        {{ count_if('is_unlikely_intent = 1') }} as unlikely_intent_count,
        {{ count_if('is_handoff = 1') }} as agent_handoff_count,
        {{ count_if('is_dispute = 1') }} as dispute_count,
        {{ count_if('is_frustrated = 1') }} as frustrated_count,
        {{ count_if('is_happy = 1') }} as happy_count
    from {{ ref('int_rasa__events') }}
    group by conversation_id, session_id, session_nr, interaction_id, interaction_nr
),

-- Bot messages of interaction 0 answer nobody, and one whose clock says that it came before the question tells no time.
answers as (
    select
        bots.interaction_id,
        min(bots.event_timestamp) as first_bot_timestamp,
        max(bots.event_timestamp) as last_bot_timestamp
    from {{ ref('int_rasa__events') }} as bots
    inner join {{ ref('int_rasa__events') }} as users on bots.interaction_id = users.event_id
    where bots.is_bot = 1 and bots.event_timestamp >= users.event_timestamp
    group by bots.interaction_id
)

select
    cast({{ source_time('rasa', 'grouped.start_timestamp') }} as date) as event_date,
    grouped.conversation_id,
    grouped.session_id,
    grouped.session_nr,
    grouped.interaction_id,
    grouped.interaction_nr,
    cast(row_number() over (
        partition by grouped.session_id order by grouped.interaction_nr desc
    ) as integer) as reverse_interaction_nr,
    grouped.external_session_id,
    grouped.user_id,
    grouped.initiation_timestamp as "timestamp",
    grouped.initiation_timestamp,
    grouped.start_timestamp,
    grouped.end_timestamp,
    {%- for which, name in {'first': 'answer_time_ms', 'last': 'last_answer_time_ms'}.items() %}
    {%- set seconds = seconds_between('grouped.initiation_timestamp', 'answers.' ~ which ~ '_bot_timestamp') %}
    -- after 20 days and more it is no answer, nor would the number fit
    case when {{ seconds }} <= 1728000 then cast(round(1000 * {{ seconds }}) as integer) end as {{ name }},
    {%- endfor %}
    {{ published_text('forms.active_form', 256) }} as active_form,
    forms.active_form_nr,
    coalesce(users.story_id, firsts.story_id) as story_id,
    coalesce(users.story_intent, firsts.story_intent) as story_intent,
    users.intent_name as intent,
    users.intent_confidence,
    grouped.has_bot = 1 as has_response,
    false as is_agent_task,
    grouped.is_undone = 1 as is_undone,
    coalesce(users.model_id, firsts.model_id) as model_id,
    coalesce(users.environment, firsts.environment) as environment,
    users.input_channel,
    grouped.out_of_scope_count,
    grouped.nlu_fallback_count,
    grouped.default_fallback_count,
    grouped.unlikely_intent_count,
    grouped.agent_handoff_count,
    grouped.dispute_count,
    grouped.frustrated_count,
    grouped.happy_count,
    case when grouped.has_user = 1 then grouped.interaction_id end as interaction_user_fk,
    case when grouped.has_bot = 1 then grouped.interaction_id end as interaction_bot_fk,
    case when grouped.has_slot = 1 then grouped.interaction_id end as interaction_slot_fk,
    case when grouped.has_story_action = 1 then grouped.interaction_id end as interaction_story_action_fk,
    lag(case when grouped.has_user = 1 then grouped.interaction_id end) {{ in_session }}
        as previous_interaction_user_fk,
    lag(case when grouped.has_bot = 1 then grouped.interaction_id end) {{ in_session }}
        as previous_interaction_bot_fk,
    lag(case when grouped.has_slot = 1 then grouped.interaction_id end) {{ in_session }}
        as previous_interaction_slot_fk,
    lag(case when grouped.has_story_action = 1 then grouped.interaction_id end) {{ in_session }}
        as previous_interaction_story_action_fk,
    lead(case when grouped.has_user = 1 then grouped.interaction_id end) {{ in_session }} as next_interaction_user_fk,
    firsts.load_id
from grouped
inner join {{ ref('int_rasa__events') }} as firsts
    on grouped.conversation_id = firsts.conversation_id and grouped.first_event_nr = firsts.event_nr
left join answers on grouped.interaction_id = answers.interaction_id
left join {{ ref('int_rasa__events') }} as users
    on grouped.conversation_id = users.conversation_id and grouped.user_nr = users.event_nr
left join {{ ref('int_rasa__events') }} as forms
    on grouped.conversation_id = forms.conversation_id and grouped.last_form_nr = forms.event_nr
