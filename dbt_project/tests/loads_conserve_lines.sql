{{ config(
    description='Lines read are blank, rejected, duplicate, superseded or accepted, in every load.',
    meta={'dagster': {'ref': {'name': 'partition_ledger'}}}
) }}
-- depends_on: {{ ref('partition_ledger') }}
-- depends_on: {{ source('ops', 'loads') }}
{%- set loads = existing_table('ops', 'loads') %}

{% if loads is none -%}
select 'only the platform counts lines' as load_id
where false
{%- else -%}
select
    load_id,
    lines_read
from {{ loads }}
where coalesce(lines_read <> blank + rejected + duplicates + superseded + accepted, true)
{%- endif %}
