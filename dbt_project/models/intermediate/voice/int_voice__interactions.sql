{{ config(enabled='voice' in active_sources()) }}

with grouped as (
    select
        conversation_id,
        interaction_nr,
        max(last_interaction_nr) as last_interaction_nr,
        max(bot_nr) as bot_nr,
        max(action_nr) as action_nr,
        max(previous_bot_nr) as previous_bot_nr,
        max(previous_action_nr) as previous_action_nr,
        min(event_timestamp) as start_timestamp,
        max(event_timestamp) as end_timestamp,
        min(event_date) as event_date,
        max(phone_key) as phone_key,
        min(case when actor = 'agent' then event_timestamp end) as first_bot_timestamp,
        max(case when actor = 'agent' then event_timestamp end) as last_bot_timestamp,
        max(case when actor = 'customer' then intent end) as intent,
        max(case when actor = 'customer' then intent_confidence end) as intent_confidence,
        max(robot_version) as model_id,
        max(through) as input_channel,
        {{ count_if("actor = 'agent' and " ~ voice_is_type('REJ')) }} as nlu_fallback_count,
        min(load_id) as load_id
    from {{ ref('int_voice__ordered_events') }}
    group by conversation_id, interaction_nr
)

select
    event_date,
    conversation_id,
    conversation_id as session_id,
    1 as session_nr,
    {{ voice_interaction_id('interaction_nr') }} as interaction_id,
    interaction_nr,
    last_interaction_nr - interaction_nr + 1 as reverse_interaction_nr,
    conversation_id as external_session_id,
    phone_key as user_id,
    start_timestamp as "timestamp",
    start_timestamp as initiation_timestamp,
    start_timestamp,
    end_timestamp,
    -- after 20 days and more it is no answer, nor would the number fit
    {%- for which, name in {'first': 'answer_time_ms', 'last': 'last_answer_time_ms'}.items() %}
    {%- set seconds = seconds_between('start_timestamp', which ~ '_bot_timestamp') %}
    case
        when interaction_nr > 0 and {{ seconds }} between 0 and 1728000
            then cast(round(1000 * {{ seconds }}) as integer)
    end as {{ name }},
    {%- endfor %}
    intent,
    intent_confidence,
    bot_nr is not null as has_response,
    false as is_agent_task,
    model_id,
    nlu_fallback_count,
    {{ voice_interaction_id('nullif(interaction_nr, 0)') }} as interaction_user_fk,
    {{ voice_interaction_id('bot_nr') }} as interaction_bot_fk,
    {{ voice_interaction_id('action_nr') }} as interaction_story_action_fk,
    {{ voice_interaction_id('nullif(greatest(interaction_nr, 1) - 1, 0)') }} as previous_interaction_user_fk,
    {{ voice_interaction_id('previous_bot_nr') }} as previous_interaction_bot_fk,
    {{ voice_interaction_id('previous_action_nr') }} as previous_interaction_story_action_fk,
    {{ voice_interaction_id('nullif(interaction_nr, last_interaction_nr) + 1') }} as next_interaction_user_fk,
    load_id,
    input_channel
from grouped
