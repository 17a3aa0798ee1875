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
    'daily', 'partition_ledger'
] %}
-- depends_on: {{ ref(model) }}
{%- endfor %}
{%- if 'chat' in active_sources() %}
-- depends_on: {{ ref('chat_daily') }}
-- depends_on: {{ ref('message_costs') }}
{%- if execute and flags.WHICH in ('run', 'build') and load_relation(this) is none %}
{{ exceptions.raise_compiler_error(this ~ " does not exist: the platform makes it before it starts dbt.") }}
{%- endif %}
{%- endif %}
{%- if 'voice' in active_sources() %}
-- depends_on: {{ ref('voice_daily') }}
-- depends_on: {{ ref('voice_call_facts') }}
-- depends_on: {{ ref('voice_intervals') }}
{%- endif %}
{%- if 'rasa' in active_sources() %}
-- depends_on: {{ ref('rasa_daily') }}
-- depends_on: {{ ref('slots') }}
-- depends_on: {{ ref('stories') }}
-- depends_on: {{ ref('event_rows') }}
{%- endif %}

select
    cast(complete.load_id as varchar(64)) as load_id,
    cast(complete.schema_name as varchar(256)) as schema_name,
    1 as status,
    {{ utc_now() }} as inserted_at,
    cast(complete.schema_version_hash as varchar(64)) as schema_version_hash
from {{ ref('stg_event__loads') }} as complete
where
    not complete.is_published
    and complete.load_id in (
        select scope.load_id
        from {{ ref('scope_loads') }} as scope
    )
