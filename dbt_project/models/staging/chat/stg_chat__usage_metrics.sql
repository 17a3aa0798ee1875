{{ config(enabled='chat' in active_sources()) }}

select
    session_id as message_id,
    event_date,
    prompt_tokens,
    completion_tokens,
    total_tokens,
    {{ number('request_cost') }} as request_cost,
    {{ number('input_tokens_cost') }} as input_tokens_cost,
    {{ number('output_tokens_cost') }} as output_tokens_cost,
    {{ number('total_cost') }} as total_cost,
    {{ number('total_cost_exact - input_tokens_cost_exact - output_tokens_cost_exact') }} as request_cost_exact,
    {{ number('input_tokens_cost_exact') }} as input_tokens_cost_exact,
    {{ number('output_tokens_cost_exact') }} as output_tokens_cost_exact,
    {{ number('total_cost_exact') }} as total_cost_exact,
    search_context_size,
    latency_ms
from {{ source('chat', 'usage_metrics') }}
