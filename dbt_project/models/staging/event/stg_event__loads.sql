{#- A status table that dlt wrote is read beside the platform's own, never written. -#}
{%- set tables = [] -%}
{%- for name in ['_loads', '_dlt_loads'] if existing_table('event', name) is not none -%}
    {%- do tables.append(existing_table('event', name)) -%}
{%- endfor -%}
-- depends_on: {{ source('event', '_loads') }}

with entries as (
    {%- for table in tables %}
    {%- if not loop.first %}

    union all
    {% endif %}
    select
        cast(load_id as varchar(64)) as load_id,
        cast(schema_name as varchar(256)) as schema_name,
        status,
        cast(schema_version_hash as varchar(64)) as schema_version_hash,
        {{ 1 if table.identifier == '_dlt_loads' else 0 }} as is_of_dlt
    from {{ table }}
    {%- else %}
    select
        cast(null as varchar(64)) as load_id,
        cast(null as varchar(256)) as schema_name,
        cast(null as integer) as status,
        cast(null as varchar(64)) as schema_version_hash,
        cast(null as integer) as is_of_dlt
    where false
    {%- endfor %}
)

-- a load without a row of status 0 is not complete: nothing of it may be read
select
    load_id,
    max(case when status = 0 then schema_name end) as schema_name,
    max(case when status = 0 then schema_version_hash end) as schema_version_hash,
    sum(case when status <> 0 then 1 else 0 end) > 0 as is_published,
    max(case when status = 0 then is_of_dlt end) = 1 as is_of_dlt
from entries
where load_id is not null
group by load_id
having sum(case when status = 0 then 1 else 0 end) > 0
