{{ config(enabled='rasa' in active_sources()) }}
{#-
  Steps of a funnel as shares of what entered it, in all and by outcome. The value of the dimension names the outcome
  first, then the step.
-#}
{%- set depths = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20] %}

with sessions as (
    {{ rows_of_scope_dates(ref('sessions'), 'rasa') }}
),

stories as (
    {{ rows_of_scope_dates(ref('stories'), 'rasa') }}
),

requests as (
    select
        slots.event_date,
        slots.next_fill_id,
        coalesce(slots.active_form, 'none') || ' / ' || slots.slot_name_normalised as slot,
        sessions.outcome
    from (
        {{ rows_of_scope_dates(ref('slots'), 'rasa') }}
    ) as slots
    inner join {{ ref('sessions') }} as sessions
        on slots.source = sessions.source and slots.session_id = sessions.session_id
    where slots.slot_action_normalised = 'requested_slot' and slots.slot_name_normalised is not null
)

{% for depth in depths %}
{%- set reached = count_if('interactions_count >= ' ~ depth, 'bigint') %}
{%- set step = "'" ~ '%02d' | format(depth) ~ "'" %}
{% if not loop.first %}union all{% endif %}

select {{ kpi_columns('interaction_funnel', reached, count_if('not is_bounced', 'bigint'), 'depth', step) }}
from sessions
group by event_date

union all

select {{ kpi_columns(
    'interaction_funnel', reached, 'count(*)', 'outcome and depth', "outcome || ' / ' || " ~ step
) }}
from sessions
where not is_bounced
group by event_date, outcome
{% endfor %}

union all

select {{ kpi_columns('slot_fill_rate', 'count(next_fill_id)', 'count(*)', 'form and slot', 'slot') }}
from requests
group by event_date, slot

union all

select {{ kpi_columns(
    'slot_fill_rate', 'count(next_fill_id)', 'count(*)', 'outcome, form and slot', "outcome || ' / ' || slot"
) }}
from requests
group by event_date, outcome, slot

union all

select {{ kpi_columns('story_completion_rate', count_if("outcome = 'completed'", 'bigint'), 'count(*)') }}
from stories
group by event_date

union all

select {{ kpi_columns(
    'story_completion_rate', count_if("outcome = 'completed'", 'bigint'), 'count(*)', 'story', 'story_intent'
) }}
from stories
group by event_date, story_intent

{% for outcome in ['completed', 'handover', 'frustrated', 'disputed', 'abandoned'] %}
union all

select {{ kpi_columns(
    'story_funnel', count_if("outcome = '" ~ outcome ~ "'", 'bigint'), 'count(*)', 'outcome and story',
    "'" ~ outcome ~ " / ' || story_intent"
) }}
from stories
group by event_date, story_intent

{% endfor %}
