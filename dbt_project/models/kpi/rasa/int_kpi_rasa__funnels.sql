{{ config(enabled='rasa' in active_sources()) }}
{#-
  Steps of a funnel as shares of what entered it, in all and by outcome. The value of the dimension names the outcome
  first, then the step.
-#}
{%- set depths = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20] %}

with sessions as (
    {{ rows_of_scope_dates(ref('sessions'), 'rasa') }}
),

sessions_by_dimension as (
    {{- rows_by_dimension('sessions', rasa_dimensions('first_model_id')) }}
),

stories as (
    {{ rows_of_scope_dates(ref('stories'), 'rasa') }}
),

stories_by_dimension as (
    {{- rows_by_dimension('stories', rasa_dimensions()) }}
),

requests as (
    select
        slots.event_date,
        slots.next_fill_id,
        coalesce(slots.active_form, 'none') || ' / ' || slots.slot_name_normalised as slot,
        slots.environment,
        slots.model_id,
        sessions.input_channel,
        sessions.outcome
    from (
        {{ rows_of_scope_dates(ref('slots'), 'rasa') }}
    ) as slots
    inner join {{ ref('sessions') }} as sessions
        on slots.source = sessions.source and slots.session_id = sessions.session_id
    where slots.slot_action_normalised = 'requested_slot' and slots.slot_name_normalised is not null
),

requests_by_dimension as (
    {{- rows_by_dimension('requests', rasa_dimensions()) }}
),

depths as (
    {%- for depth in depths %}
    {%- if not loop.first %}

    union all
    {% endif %}
    select
        {{ depth }} as depth,
        '{{ '%02d' | format(depth) }}' as step
    {%- endfor %}
),

-- sessions of one length are counted first, so that few rows meet the depths
lengths as (
    select
        event_date,
        by_dimension,
        by_value,
        outcome,
        is_bounced,
        interactions_count,
        count(*) as sessions
    from sessions_by_dimension
    group by event_date, by_dimension, by_value, outcome, is_bounced, interactions_count
),

steps as (
    select
        lengths.event_date,
        lengths.by_dimension,
        lengths.by_value,
        lengths.outcome,
        lengths.is_bounced,
        depths.step,
        case when lengths.is_bounced then 0 else lengths.sessions end as sessions,
        case when lengths.interactions_count >= depths.depth then lengths.sessions else 0 end as reached
    from lengths
    cross join depths
)

{{ kpi_by_dimension('steps', 'interaction_funnel', 'sum(reached)', 'sum(sessions)', 'depth', 'step') }}

union all

{{ kpi_by_dimension(
    'steps', 'interaction_funnel', 'sum(reached)', 'sum(sessions)', 'outcome and depth', "outcome || ' / ' || step",
    group_by='outcome, step', where='not is_bounced'
) }}

union all

{{ kpi_by_dimension(
    'requests_by_dimension', 'slot_fill_rate', 'count(next_fill_id)', 'count(*)', 'form and slot', 'slot'
) }}

union all

{{ kpi_by_dimension(
    'requests_by_dimension', 'slot_fill_rate', 'count(next_fill_id)', 'count(*)', 'outcome, form and slot',
    "outcome || ' / ' || slot", group_by='outcome, slot'
) }}

union all

{{ kpi_by_dimension(
    'stories_by_dimension', 'story_completion_rate', count_if("outcome = 'completed'", 'bigint'), 'count(*)'
) }}

union all

{{ kpi_by_dimension(
    'stories_by_dimension', 'story_completion_rate', count_if("outcome = 'completed'", 'bigint'), 'count(*)', 'story',
    'story_intent'
) }}

{% for outcome in ['completed', 'handover', 'frustrated', 'disputed', 'abandoned'] %}
union all

{{ kpi_by_dimension(
    'stories_by_dimension', 'story_funnel', count_if("outcome = '" ~ outcome ~ "'", 'bigint'), 'count(*)',
    'outcome and story', "'" ~ outcome ~ " / ' || story_intent", group_by='story_intent'
) }}

{% endfor %}
