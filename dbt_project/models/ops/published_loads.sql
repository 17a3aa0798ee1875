{{ config(
    alias='_loads',
    schema='event',
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false
) }}
-- Last of all models: a failing test or model before it leaves the loads pending, and the next run takes them again.
{%- for model in [
    'user_messages', 'bot_messages', 'story_actions', 'interactions', 'sessions', 'conversations', 'users',
    'message_costs', 'daily', 'partition_ledger'
] %}
-- depends_on: {{ ref(model) }}
{%- endfor %}
{%- if 'chat' in var('sources') %}
-- depends_on: {{ ref('chat_daily') }}
{%- endif %}
{%- if execute and flags.WHICH in ('run', 'build') and load_relation(this) is none %}
{{ exceptions.raise_compiler_error(this ~ " does not exist: the platform makes it before it starts dbt.") }}
{%- endif %}

select
    complete.load_id,
    complete.schema_name,
    1 as status,
    {{ utc_now() }} as inserted_at,
    complete.schema_version_hash
from {{ source('event', '_loads') }} as complete
where
    complete.status = 0
    and complete.load_id in (
        select scope.value
        from {{ source('ops', 'run_scope') }} as scope
        where scope.kind = 'load'
    )
    and complete.load_id not in (
        select published.load_id
        from {{ source('event', '_loads') }} as published
        where published.status = 1
    )
