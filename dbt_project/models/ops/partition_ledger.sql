{{ config(
    materialized='incremental',
    incremental_strategy='replace_dates',
    on_schema_change='fail',
    pre_hook='{{ require_scope() }}'
) }}
{%- set source_tables = {
    'chat': {
        'chat_sessions': 'stg_chat__sessions',
        'responses': 'stg_chat__responses',
        'tool_usage': 'stg_chat__tool_usage',
        'web_searches': 'stg_chat__web_searches',
        'browser_automations': 'stg_chat__browser_automations',
        'web_automations': 'stg_chat__web_automations',
        'usage_metrics': 'stg_chat__usage_metrics',
        'query_classifications': 'stg_chat__query_classifications',
    },
} %}
{%- set shared_tables = {
    'semantic/user_messages': 'user_messages',
    'semantic/bot_messages': 'bot_messages',
    'semantic/story_actions': 'story_actions',
    'semantic/interactions': 'interactions',
    'semantic/sessions': 'sessions',
    'semantic/conversations': 'conversations',
    'semantic/users': 'users',
    'kpi/message_costs': 'message_costs',
    'kpi/daily': 'daily',
} %}

with assets as (
    {%- for source_name in var('sources') %}
    {%- for table, model in source_tables[source_name].items() %}
    select
        cast('{{ source_name }}' as varchar(64)) as source,
        cast('{{ source_name }}/{{ table }}' as varchar(128)) as asset,
        event_date,
        count(*) as row_count
    from {{ ref(model) }}
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
    {%- for source_name in var('sources') %}
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
        from {{ ref('stg_' ~ source_name ~ '__sessions') }}
        where {{ date_in_scope() }}
        group by event_date
    ) as dates
    left join (
        select
            event_date,
            max(model_version) as model_version
        from {{ ref('stg_' ~ source_name ~ '__query_classifications') }}
        where {{ date_in_scope() }}
        group by event_date
    ) as models on dates.event_date = models.event_date
    {%- endfor %}
),

watermarks as (
    select
        source,
        max(last_event_timestamp) as watermark
    from {{ source('ops', 'loads') }}
    group by source
),

runs as (
    select max(run_id) as run_id
    from {{ source('ops', 'run_scope') }}
)

select
    assets.source,
    assets.asset,
    assets.event_date,
    cast(coalesce(origins.loads, 0) as bigint) as loads,
    cast(assets.row_count as bigint) as row_count,
    watermarks.watermark,
    cast('{{ var('code_version') }}' as varchar(64)) as code_version,
    origins.model_version,
    runs.run_id,
    {{ utc_now() }} as materialised_at
from assets
inner join {{ ref('scope_dates') }} as scope on assets.source = scope.source and assets.event_date = scope.event_date
left join origins on assets.source = origins.source and assets.event_date = origins.event_date
left join watermarks on assets.source = watermarks.source
cross join runs
