{{ config(
    description='No load is published twice, and none that was never complete.',
    meta={'dagster': {'ref': {'name': 'published_loads'}}}
) }}

select published.load_id
from {{ ref('published_loads') }} as published
left join {{ ref('stg_event__loads') }} as complete on published.load_id = complete.load_id
group by published.load_id
having
    sum(case when published.status = 1 then 1 else 0 end) > 1
    or count(complete.load_id) = 0
