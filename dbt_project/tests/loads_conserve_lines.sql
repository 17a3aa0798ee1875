{{ config(
    description='Lines read are blank, rejected, duplicate, superseded or accepted, in every load.',
    meta={'dagster': {'ref': {'name': 'partition_ledger'}}}
) }}
-- depends_on: {{ ref('partition_ledger') }}

select
    load_id,
    lines_read
from {{ source('ops', 'loads') }}
where coalesce(lines_read <> blank + rejected + duplicates + superseded + accepted, true)
