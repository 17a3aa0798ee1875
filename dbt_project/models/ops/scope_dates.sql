-- noqa: disable=LT02,LT14
{{ config(materialized='table', post_hook='{{ keep_dates() }}') }}
{%- set run_scope = existing_table('ops', 'run_scope') -%}
-- depends_on: {{ source('ops', 'run_scope') }}

with dates as (
    {%- if run_scope is none %}
    select
        cast(null as varchar(64)) as source,
        cast(null as date) as event_date
    where false
    {%- else %}
    select
        source,
        cast(value as date) as event_date
    from {{ run_scope }}
    where kind = 'date' and {{ is_active('source') }}
    {%- endif %}
    {%- for source_name in active_sources() %}
    {%- set conversation_dates = ref('int_' ~ source_name ~ '__conversation_dates') %}
    {%- if source_name == 'rasa' %}
    {%- set conversations = ref('scope_conversations') %}
    {%- set moved_cohorts = ref('int_rasa__moved_cohorts') %}

    -- every date of a conversation that is rebuilt, unless dates are what was asked for
    union

    select
        cast('rasa' as varchar(64)) as source,
        facts.event_date
    from {{ conversation_dates }} as facts
    inner join {{ conversations }} as conversations on facts.conversation_id = conversations.conversation_id
    where
        conversations.source = 'rasa'
        {%- if run_scope is not none %}
        and (
            not exists (select 1 from {{ run_scope }} as asked where asked.mode = 'backfill')
            or exists (select 1 from {{ run_scope }} as asked where asked.kind = 'done')
        )
        {%- endif %}

    union

    select
        cast('rasa' as varchar(64)) as source,
        event_date
    from {{ moved_cohorts }}
    {%- elif source_name == 'voice' %}
    {%- set affected_dates = ref('int_voice__affected_dates') %}

    union

    select
        cast('voice' as varchar(64)) as source,
        event_date
    from {{ affected_dates }}
    {%- endif %}
    {%- if scope_is_whole() %}

    union

    select
        cast('{{ source_name }}' as varchar(64)) as source,
        event_date
    from {{ conversation_dates }}
    {%- endif %}
    {%- endfor %}
    {%- set ledger = existing_model('partition_ledger') if scope_is_whole() and not flags.FULL_REFRESH else none %}
    {%- if ledger is not none %}

    -- what stands on a date by other rules goes, also where these have nothing for it
    union

    select
        source,
        event_date
    from {{ ledger }}
    where {{ is_active('source') }}
    {%- endif %}
    {%- set daily = existing_daily() %}
    {%- if daily is not none %}

    -- a period that was open may have closed since
    union

    select
        source,
        event_date
    from {{ daily }}
    where not is_final and source <> 'voice' and {{ is_active('source') }}
    {%- endif %}
)

select
    source,
    event_date
from dates

-- KPIs of a week or month are stored on its first date; those of voice are all of days
union

select
    source,
    {{ period_start('week', 'event_date') }} as event_date
from dates
where source <> 'voice'

union

select
    source,
    {{ period_start('month', 'event_date') }} as event_date
from dates
where source <> 'voice'
