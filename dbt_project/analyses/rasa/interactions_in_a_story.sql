{{ config(enabled='rasa' in active_sources()) }}

-- How many interactions are in a story, by how it ended?
select
    story_intent,
    outcome,
    count(*) as stories,
    sum(interactions_count) as interactions
from {{ ref('stories') }}
where source = 'rasa'
group by story_intent, outcome
