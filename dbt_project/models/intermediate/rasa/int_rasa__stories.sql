{{ config(enabled='rasa' in active_sources()) }}

with grouped as (
    select
        conversation_id,
        session_id,
        session_nr,
        story_id,
        max(story_intent) as story_intent,
        max(user_id) as user_id,
        min(event_timestamp) as start_timestamp,
        max(event_timestamp) as end_timestamp,
        min(event_nr) as first_nr,
        max(event_nr) as last_nr,
        min(interaction_nr) as first_interaction_nr,
        max(interaction_nr) as last_interaction_nr,
        sum(is_user) as interactions,
        max(is_handoff) as has_handoff,
        max(is_frustrated) as has_frustration,
        max(is_dispute) as has_dispute
    from {{ ref('int_rasa__events') }}
    where story_id is not null
    group by conversation_id, session_id, session_nr, story_id
)

select
    cast({{ source_time('rasa', 'grouped.start_timestamp') }} as date) as event_date,
    grouped.conversation_id,
    grouped.session_id,
    grouped.session_nr,
    grouped.story_id,
    cast(row_number() over (partition by grouped.session_id order by grouped.first_nr) as integer) as story_nr,
    grouped.story_intent,
    grouped.user_id,
    grouped.start_timestamp,
    grouped.end_timestamp,
    {{ seconds_between('grouped.start_timestamp', 'grouped.end_timestamp') }} as duration_seconds,
    firsts.interaction_id as first_interaction_id,
    lasts.interaction_id as last_interaction_id,
    grouped.first_interaction_nr,
    grouped.last_interaction_nr,
    cast(grouped.interactions as bigint) as interactions_count,
    firsts.model_id,
    firsts.environment,
    firsts.input_channel,
    cast(case
        when grouped.has_handoff = 1 then 'handover'
        when grouped.has_frustration = 1 then 'frustrated'
        when grouped.has_dispute = 1 then 'disputed'
        when sessions.outcome = 'abandoned' and lead(grouped.story_id) over (
            partition by grouped.session_id order by grouped.first_nr
        ) is null then 'abandoned'
        else 'completed'
    end as varchar(32)) as outcome
from grouped
inner join {{ ref('int_rasa__session_facts') }} as sessions on grouped.session_id = sessions.session_id
inner join {{ ref('int_rasa__events') }} as firsts
    on grouped.conversation_id = firsts.conversation_id and grouped.first_nr = firsts.event_nr
inner join {{ ref('int_rasa__events') }} as lasts
    on grouped.conversation_id = lasts.conversation_id and grouped.last_nr = lasts.event_nr
