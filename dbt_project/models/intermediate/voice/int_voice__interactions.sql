{{ config(enabled='voice' in active_sources(), materialized='table') }}
{%- set in_session = 'over (partition by conversation_id order by interaction_nr)' %}

with grouped as (
    select
        conversation_id,
        interaction_id,
        interaction_nr,
        min(event_timestamp) as start_timestamp,
        max(event_timestamp) as end_timestamp,
        min(event_date) as event_date,
        max(phone_key) as phone_key,
        min(case when actor = 'agent' then event_timestamp end) as first_bot_timestamp,
        max(case when actor = 'agent' then event_timestamp end) as last_bot_timestamp,
        max(case when actor = 'customer' then intent end) as intent,
        max(case when actor = 'customer' then intent_confidence end) as intent_confidence,
        max(case when actor = 'customer' then 1 else 0 end) as has_user,
        max(case when actor = 'agent' then 1 else 0 end) as has_bot,
        max(case when actor = 'api' then 1 else 0 end) as has_action,
        max(robot_version) as model_id,
        max(through) as input_channel,
        {{ count_if("actor = 'agent' and " ~ voice_is_type('REJ')) }} as nlu_fallback_count,
        min(load_id) as load_id
    from {{ ref('int_voice__ordered_events') }}
    group by conversation_id, interaction_id, interaction_nr
),

-- Numbers in the place of ids, all in one order: what is sorted once and is short takes half the time.
placed as (
    select
        *,
        count(*) over (partition by conversation_id) - row_number() {{ in_session }} + 1 as reverse_interaction_nr,
        lag(case when has_user = 1 then interaction_nr end) {{ in_session }} as previous_user_nr,
        lag(case when has_bot = 1 then interaction_nr end) {{ in_session }} as previous_bot_nr,
        lag(case when has_action = 1 then interaction_nr end) {{ in_session }} as previous_action_nr,
        lead(case when has_user = 1 then interaction_nr end) {{ in_session }} as next_user_nr
    from grouped
)

select
    placed.event_date,
    placed.conversation_id,
    placed.conversation_id as session_id,
    1 as session_nr,
    placed.interaction_id,
    placed.interaction_nr,
    cast(placed.reverse_interaction_nr as integer) as reverse_interaction_nr,
    placed.conversation_id as external_session_id,
    placed.phone_key as user_id,
    placed.start_timestamp as "timestamp",
    placed.start_timestamp as initiation_timestamp,
    placed.start_timestamp,
    placed.end_timestamp,
    -- after 20 days and more it is no answer, nor would the number fit
    {%- for which, name in {'first': 'answer_time_ms', 'last': 'last_answer_time_ms'}.items() %}
    {%- set seconds = seconds_between('placed.start_timestamp', 'placed.' ~ which ~ '_bot_timestamp') %}
    case
        when placed.has_user = 1 and {{ seconds }} between 0 and 1728000
            then cast(round(1000 * {{ seconds }}) as integer)
    end as {{ name }},
    {%- endfor %}
    placed.intent,
    placed.intent_confidence,
    placed.has_bot = 1 as has_response,
    false as is_agent_task,
    placed.model_id,
    placed.nlu_fallback_count,
    case when placed.has_user = 1 then placed.interaction_id end as interaction_user_fk,
    case when placed.has_bot = 1 then placed.interaction_id end as interaction_bot_fk,
    case when placed.has_action = 1 then placed.interaction_id end as interaction_story_action_fk,
    {{ voice_interaction_id('placed.conversation_id', 'placed.previous_user_nr') }} as previous_interaction_user_fk,
    {{ voice_interaction_id('placed.conversation_id', 'placed.previous_bot_nr') }} as previous_interaction_bot_fk,
    {{ voice_interaction_id('placed.conversation_id', 'placed.previous_action_nr') }}
        as previous_interaction_story_action_fk,
    {{ voice_interaction_id('placed.conversation_id', 'placed.next_user_nr') }} as next_interaction_user_fk,
    placed.load_id,
    placed.input_channel
from placed
