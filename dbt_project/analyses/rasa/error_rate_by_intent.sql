{{ config(enabled='rasa' in active_sources()) }}

-- Which intents go wrong: share of their interactions with a fallback?
select
    intent,
    count(*) as interactions,
    sum(case when {{ is_fallback('*_count') }} then 1 else 0 end) as with_fallback
from {{ ref('interactions') }}
where source = 'rasa' and interaction_nr > 0
group by intent
