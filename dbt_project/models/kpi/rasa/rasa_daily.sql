{{ config(enabled='rasa' in active_sources(), materialized='view') }}
{%- set columns = {
    'sessions': 'sessions',
    'conversations_day': 'conversations',
    'active_users_day': 'active_users',
    'new_user_share_day': 'new_user_share',
    'bounce_rate': 'bounce_rate',
    'containment_rate': 'containment_rate',
    'handoff_rate': 'handoff_rate',
    'resolution_rate': 'resolution_rate',
    'abandonment_rate': 'abandonment_rate',
    'frustration_rate': 'frustration_rate',
    'dispute_rate': 'dispute_rate',
    'happy_rate': 'happy_rate',
    'interactions': 'interactions',
    'interactions_per_session': 'interactions_per_session',
    'fallback_rate': 'fallback_rate',
    'low_confidence_rate': 'low_confidence_rate',
    'intent_confidence': 'intent_confidence',
    'answer_time_p50_ms': 'answer_time_p50_ms',
    'answer_time_p95_ms': 'answer_time_p95_ms',
    'answer_time_p99_ms': 'answer_time_p99_ms',
} %}

select
    event_date,
    {%- for kpi, column in columns.items() %}
    max(case when kpi = '{{ kpi }}' then value end) as {{ column }},
    {%- endfor %}
    max(case when kpi in ('sessions', 'interactions') and is_final then 1 else 0 end) = 1 as is_final
from {{ ref('daily') }}
where source = 'rasa' and dimension = 'all'
group by event_date
having max(case when kpi in ('sessions', 'interactions') then 1 else 0 end) = 1
