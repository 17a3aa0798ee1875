{{ config(enabled='voice' in active_sources(), materialized='table') }}
{%- set in_session = 'over (partition by grouped.conversation_id order by grouped.interaction_nr)' %}

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
)

select
    grouped.event_date,
    grouped.conversation_id,
    grouped.conversation_id as session_id,
    1 as session_nr,
    grouped.interaction_id,
    grouped.interaction_nr,
    cast(row_number() over (
        partition by grouped.conversation_id order by grouped.interaction_nr desc
    ) as integer) as reverse_interaction_nr,
    grouped.conversation_id as external_session_id,
    grouped.phone_key as user_id,
    grouped.start_timestamp as "timestamp",
    grouped.start_timestamp as initiation_timestamp,
    grouped.start_timestamp,
    grouped.end_timestamp,
    -- after 20 days and more it is no answer, nor would the number fit
    {%- for which, name in {'first': 'answer_time_ms', 'last': 'last_answer_time_ms'}.items() %}
    {%- set seconds = seconds_between('grouped.start_timestamp', 'grouped.' ~ which ~ '_bot_timestamp') %}
    case
        when grouped.has_user = 1 and {{ seconds }} between 0 and 1728000
            then cast(round(1000 * {{ seconds }}) as integer)
    end as {{ name }},
    {%- endfor %}
    grouped.intent,
    grouped.intent_confidence,
    grouped.has_bot = 1 as has_response,
    false as is_agent_task,
    grouped.model_id,
    grouped.nlu_fallback_count,
    case when grouped.has_user = 1 then grouped.interaction_id end as interaction_user_fk,
    case when grouped.has_bot = 1 then grouped.interaction_id end as interaction_bot_fk,
    case when grouped.has_action = 1 then grouped.interaction_id end as interaction_story_action_fk,
    lag(case when grouped.has_user = 1 then grouped.interaction_id end) {{ in_session }}
        as previous_interaction_user_fk,
    lag(case when grouped.has_bot = 1 then grouped.interaction_id end) {{ in_session }} as previous_interaction_bot_fk,
    lag(case when grouped.has_action = 1 then grouped.interaction_id end) {{ in_session }}
        as previous_interaction_story_action_fk,
    lead(case when grouped.has_user = 1 then grouped.interaction_id end) {{ in_session }} as next_interaction_user_fk,
    grouped.load_id,
    grouped.input_channel
from grouped
