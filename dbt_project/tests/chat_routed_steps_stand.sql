{{ config(
    enabled='chat' in active_sources(),
    description='Each step that was routed to a table stands there once, and in story_actions; dates in scope.',
    meta={'dagster': {'ref': {'name': 'story_actions'}}}
) }}
{%- set targets = {
    'web_searches': 'stg_chat__web_searches',
    'browser_automations': 'stg_chat__browser_automations',
    'web_automations': 'stg_chat__web_automations',
} %}

with counts as (
    select
        event_date,
        coalesce(classification_target, 'none') as target,
        count(*) as routed,
        0 as standing,
        0 as actions
    from {{ ref('stg_chat__tool_usage') }}
    where {{ date_in_scope() }}
    group by 1, 2

    union all

    select
        event_date,
        coalesce(classification_target, 'none') as target,
        0 as routed,
        case when classification_target is null then count(*) else 0 end as standing,
        count(*) as actions
    from {{ ref('story_actions') }}
    where source = 'chat' and {{ date_in_scope() }}
    group by event_date, classification_target
    {%- for target, model in targets.items() %}

    union all

    select
        event_date,
        '{{ target }}' as target,
        0 as routed,
        count(*) as standing,
        0 as actions
    from {{ ref(model) }}
    where {{ date_in_scope() }}
    group by event_date
    {%- endfor %}
)

select
    counts.event_date,
    counts.target,
    sum(counts.routed) as routed,
    sum(counts.standing) as standing,
    sum(counts.actions) as actions
from counts
inner join {{ ref('scope_dates') }} as scope on counts.event_date = scope.event_date and scope.source = 'chat'
group by counts.event_date, counts.target
having sum(counts.routed) <> sum(counts.standing) or sum(counts.routed) <> sum(counts.actions)
