{{ config(enabled='voice' in active_sources()) }}
{#-
  The quality survey by scenario: 1, the robot only; 2, the robot and then a person. What was answered does not decide
  the scenario, unless that reading is chosen. An answer about a person in scenario 1 is a violation and ignored. A
  response has a score that counts; what came without one, and answers that are in no scenario, are counted by
  themselves.
-#}
{%- set by_answers = voice_reading('survey') == 'answers' %}
{%- set is_eligible = '(is_transferred or (passed_through_robot and ended_at is not null))' %}

with calls as (
    {{ voice_calls_in_scope() }}
),

eligible as (
    select
        event_date,
        {%- if by_answers %}
        case
            when human_score is not null then '2'
            when electronic_score is not null then '1'
            when is_transferred then '2'
            else '1'
        end as scenario,
        false as is_violation,
        electronic_score is not null or human_score is not null as is_response,
        {%- else %}
        case when is_transferred then '2' else '1' end as scenario,
        not is_transferred and human_score is not null as is_violation,
        electronic_score is not null or (is_transferred and human_score is not null) as is_response,
        {%- endif %}
        has_survey,
        electronic_score,
        human_score
    from calls
    where {{ is_eligible }}
),

ineligible as (
    select event_date
    from calls
    where has_survey and not {{ is_eligible }}
),

orphans as (
    select surveys.event_date
    from {{ ref('stg_voice__surveys') }} as surveys
    left join {{ ref('stg_voice__calls') }} as calls on surveys.call_id = calls.call_id and calls.has_start
    where calls.call_id is null and {{ voice_date_in_scope('surveys.event_date') }}
)

select {{ kpi_columns(
    'survey_response_rate', count_if('is_response', 'bigint'), 'count(*)', 'scenario', 'scenario'
) }}
from eligible
group by event_date, scenario

union all

select {{ kpi_columns(
    'survey_unanswered', count_if('has_survey and not is_response', 'bigint'), '1', 'scenario', 'scenario'
) }}
from eligible
group by event_date, scenario

union all

select {{ kpi_columns(
    'survey_electronic_score', 'coalesce(sum(electronic_score), 0)', 'count(electronic_score)', 'scenario', 'scenario'
) }}
from eligible
group by event_date, scenario

union all

select {{ kpi_columns(
    'survey_human_score', 'coalesce(sum(human_score), 0)', 'count(human_score)', 'scenario', 'scenario'
) }}
from eligible
where scenario = '2'
group by event_date, scenario

union all

select {{ kpi_columns('survey_violations', count_if('is_violation', 'bigint'), '1', 'scenario', 'scenario') }}
from eligible
group by event_date, scenario

union all

select {{ kpi_columns('survey_ineligible', 'count(*)') }}
from ineligible
group by event_date

union all

select {{ kpi_columns('survey_orphans', 'count(*)') }}
from orphans
group by event_date
