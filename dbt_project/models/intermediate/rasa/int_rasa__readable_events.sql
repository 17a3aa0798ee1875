{{ config(enabled='rasa' in active_sources()) }}

-- events of loads that are published, or that this run publishes
select events.*
from {{ ref('stg_rasa__events') }} as events
where events.load_id in (
    select published.load_id
    from {{ ref('stg_event__loads') }} as published
    where published.is_published

    union

    select scope.load_id
    from {{ ref('scope_loads') }} as scope
    where scope.source = 'rasa'
)
