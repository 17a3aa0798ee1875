{{ config(enabled='rasa' in active_sources(), materialized='table') }}

with grouped as (
    select
        conversation_id,
        session_id,
        session_nr,
        max(user_id) as user_id,
        count(distinct said_user_id) as known_users,
        max(external_session_id) as external_session_id,
        min(event_timestamp) as start_timestamp,
        max(event_timestamp) as end_timestamp,
        coalesce(min(case when is_user = 1 then event_timestamp end), min(event_timestamp)) as initiation_timestamp,
        sum(is_user) as user_messages,
        sum(is_bot) as bot_messages,
        {{ count_if('is_undone = 1') }} as undone_count,
        {{ count_if('is_activation = 1') }} as forms_activated,
        {{ count_if('is_story_start = 1', 'bigint') }} as stories_count,
        min(case when is_user = 1 then event_nr end) as first_user_nr,
        min(case when is_story_start = 1 then event_nr end) as first_story_nr,
        min(case when model_id is not null then event_nr end) as first_model_nr,
        min(case when environment is not null then event_nr end) as first_environment_nr,
        min(case when input_channel is not null then event_nr end) as first_channel_nr,
        max(case when is_dispute = 1 then event_nr end) as last_dispute_nr,
        max(case when is_flow_completed = 1 then event_nr end) as last_flow_completed_nr,
        {{ count_if('is_out_of_scope = 1') }} as out_of_scope_count,
        {{ count_if('is_nlu_fallback = 1') }} as nlu_fallback_count,
        {{ count_if('is_default_fallback = 1') }} as default_fallback_count,
        {{ count_if('is_unlikely_intent = 1') }} as unlikely_intent_count,
        {{ count_if('is_handoff = 1') }} as agent_handoff_count,
        {{ count_if('is_dispute = 1') }} as dispute_count,
        {{ count_if('is_frustrated = 1') }} as frustrated_count,
        {{ count_if('is_happy = 1') }} as happy_count
    from {{ ref('int_rasa__events') }}
    group by conversation_id, session_id, session_nr
),

firsts as (
    select
        grouped.session_id,
        max(case when events.event_nr = grouped.first_user_nr then events.intent_name end) as first_intent,
        max(case when events.event_nr = grouped.first_story_nr then events.intent_name end) as first_story_intent,
        max(case when events.event_nr = grouped.first_model_nr then events.model_id end) as first_model_id,
        max(case when events.event_nr = grouped.first_environment_nr then events.environment end) as environment,
        max(case when events.event_nr = grouped.first_channel_nr then events.input_channel end) as input_channel
    from grouped
    inner join {{ ref('int_rasa__events') }} as events on grouped.session_id = events.session_id
    group by grouped.session_id
)

select
    cast({{ source_time('rasa', 'grouped.start_timestamp') }} as date) as event_date,
    grouped.conversation_id,
    grouped.session_id,
    grouped.session_nr,
    grouped.external_session_id,
    grouped.user_id,
    cast(grouped.known_users as bigint) as known_users,
    grouped.initiation_timestamp,
    grouped.start_timestamp,
    grouped.end_timestamp,
    {{ seconds_between('grouped.start_timestamp', 'grouped.end_timestamp') }} as duration_seconds,
    cast(grouped.user_messages as bigint) as interactions_count,
    cast(grouped.user_messages as bigint) as user_messages_count,
    cast(grouped.bot_messages as bigint) as bot_messages_count,
    grouped.undone_count,
    grouped.forms_activated,
    grouped.stories_count,
    firsts.first_story_intent,
    firsts.first_intent,
    firsts.first_model_id,
    firsts.environment,
    firsts.input_channel,
    grouped.out_of_scope_count,
    grouped.nlu_fallback_count,
    grouped.default_fallback_count,
    grouped.unlikely_intent_count,
    grouped.agent_handoff_count,
    grouped.dispute_count,
    grouped.frustrated_count,
    grouped.happy_count,
    grouped.user_messages = 0 as is_bounced,
    cast(case
        when grouped.user_messages = 0 then 'bounced'
        when grouped.agent_handoff_count > 0 then 'handover'
        when grouped.happy_count > 0 then 'resolved'
        when grouped.last_flow_completed_nr > coalesce(grouped.last_dispute_nr, 0) then 'resolved'
        else 'abandoned'
    end as varchar(32)) as outcome
from grouped
inner join firsts on grouped.session_id = firsts.session_id
