{{ config(materialized='table') }}
{%- set run_scope = existing_table('ops', 'run_scope') -%}
-- depends_on: {{ source('ops', 'run_scope') }}

{% if run_scope is none -%}
select
    cast(null as varchar(64)) as source,
    cast(null as varchar(1024)) as conversation_id
where false
{%- else -%}
select
    source,
    value as conversation_id
from {{ run_scope }}
where kind = 'conversation' and {{ is_active('source') }}
{%- endif %}
{%- for source_name in active_sources() %}
{%- set conversation_dates = ref('int_' ~ source_name ~ '__conversation_dates') %}
{%- if source_name == 'rasa' %}
{%- set touched = ref('int_rasa__touched_conversations') %}

union

select
    cast('rasa' as varchar(64)) as source,
    conversation_id
from {{ touched }}
{%- elif source_name == 'voice' %}
{%- set touched_calls = ref('int_voice__touched_calls') %}
{%- set neighbours = ref('int_voice__neighbours') %}

-- what one call is measured by are the others of the same phone
union

select
    cast('voice' as varchar(64)) as source,
    cast(call_id as varchar(1024)) as conversation_id
from {{ touched_calls }}

union

select
    cast('voice' as varchar(64)) as source,
    cast(call_id as varchar(1024)) as conversation_id
from {{ neighbours }}
{%- endif %}
{%- if scope_is_whole() %}

union

select
    cast('{{ source_name }}' as varchar(64)) as source,
    conversation_id
from {{ conversation_dates }}
{%- endif %}
{%- endfor %}
