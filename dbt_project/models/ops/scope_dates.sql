{{ config(materialized='table') }}

with dates as (
    select
        source,
        cast(value as date) as event_date
    from {{ source('ops', 'run_scope') }}
    where kind = 'date'
    {%- for source_name in var('sources') %}
    {%- set conversation_dates = ref('int_' ~ source_name ~ '__conversation_dates') %}
    {%- if scope_is_whole() %}

    union

    select
        cast('{{ source_name }}' as varchar(64)) as source,
        event_date
    from {{ conversation_dates }}
    {%- endif %}
    {%- endfor %}
    {%- set daily = existing_daily() %}
    {%- if daily is not none %}

    -- a period that was open may have closed since
    union

    select
        source,
        event_date
    from {{ daily }}
    where not is_final
    {%- endif %}
)

select
    source,
    event_date
from dates

-- KPIs of a week or month are stored on its first date
union

select
    source,
    {{ period_start('week', 'event_date') }} as event_date
from dates

union

select
    source,
    {{ period_start('month', 'event_date') }} as event_date
from dates
