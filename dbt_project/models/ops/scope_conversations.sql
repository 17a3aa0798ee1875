{{ config(materialized='table') }}

select
    source,
    value as conversation_id
from {{ source('ops', 'run_scope') }}
where kind = 'conversation'
{%- for source_name in var('sources') %}
{%- set conversation_dates = ref('int_' ~ source_name ~ '__conversation_dates') %}
{%- if scope_is_whole() %}

union

select
    cast('{{ source_name }}' as varchar(64)) as source,
    conversation_id
from {{ conversation_dates }}
{%- endif %}
{%- endfor %}
