-- noqa: disable=LT02,LT14
{{ config(materialized='table') }}
{#-
  What the platform has filled and not finished is what ops.run_scope names. Where no platform runs, or the last run
  has finished, dbt itself takes the pending loads of Rasa; chat tables have to be filled first. Beside events that the
  platform unpacked those that dlt loaded are not read, so their loads stay pending.
-#}
{%- set run_scope = existing_table('ops', 'run_scope') -%}
-- depends_on: {{ source('ops', 'run_scope') }}
{%- set left_out = loads_left_out() %}

with scope as (
    {%- if run_scope is none %}
    select
        cast(null as varchar(64)) as source,
        cast(null as varchar(16)) as kind,
        cast(null as varchar(1024)) as value
    where false
    {%- else %}
    select
        source,
        kind,
        value
    from {{ run_scope }}
    {%- endif %}
)

select
    source,
    cast(value as varchar(64)) as load_id
from scope
where kind = 'load' and {{ is_active('source') }}
{%- if 'rasa' in active_sources() %}

union

select
    cast('rasa' as varchar(64)) as source,
    load_id
from {{ ref('stg_event__loads') }}
where
    {%- if left_out %}
    not is_of_dlt and coalesce(schema_name, '') not in ('chat', 'voice')
    {%- else %}
    (is_of_dlt or coalesce(schema_name, '') not in ('chat', 'voice'))
    {%- endif %}
    {%- if not scope_is_whole() %}
    and not is_published
    and (
        not exists (select 1 from scope)
        or exists (select 1 from scope where scope.kind = 'done')
    )
    {%- endif %}
{%- endif %}
