-- noqa: disable=LT02,LT14
{{ config(
    materialized='incremental',
    incremental_strategy='replace_dates',
    on_schema_change='fail',
    pre_hook='{{ require_scope() }}'
) }}
{%- set source_tables = {
    'chat': {
        'chat/chat_sessions': 'stg_chat__sessions',
        'chat/responses': 'stg_chat__responses',
        'chat/tool_usage': 'stg_chat__tool_usage',
        'chat/web_searches': 'stg_chat__web_searches',
        'chat/browser_automations': 'stg_chat__browser_automations',
        'chat/web_automations': 'stg_chat__web_automations',
        'chat/usage_metrics': 'stg_chat__usage_metrics',
        'chat/query_classifications': 'stg_chat__query_classifications',
    },
    'rasa': {'event/event': 'stg_rasa__events'},
    'voice': {
        'voice/events': 'stg_voice__events',
        'voice/calls': 'stg_voice__calls',
        'voice/turns': 'stg_voice__turns',
        'voice/api_calls': 'stg_voice__api_calls',
        'voice/solutions': 'stg_voice__solutions',
        'voice/transfers': 'stg_voice__transfers',
        'voice/surveys': 'stg_voice__surveys',
    },
} %}
{#- no model reads these, so none stands before them -#}
{%- set bare_tables = {'voice': ['custom_events', 'warnings']} %}
{%- set events = {
    'chat': 'stg_chat__sessions', 'rasa': 'int_rasa__readable_events', 'voice': 'stg_voice__events'
} %}
{%- set run_scope = existing_table('ops', 'run_scope') %}
{%- set shared_tables = {
    'semantic/user_messages': 'user_messages',
    'semantic/bot_messages': 'bot_messages',
    'semantic/story_actions': 'story_actions',
    'semantic/interactions': 'interactions',
    'semantic/sessions': 'sessions',
    'semantic/conversations': 'conversations',
    'semantic/users': 'users',
    'kpi/daily': 'daily',
} %}
{%- if 'chat' in active_sources() %}
    {%- do shared_tables.update({'kpi/message_costs': 'message_costs'}) %}
{%- endif %}
{%- if 'voice' in active_sources() %}
    {%- do shared_tables.update({
        'kpi/voice_call_facts': 'voice_call_facts',
        'kpi/voice_intervals': 'voice_intervals',
    }) %}
{%- endif %}
{%- if 'rasa' in active_sources() %}
    {%- do shared_tables.update({
        'semantic/slots': 'slots',
        'semantic/stories': 'stories',
        'semantic/event_rows': 'event_rows',
    }) %}
{%- endif %}
-- depends_on: {{ source('ops', 'run_scope') }}

with assets as (
    {%- for source_name in active_sources() %}
    {%- for asset, model in source_tables[source_name].items() %}
    select
        cast('{{ source_name }}' as varchar(64)) as source,
        cast('{{ asset }}' as varchar(128)) as asset,
        event_date,
        count(*) as row_count
    from {{ ref(model) }}
    where {{ date_in_scope() }}
    group by event_date

    union all
    {% endfor %}
    {%- for table in bare_tables.get(source_name, []) %}
    select
        cast('{{ source_name }}' as varchar(64)) as source,
        cast('{{ source_name }}/{{ table }}' as varchar(128)) as asset,
        event_date,
        count(*) as row_count
    from {{ source(source_name, table) }}
    where {{ date_in_scope() }}
    group by event_date

    union all
    {% endfor %}
    {%- endfor %}
    {%- for asset, model in shared_tables.items() %}
    {%- if not loop.first %}

    union all
    {% endif %}
    select
        source,
        cast('{{ asset }}' as varchar(128)) as asset,
        event_date,
        count(*) as row_count
    from {{ ref(model) }}
    where {{ date_in_scope() }}
    group by source, event_date
    {%- endfor %}
),

-- loads and classifier behind the dates, by source
origins as (
    {%- for source_name in active_sources() %}
    {%- if not loop.first %}

    union all
    {% endif %}
    select
        cast('{{ source_name }}' as varchar(64)) as source,
        dates.event_date,
        dates.loads,
        models.model_version
    from (
        select
            event_date,
            count(distinct load_id) as loads
        from {{ ref(events[source_name]) }}
        where {{ date_in_scope() }}
        group by event_date
    ) as dates
    {%- if source_name != 'chat' %}
    left join (
        select
            cast(null as date) as event_date,
            cast(null as varchar(64)) as model_version
        where false
    ) as models on dates.event_date = models.event_date
    {%- else %}
    left join (
        select
            event_date,
            max(model_version) as model_version
        from {{ ref('stg_chat__query_classifications') }}
        where {{ date_in_scope() }}
        group by event_date
    ) as models on dates.event_date = models.event_date
    {%- endif %}
    {%- endfor %}
),

runs as (
    {%- if run_scope is none %}
    select '{{ run_of_dbt() }}' as run_id
    {%- else %}
    select coalesce(max(run_id), '{{ run_of_dbt() }}') as run_id
    from {{ run_scope }}
    {%- endif %}
)

select
    assets.source,
    assets.asset,
    assets.event_date,
    cast(coalesce(origins.loads, 0) as bigint) as loads,
    cast(assets.row_count as bigint) as row_count,
    watermarks.watermark,
    cast({{ code_version_of('assets.source') }} as varchar(64)) as code_version,
    origins.model_version,
    cast(runs.run_id as varchar(64)) as run_id,
    {{ utc_now() }} as materialised_at
from assets
inner join {{ ref('scope_dates') }} as scope on assets.source = scope.source and assets.event_date = scope.event_date
left join origins on assets.source = origins.source and assets.event_date = origins.event_date
left join {{ ref('int_kpi__watermarks') }} as watermarks on assets.source = watermarks.source
cross join runs
