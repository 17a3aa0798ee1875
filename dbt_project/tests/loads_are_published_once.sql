{{ config(
    description='No load is published twice, and none that was never complete.',
    meta={'dagster': {'ref': {'name': 'published_loads'}}}
) }}

select load_id
from {{ ref('published_loads') }}
group by load_id
having
    sum(case when status = 1 then 1 else 0 end) > 1
    or sum(case when status = 0 then 1 else 0 end) = 0
