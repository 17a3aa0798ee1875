{{ config(enabled='rasa' in active_sources()) }}
{#- Rates of sessions. A bounced session, without a user message, has no outcome that a bot could be measured by. -#}
{%- set engaged = count_if('not is_bounced', 'bigint') %}

with sessions as (
    {{ rows_of_scope_dates(ref('sessions'), 'rasa') }}
),

by_dimension as (
    {{- rows_by_dimension('sessions', rasa_dimensions('first_model_id')) }}
)

{{ kpis_by_dimension('sessions', {
    'sessions': ('count(*)', '1'),
    'bounce_rate': (count_if('is_bounced', 'bigint'), 'count(*)'),
    'containment_rate': (count_if('not is_bounced and agent_handoff_count = 0', 'bigint'), engaged),
    'handoff_rate': (count_if('not is_bounced and agent_handoff_count > 0', 'bigint'), engaged),
    'resolution_rate': (count_if("outcome = 'resolved'", 'bigint'), engaged),
    'abandonment_rate': (count_if("outcome = 'abandoned'", 'bigint'), engaged),
    'frustration_rate': (count_if('not is_bounced and frustrated_count > 0', 'bigint'), engaged),
    'dispute_rate': (count_if('not is_bounced and dispute_count > 0', 'bigint'), engaged),
    'happy_rate': (count_if('not is_bounced and happy_count > 0', 'bigint'), engaged),
    'interactions_per_session': ('sum(interactions_count)', engaged),
}, rasa_dimensions('first_model_id')) }}

union all

{{ kpi_by_dimension('by_dimension', 'sessions_by_outcome', 'count(*)', '1', 'outcome', 'outcome') }}
