{{ config(enabled='chat' in active_sources()) }}
{%- set measures = [
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
    'total_cost_exact',
] %}
{#- each dimension gives every message exactly one value, so that the rows of each add up to the total -#}
{%- set dimensions = {
    'all': "'all'",
    'user': "coalesce(user_id, 'none')",
    'thread': "coalesce(thread_id, 'none')",
    'domain_category': "coalesce(domain_category, 'none')",
    'intent_type': "coalesce(intent_type, 'none')",
    'model': "coalesce(model, 'none')",
} %}

with costs as (
    {{ rows_of_scope_dates(ref('message_costs'), 'chat') }}
),

totals as (
    {%- for dimension, expression in dimensions.items() %}
    {%- if not loop.first %}

    union all
    {% endif %}
    select
        event_date,
        cast('{{ dimension }}' as varchar(64)) as dimension,
        cast({{ expression }} as varchar(1024)) as dimension_value,
        count(*) as messages,
        {%- for measure in measures %}
        sum({{ number(measure) }}) as {{ measure }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from costs
    group by 1, 2, 3
    {%- endfor %}
)

{% for measure in ['messages'] + measures %}
{% if not loop.first %}union all{% endif %}

select
    event_date,
    cast('{{ measure }}' as varchar(64)) as kpi,
    dimension,
    dimension_value,
    {{ number('coalesce(' ~ measure ~ ', 0)') }} as numerator,
    {{ number('1') }} as denominator,
    cast(null as double precision) as value
from totals
{% endfor %}

union all

select {{ kpi_columns(
    'exact_cost_coverage', 'count(total_cost_exact)', 'sum(case when has_usage then 1 else 0 end)'
) }}
from costs
group by event_date
