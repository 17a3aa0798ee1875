{{ config(
    enabled='chat' in active_sources(),
    materialized='incremental',
    incremental_strategy='replace_conversations',
    on_schema_change='fail',
    pre_hook='{{ require_scope() }}'
) }}

{{ union_sources('message_costs', [
    'event_date',
    'conversation_id',
    'interaction_id',
    'thread_id',
    'user_id',
    'domain_category',
    'intent_type',
    'model',
    'site',
    'is_agent_task',
    'task_completed',
    'has_usage',
    'search_context_size',
    'prompt_tokens',
    'completion_tokens',
    'total_tokens',
    'request_cost',
    'input_tokens_cost',
    'output_tokens_cost',
    'total_cost',
    'request_cost_exact',
    'input_tokens_cost_exact',
    'output_tokens_cost_exact',
    'total_cost_exact'
], only=['chat']) }}
