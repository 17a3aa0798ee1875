{{ config(
    enabled='chat' in active_sources(),
    description='Each message is one interaction and one cost row, and its query and response one message each; dates in scope.',
    meta={'dagster': {'ref': {'name': 'interactions'}}}
) }}
{%- set counted = {
    'messages': ref('stg_chat__sessions'),
    'responses': ref('stg_chat__responses'),
    'interactions': ref('interactions'),
    'message_costs': ref('message_costs'),
    'user_messages': ref('user_messages'),
    'bot_messages': ref('bot_messages'),
} %}

with facts as (
    {%- for name, relation in counted.items() %}
    {%- if not loop.first %}

    union all
    {% endif %}
    select
        event_date,
        '{{ name }}' as name,
        {{ 'count(user_query)' if name == 'messages' else '0' }} as queries,
        count(*) as counted
    from {{ relation }}
    where
        {{ date_in_scope() }}
        {%- if not loop.index <= 2 %}
        and source = 'chat'
        {%- endif %}
    group by event_date
    {%- endfor %}
),

dates as (
    select
        facts.event_date,
        sum(facts.queries) as queries,
        {%- for name in counted %}
        sum(case when facts.name = '{{ name }}' then facts.counted else 0 end) as {{ name }}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from facts
    inner join {{ ref('scope_dates') }} as scope on facts.event_date = scope.event_date and scope.source = 'chat'
    group by facts.event_date
)

select *
from dates
where
    messages <> interactions
    or messages <> message_costs
    or queries <> user_messages
    or responses <> bot_messages
