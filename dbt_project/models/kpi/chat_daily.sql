{{ config(enabled='chat' in active_sources(), materialized='table') }}
{%- set columns = {
    'messages': 'messages',
    'threads_day': 'conversations',
    'active_users_day': 'known_users',
    'known_user_share_day': 'known_user_share',
    'total_tokens': 'total_tokens',
    'total_cost': 'total_cost',
    'total_cost_exact': 'total_cost_exact',
    'no_response_rate': 'no_response_rate',
    'agent_tasks': 'agent_tasks',
    'agent_task_completion_rate': 'agent_task_completion_rate',
    'plain_answer_completion_rate': 'plain_answer_completion_rate',
    'cost_per_completed_task': 'cost_per_completed_task',
    'latency_p50_ms': 'latency_p50_ms',
    'latency_p95_ms': 'latency_p95_ms',
    'tool_calls': 'tool_calls',
    'searches': 'searches',
    'domain_abstention_rate': 'abstention_rate',
    'intent_abstention_rate': 'intent_abstention_rate',
} %}

select
    event_date,
    {%- for kpi, column in columns.items() %}
    max(case when kpi = '{{ kpi }}' then value end) as {{ column }},
    {%- endfor %}
    max(case when kpi = 'messages' and is_final then 1 else 0 end) = 1 as is_final
from {{ ref('daily') }}
where source = 'chat' and dimension = 'all'
group by event_date
having max(case when kpi = 'messages' then 1 else 0 end) = 1
