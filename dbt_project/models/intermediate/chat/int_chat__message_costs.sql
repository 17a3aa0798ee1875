{{ config(enabled='chat' in active_sources()) }}

select
    messages.event_date,
    messages.conversation_id,
    messages.message_id as interaction_id,
    messages.thread_id,
    messages.user_id,
    messages.domain_category,
    messages.intent_type,
    messages.model,
    messages.site,
    messages.is_agent_task,
    messages.task_completed,
    usage_metrics.message_id is not null as has_usage,
    usage_metrics.search_context_size,
    usage_metrics.prompt_tokens,
    usage_metrics.completion_tokens,
    usage_metrics.total_tokens,
    usage_metrics.request_cost,
    usage_metrics.input_tokens_cost,
    usage_metrics.output_tokens_cost,
    usage_metrics.total_cost,
    usage_metrics.request_cost_exact,
    usage_metrics.input_tokens_cost_exact,
    usage_metrics.output_tokens_cost_exact,
    usage_metrics.total_cost_exact
from {{ ref('int_chat__messages') }} as messages
left join {{ ref('stg_chat__usage_metrics') }} as usage_metrics
    on messages.event_date = usage_metrics.event_date and messages.message_id = usage_metrics.message_id
