-- noqa: disable=LT02
{{ config(enabled='voice' in active_sources()) }}
{#-
  Dates whose KPIs change: those of the turns, API calls, solutions and surveys of touched calls, those of calls whose facts are
  other than they stand, and those that the watermark has made final.
-#}
{%- set standing = existing_model('voice_call_facts') if not scope_is_whole() else none %}
{%- set daily = existing_daily() %}
{%- set new_facts = ref('int_voice__call_facts') %}
{%- set scope = ref('scope_conversations') %}
{%- set touched = ref('int_voice__touched_calls') %}
{%- set watermark = ref('int_voice__watermark') %}
{%- set open_dates = ref('int_voice__open_dates') %}

with
{%- if standing is not none %}

old_facts as (
    select standing.*
    from {{ standing }} as standing
    inner join {{ scope }} as scope
        on standing.source = scope.source and standing.conversation_id = scope.conversation_id
    where scope.source = 'voice'
),

changed as (
    (
        select * from {{ new_facts }} -- noqa: AM04
        except
        select * from old_facts
    )
    union all
    (
        select * from old_facts
        except
        select * from {{ new_facts }} -- noqa: AM04
    )
),
{%- else %}

changed as (
    select *
    from {{ new_facts }}
),
{%- endif %}

-- a call over midnight is counted in the concurrency of each date that it touches
days as (
    {%- for number in range(4) %}
    {%- if not loop.first %}

    union all
    {% endif %}
    select {{ number }} as number
    {%- endfor %}
),

busy_dates as (
    select cast(changed.event_date + days.number * interval '1 day' as date) as event_date
    from changed
    cross join days
    where
        changed.has_start
        and changed.event_date + days.number * interval '1 day'
        <= {{ source_time('voice', "(changed.busy_until - interval '1 microsecond')") }}
)
{%- for model in ['turns', 'api_calls', 'solutions', 'surveys'] %}
{%- if loop.first %}
{% else %}

union
{% endif %}
select
    {{ voice_api_date('events.') if model == 'api_calls' else 'events.event_date' }} as event_date
from {{ ref('stg_voice__' ~ model) }} as events
inner join {{ touched }} as touched on events.call_id = touched.call_id
{%- endfor %}

union

select event_date
from changed
where has_start

union

select tma_date as event_date
from changed
where tma_date is not null

union

select solved_date as event_date
from changed
where solved_date is not null

{%- if voice_reading('fcr') == 'trailing_24h' %}

-- 24 hours before the end of a day reach into the day before where clocks go forward
union

select cast(solved_date + interval '1 day' as date) as event_date
from changed
where solved_date is not null
{%- endif %}

union

select event_date
from busy_dates
{%- if daily is not none %}

union

select daily.event_date
from {{ daily }} as daily
cross join {{ watermark }} as feed
where
    daily.source = 'voice'
    {%- if not scope_is_whole() %}
    and not daily.is_final
    {%- if voice_reading('tma') != 'open_until_now' %}
    and {{ voice_is_final('daily.kpi', 'daily.event_date', 'feed.watermark', 'daily.event_date in (select open_dates.event_date from ' ~ open_dates ~ ' as open_dates)') }}
    {%- endif %}
    {%- endif %}
{%- endif %}
