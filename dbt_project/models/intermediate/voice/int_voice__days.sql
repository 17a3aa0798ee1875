-- noqa: disable=LT02
{{ config(enabled='voice' in active_sources(), materialized='table') }}
{#-
  What the KPIs of a date are made of, one row per date in scope on which a call started, a turn or an API call was
  made or a request was solved. Which columns hang on a reading: macros/voice.sql.
-#}
{%- set recalls = voice_reading('recalls') %}
{%- set fcr = voice_reading('fcr') %}
{%- set interactions = voice_reading('interactions') %}
{%- set transfer = voice_reading('transfer') %}
{%- set idk = voice_reading('idk') %}
{%- set disambiguation = voice_reading('disambiguation') %}
{%- set contained = 'passed_through_robot and ended_at is not null and not is_transferred' %}
{%- set short_call_seconds = env_var('CHAT_PLATFORM_VOICE_SHORT_CALL_SECONDS', '10') %}
{%- set gap = 'until_next_start' if recalls == 'forward' else 'since_previous_start' %}
{%- set windows = {'24h': 24, '7d': 168, '28d': 672} %}
{%- set is_idk = {
    'union': voice_is_none() ~ ' or ' ~ voice_is_type('REJ'),
    'intersection': voice_is_none() ~ ' and ' ~ voice_is_type('REJ'),
    'union_without_silence':
        '(' ~ voice_is_none() ~ ' or ' ~ voice_is_type('REJ') ~ ') and not ' ~ voice_is_type('SIL'),
} %}
{%- set none_plus_rej = count_if(voice_is_none(), 'bigint') ~ ' + ' ~ count_if(voice_is_type('REJ'), 'bigint') %}
{%- set idk_count = none_plus_rej if idk == 'sum' else count_if(is_idk[idk], 'bigint') %}
{%- set union_of_three = voice_is_none() ~ ' or ' ~ voice_is_type('REJ') ~ ' or ' ~ voice_is_type('DES') %}
{%- set literal_sum = count_if(is_idk['union'], 'bigint') ~ ' + ' ~ count_if(voice_is_type('DES'), 'bigint') %}

with calls as (
    {{ voice_calls_in_scope() }}
),

call_days as (
    select
        event_date,
        count(*) as initiated_calls,
        {{ count_if('passed_through_robot', 'bigint') }} as answered_calls,
        {{ count_if('is_transferred', 'bigint') }} as transferred_calls,
        sum(transfer_events) as transfer_events,
        {{ count_if('passed_through_robot and is_transferred', 'bigint') }} as answered_transferred_calls,
        {%- for name, hours in windows.items() %}
        {%- if recalls == 'customers' %}
        count(distinct case when {{ voice_recalled(gap, hours) }} then phone_key end) as recalls_{{ name }},
        {%- else %}
        {{ count_if(voice_recalled(gap, hours), 'bigint') }} as recalls_{{ name }},
        {%- endif %}
        {%- endfor %}
        {%- for outcome in ['solved', 'transferred', 'abandoned', 'open', 'unknown'] %}
        {{ count_if("outcome = '" ~ outcome ~ "'", 'bigint') }} as outcome_{{ outcome }},
        {%- endfor %}
        {{ count_if('passed_through_robot and ended_at is not null', 'bigint') }} as answered_ended_calls,
        {{ count_if(contained, 'bigint') }} as contained_calls,
        {{ count_if(contained ~ ' and phone_key is not null', 'bigint') }} as contained_with_phone,
        {%- for name in ['24h', '7d'] %}
        {{ count_if(
            contained ~ ' and phone_key is not null and coalesce(until_next_start > ' ~ windows[name] * 3600 ~ ', true)',
            'bigint'
        ) }} as contained_without_callback_{{ name }},
        {%- endfor %}
        {{ count_if("passed_through_robot and outcome = 'solved'", 'bigint') }} as answered_solved_calls,
        {{ count_if("passed_through_robot and outcome = 'abandoned'", 'bigint') }} as answered_abandoned_calls,
        cast(coalesce(sum(case when passed_through_robot then agent_turns end), 0) as bigint) as answered_turns,
        sum({{ number('case when passed_through_robot then duration_seconds end') }}) as answered_seconds,
        cast(
            sum(case when passed_through_robot and duration_seconds is not null then agent_turns end) as bigint
        ) as timed_turns,
        {{ count_if('duration_seconds is not null', 'bigint') }} as timed_calls,
        {{ count_if('duration_seconds < ' ~ short_call_seconds, 'bigint') }} as short_calls
    from calls
    group by event_date
),

timed as (
    {{ voice_timed_calls(voice_date_in_scope('facts.tma_date')) }}
),

tma_days as (
    select
        event_date,
        count(*) as tma_calls,
        sum({{ number('duration_seconds') }}) as tma_seconds,
        {{ percentile('cast(duration_seconds as double precision)', 0.5) }} as tma_p50_seconds,
        {{ percentile('cast(duration_seconds as double precision)', 0.9) }} as tma_p90_seconds,
        {{ percentile('cast(duration_seconds as double precision)', 0.95) }} as tma_p95_seconds
    from timed
    group by event_date
),

-- the last solved event of each call, where the phone is known
solved as (
    {%- if fcr == 'trailing_24h' %}
    select
        days.event_date,
        facts.*
    from (
        select
            event_date,
            {{ local_day_start('voice', "event_date + interval '1 day'") }} as until
        from {{ ref('scope_dates') }}
        where source = 'voice'
    ) as days
    inner join (
        select
            solved_at,
            solved_phone_key,
            last_solution,
            until_solved_again,
            until_called_again
        from {{ ref('voice_call_facts') }}
        where solved_phone_key is not null
    ) as facts on facts.solved_at > days.until - interval '24 hours' and facts.solved_at <= days.until
    {%- else %}
    select
        solved_date as event_date,
        solved_phone_key,
        last_solution,
        until_solved_again,
        until_called_again
    from {{ ref('voice_call_facts') }}
    where solved_phone_key is not null and {{ voice_date_in_scope('solved_date') }}
    {%- endif %}
),

solved_days as (
    select
        event_date,
        count(*) as solved_with_phone,
        {{ count_if('coalesce(until_called_again > 86400, true)', 'bigint') }} as not_called_again,
        {%- if fcr in ('calendar_day', 'trailing_24h') %}
        count(distinct solved_phone_key || '|' || coalesce('=' || last_solution, '')) as resolved
        {%- elif fcr == 'no_callback' %}
        {{ count_if('coalesce(until_called_again > 86400, true)', 'bigint') }} as resolved
        {%- else %}
        {{ count_if('coalesce(until_solved_again > 86400, true)', 'bigint') }} as resolved
        {%- endif %}
    from solved
    group by event_date
),

turn_days as (
    select
        event_date,
        {{ count_if("speaker = 'agent'", 'bigint') }} as at_events,
        {{ count_if("speaker = 'customer'", 'bigint') }} as customer_turns
    from {{ ref('stg_voice__turns') }}
    where {{ voice_date_in_scope('event_date') }}
    group by event_date
),

agent_days as (
    select
        event_date,
        {{ idk_count }} as idk_count,
        {{ count_if(voice_is_type('SIL'), 'bigint') }} as silence_count,
        {{ count_if(voice_is_type('DES'), 'bigint') }} as des_count,
        {%- if disambiguation == 'literal_sum' %}
        {{ literal_sum }} as disambiguated
        {%- elif disambiguation == 'des_only' %}
        {{ count_if(voice_is_type('DES'), 'bigint') }} as disambiguated
        {%- else %}
        {{ count_if(union_of_three, 'bigint') }} as disambiguated
        {%- endif %}
    from {{ ref('stg_voice__turns') }}
    where speaker = 'agent' and {{ voice_date_in_scope('event_date') }}
    group by event_date
),

customer_days as (
    select
        event_date,
        {{ count_if('intent <> top_intent', 'bigint') }} as overridden,
        {{ count_if('intent is not null and top_intent is not null', 'bigint') }} as overridable
    from {{ ref('stg_voice__turns') }}
    where speaker = 'customer' and {{ voice_date_in_scope('event_date') }}
    group by event_date
),

api_calls as (
    select
        {{ voice_api_date() }} as event_date,
        http_status
    from {{ ref('stg_voice__api_calls') }}
),

api_days as (
    select
        event_date,
        count(*) as api_calls,
        {{ count_if('http_status >= 400', 'bigint') }} as api_errors,
        count(http_status) as api_calls_with_status
    from api_calls
    where {{ voice_date_in_scope('event_date') }}
    group by event_date
),

latency_days as (
    select
        event_date,
        count(answer_time_ms) as answered_turns,
        {{ percentile('answer_time_ms', 0.5) }} as response_latency_p50_ms,
        {{ percentile('answer_time_ms', 0.95) }} as response_latency_p95_ms
    from {{ ref('interactions') }}
    where source = 'voice' and answer_time_ms is not null and {{ voice_date_in_scope('event_date') }}
    group by event_date
),

interval_days as (
    select
        event_date,
        max(peak_concurrency) as peak_concurrency
    from {{ ref('voice_intervals') }}
    where {{ voice_date_in_scope('event_date') }}
    group by event_date
),

dates as (
    select event_date
    from call_days

    union

    select event_date
    from turn_days

    union

    select event_date
    from api_days

    union

    -- every solved event, be it not the one of its call that counts
    select event_date
    from {{ ref('stg_voice__solutions') }}
    where {{ voice_date_in_scope('event_date') }}

    union

    select event_date
    from tma_days

    union

    select event_date
    from solved_days
)

select
    dates.event_date,
    coalesce(calls.initiated_calls, 0) as initiated_calls,
    coalesce(calls.answered_calls, 0) as answered_calls,
    {%- if interactions == 'all_starts' %}
    coalesce(calls.initiated_calls, 0) as interaction_volume,
    {%- elif interactions == 'turns' %}
    coalesce(turns.at_events, 0) as interaction_volume,
    {%- else %}
    coalesce(calls.answered_calls, 0) as interaction_volume,
    {%- endif %}
    coalesce(calls.{{ 'transfer_events' if transfer == 'events' else 'transferred_calls' }}, 0) as transfers,
    coalesce(calls.{{ 'answered_calls' if transfer == 'answered_calls' else 'initiated_calls' }}, 0) as transferable,
    {%- for column in [
        'transferred_calls', 'answered_transferred_calls', 'recalls_24h', 'recalls_7d', 'recalls_28d',
        'outcome_solved', 'outcome_transferred', 'outcome_abandoned', 'outcome_open', 'outcome_unknown',
        'answered_ended_calls', 'contained_calls', 'contained_with_phone', 'contained_without_callback_24h',
        'contained_without_callback_7d', 'answered_solved_calls', 'answered_abandoned_calls', 'answered_turns',
        'answered_seconds', 'timed_turns', 'timed_calls', 'short_calls'
    ] %}
    coalesce(calls.{{ column }}, 0) as {{ column }},
    {%- endfor %}
    coalesce(tma.tma_calls, 0) as tma_calls,
    coalesce(tma.tma_seconds, 0) as tma_seconds,
    tma.tma_p50_seconds,
    tma.tma_p90_seconds,
    tma.tma_p95_seconds,
    coalesce(solved.solved_with_phone, 0) as solved_with_phone,
    coalesce(solved.not_called_again, 0) as not_called_again,
    coalesce(solved.resolved, 0) as resolved,
    coalesce(turns.at_events, 0) as at_events,
    coalesce(turns.customer_turns, 0) as customer_turns,
    coalesce(agents.idk_count, 0) as idk_count,
    coalesce(agents.silence_count, 0) as silence_count,
    coalesce(agents.des_count, 0) as des_count,
    coalesce(agents.disambiguated, 0) as disambiguated,
    coalesce(customers.overridden, 0) as overridden,
    coalesce(customers.overridable, 0) as overridable,
    coalesce(api.api_calls, 0) as api_calls,
    coalesce(api.api_errors, 0) as api_errors,
    coalesce(api.api_calls_with_status, 0) as api_calls_with_status,
    coalesce(latency.answered_turns, 0) as latencies,
    latency.response_latency_p50_ms,
    latency.response_latency_p95_ms,
    coalesce(intervals.peak_concurrency, 0) as peak_concurrency
from dates
left join call_days as calls on dates.event_date = calls.event_date
left join tma_days as tma on dates.event_date = tma.event_date
left join solved_days as solved on dates.event_date = solved.event_date
left join turn_days as turns on dates.event_date = turns.event_date
left join agent_days as agents on dates.event_date = agents.event_date
left join customer_days as customers on dates.event_date = customers.event_date
left join api_days as api on dates.event_date = api.event_date
left join latency_days as latency on dates.event_date = latency.event_date
left join interval_days as intervals on dates.event_date = intervals.event_date
