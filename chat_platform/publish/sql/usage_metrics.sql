select
    id64(messages.session_id || chr(31) || 'usage') as metric_id,
    messages.session_id,
    messages.thread_id,
    messages.event_timestamp,
    messages.event_date,
    messages.completion_tokens,
    messages.prompt_tokens,
    messages.total_tokens,
    messages.input_tokens_cost,
    messages.output_tokens_cost,
    messages.request_cost,
    messages.total_cost,
    cast(messages.prompt_tokens * prices.input_per_million_usd / 1000000 as decimal(18, 9))
        as input_tokens_cost_exact,
    cast(messages.completion_tokens * prices.output_per_million_usd / 1000000 as decimal(18, 9))
        as output_tokens_cost_exact,
    cast(
        (
            messages.prompt_tokens * prices.input_per_million_usd
            + messages.completion_tokens * prices.output_per_million_usd
        ) / 1000000 + prices.per_request_usd as decimal(18, 9)
    ) as total_cost_exact,
    cut(mask(messages.search_context_size), 32) as search_context_size,
    case
        when
            messages.unix_seconds >= messages.response_created
            and round((messages.unix_seconds - messages.response_created) * 1000) <= 2147483647
            then cast(round((messages.unix_seconds - messages.response_created) * 1000) as integer)
    end as latency_ms,
    cut(mask(messages.model), 256) as model
from messages
left join prices
    on messages.model = prices.model and messages.search_context_size = prices.search_context_size
where messages.has_usage
