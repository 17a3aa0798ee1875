{{ config(enabled='voice' in active_sources(), materialized='table') }}
{%- set run_scope = existing_table('ops', 'run_scope') -%}
-- depends_on: {{ source('ops', 'run_scope') }}
{%- set calls = ref('stg_voice__calls') %}

{% if scope_is_whole() -%}
select call_id
from {{ calls }}
{%- elif run_scope is none -%}
select cast(null as varchar(256)) as call_id
where false
{%- else -%}
select distinct cast(value as varchar(256)) as call_id
from {{ run_scope }}
where source = 'voice' and kind = 'call'
{%- endif %}
