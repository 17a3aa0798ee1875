{{ config(
    enabled='chat' in active_sources(),
    description='The accepted lines of a load are all found as messages and as interactions, and no others are.',
    meta={'dagster': {'ref': {'name': 'interactions'}}}
) }}

with counts as (
    select
        load_id,
        accepted,
        0 as messages,
        0 as interactions
    from {{ source('ops', 'loads') }}
    where source = 'chat'

    union all

    select
        load_id,
        0 as accepted,
        count(*) as messages,
        0 as interactions
    from {{ ref('stg_chat__sessions') }}
    group by load_id

    union all

    select
        load_id,
        0 as accepted,
        0 as messages,
        count(*) as interactions
    from {{ ref('interactions') }}
    where source = 'chat'
    group by load_id
)

select
    load_id,
    sum(accepted) as accepted,
    sum(messages) as messages,
    sum(interactions) as interactions
from counts
group by load_id
having sum(accepted) <> sum(messages) or sum(accepted) <> sum(interactions)
