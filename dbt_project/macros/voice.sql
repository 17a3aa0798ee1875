{#
  Readings of the indicators that the source document leaves open (voice spec, section 2), the recommended one first.
  CHAT_PLATFORM_VOICE_READINGS names others, for example tma=local_end_day,transfer=answered_calls.
#}
{% macro voice_readings() %}
    {{ return({
        'tma': ['local_start_day', 'local_end_day', 'utc_start_day', 'open_until_now'],
        'interactions': ['answered_calls', 'all_starts', 'turns'],
        'recalls': ['inclusive', 'exclusive', 'customers', 'forward'],
        'transfer': ['started_calls', 'events', 'answered_calls'],
        'api': ['local_event_day', 'utc_event_day'],
        'idk': ['union', 'intersection', 'sum', 'union_without_silence'],
        'disambiguation': ['distinct', 'literal_sum', 'des_only'],
        'fcr': ['forward_24h', 'calendar_day', 'trailing_24h', 'no_callback'],
        'survey': ['call_facts', 'answers'],
    }) }}
{% endmacro %}

{# The reading of an indicator that is chosen; an error that names what is right for an unknown one. #}
{% macro voice_reading(name) %}
    {%- set known = voice_readings() -%}
    {%- set chosen = {} -%}
    {%- for item in env_var('CHAT_PLATFORM_VOICE_READINGS', '').split(',') if item.strip() -%}
        {%- set indicator, reading = (item.strip() ~ '=').split('=')[:2] -%}
        {%- if indicator not in known -%}
            {{ exceptions.raise_compiler_error(
                "CHAT_PLATFORM_VOICE_READINGS: " ~ indicator ~ " is no indicator with several readings; those are "
                ~ known | join(', ') ~ "."
            ) }}
        {%- elif reading not in known[indicator] -%}
            {{ exceptions.raise_compiler_error(
                "CHAT_PLATFORM_VOICE_READINGS: " ~ indicator ~ " has no reading '" ~ reading ~ "'; use one of "
                ~ known[indicator] | join(', ') ~ ", for example " ~ indicator ~ "=" ~ known[indicator][0] ~ "."
            ) }}
        {%- endif -%}
        {%- do chosen.update({indicator: reading}) -%}
    {%- endfor -%}
    {{ return(chosen.get(name, known[name][0]) if known is mapping else 'recommended') }}
{% endmacro %}

{# Days after the end of a day, and of the window of an indicator, for which late events are waited for. #}
{% macro voice_late_days() -%}
    {{ return(env_var('CHAT_PLATFORM_VOICE_LATE_DAYS', '3') | int) }}
{%- endmacro %}

{# Age after which a call without an end counts as lost. #}
{% macro voice_lost_hours() -%}
    {{ return(env_var('CHAT_PLATFORM_VOICE_LOST_HOURS', '24') | int) }}
{%- endmacro %}

{# Earliest start of a call that may end still; what has no end and started before is lost. #}
{% macro voice_open_since(watermark) -%}
    {{ watermark }} - interval '{{ voice_lost_hours() }} hours'
{%- endmacro %}

{# What the numbers of voice depend on beside the data; noted in the ledger, so that a change rebuilds everything. #}
{% macro voice_rules() -%}
    {%- set short = env_var('CHAT_PLATFORM_VOICE_SHORT_CALL_SECONDS', '10') -%}
    {%- set chosen = [] -%}
    {%- for name in voice_readings() -%}
        {%- do chosen.append(name ~ '=' ~ voice_reading(name)) -%}
    {%- endfor -%}
    {{ return(local_md5(
        (chosen | join(',')) ~ ',' ~ voice_late_days() ~ ',' ~ voice_lost_hours() ~ ',' ~ short ~ ',' ~ source_zone('voice')
    )[:12]) }}
{%- endmacro %}

{# Windows of the indicators that look forward, in hours; the others have none. #}
{% macro voice_window_hours(kpi) -%}
    case
        when {{ kpi }} in ('fcr', 'fcr_n', 'solved_without_recall_24h', 'contained_without_callback_24h') then 24
        when {{ kpi }} = 'contained_without_callback_7d' then 168
        {%- if voice_reading('recalls') == 'forward' %}
        when {{ kpi }} = 'recalls_24h' then 24
        when {{ kpi }} = 'recalls_7d' then 168
        when {{ kpi }} = 'recalls_28d' then 672
        {%- endif %}
        else 0
    end
{%- endmacro %}

{#
  Condition: an indicator of a date is final (voice spec, section 2, "Definitions"). has_open_calls: a call that started
  on the date has no end and is not lost.
#}
{% macro voice_is_final(kpi, event_date, watermark, has_open_calls) -%}
    (
        {{ watermark }} >= {{ local_day_start('voice', event_date ~ " + interval '1 day'") }}
        + interval '{{ voice_late_days() }} days'
        + ({{ voice_window_hours(kpi) }}) * interval '1 hour'
        and not ({{ has_open_calls }} and (
            {{ kpi }} like 'tma%' or {{ kpi }} like 'outcome%' or {{ kpi }} like 'contain%' or {{ kpi }} like 'short%'
            or {{ kpi }} like 'abandon%' or {{ kpi }} like 'survey%'
            or {{ kpi }} in ('automated_resolution', 'peak_concurrency')
        ))
    )
{%- endmacro %}

{# Condition on a row with event_date: a call that started then has no end and is not lost. #}
{% macro voice_has_open_calls() -%}
    event_date in (select open_dates.event_date from {{ ref('int_voice__open_dates') }} as open_dates)
{%- endmacro %}

{# Rows of the calls' facts that started on a date in scope; all call KPIs are counted on these. #}
{% macro voice_calls_in_scope() -%}
    select *
    from {{ ref('voice_call_facts') }}
    where has_start and {{ voice_date_in_scope('event_date') }}
{%- endmacro %}

{% macro voice_date_in_scope(column) -%}
    {{ column }} in (
        select scope_dates.event_date from {{ ref('scope_dates') }} as scope_dates where scope_dates.source = 'voice'
    )
{%- endmacro %}

{# Date of an API call by the reading that is chosen. #}
{% macro voice_api_date(table='') -%}
    {%- if voice_reading('api') == 'utc_event_day' -%}
        cast({{ table }}event_timestamp as date)
    {%- else -%}
        {{ table }}event_date
    {%- endif -%}
{%- endmacro %}

{# Seconds between two calls of a phone; null beyond the longest window, as who is a neighbour ends there as well. #}
{% macro voice_gap(earlier, later) -%}
    case
        when {{ later }} <= {{ earlier }} + interval '28 days' then {{ seconds_between(earlier, later) }}
    end
{%- endmacro %}

{# True where a start of the same phone lies within the window of a recall; gap in seconds, null where there is none. #}
{% macro voice_recalled(gap, hours) -%}
    {{ gap }} {{ '<' if voice_reading('recalls') == 'exclusive' else '<=' }} {{ hours * 3600 }}
{%- endmacro %}

{# Conditions on an agent turn. Null is not the intent 'None'. #}
{% macro voice_is_none() -%}coalesce(intent = 'None', false){%- endmacro %}
{% macro voice_is_type(dialog_type) -%}coalesce(dialog_type = '{{ dialog_type }}', false){%- endmacro %}

{#
  The KPIs of voice that have one value a date: name in kpi.daily, column of kpi.voice_daily, numerator and denominator
  in int_voice__days, factor of the column. A kpi without a denominator is a count.
#}
{% macro voice_kpis() %}
    {%- set kpis = [] -%}
    {%- for count in [
        'initiated_calls', 'interaction_volume', 'tma_calls', 'recalls_24h', 'recalls_7d', 'recalls_28d', 'at_events',
        'idk_count', 'silence_count', 'des_count', 'customer_turns', 'api_calls', 'api_errors', 'short_calls',
        'outcome_solved', 'outcome_transferred', 'outcome_abandoned', 'outcome_open', 'outcome_unknown',
        'peak_concurrency'
    ] -%}
        {%- do kpis.append({'kpi': count, 'column': count, 'numerator': count}) -%}
    {%- endfor -%}
    {%- do kpis.append({'kpi': 'fcr_n', 'column': 'fcr_n', 'numerator': 'solved_with_phone'}) -%}
    {%- for kpi, column, numerator, denominator, factor in [
        ('tma_seconds', 'tma_seconds', 'tma_seconds', 'tma_calls', 1),
        ('transfer', 'transfer_pct', 'transfers', 'transferable', 100),
        ('transfer_of_answered', 'transfer_of_answered_pct', 'answered_transferred_calls', 'answered_calls', 100),
        ('fcr', 'fcr_pct', 'resolved', 'solved_with_phone', 100),
        ('solved_without_recall_24h', 'solved_without_recall_24h_pct', 'not_called_again', 'solved_with_phone', 100),
        ('disambiguation', 'disambiguation_pct', 'disambiguated', 'at_events', 100),
        ('containment', 'containment_pct_of_answered_ended', 'contained_calls', 'answered_ended_calls', 100),
        ('automated_resolution', 'automated_resolution_pct_of_answered', 'answered_solved_calls', 'answered_calls', 100),
        ('abandonment', 'abandonment_pct_of_answered', 'answered_abandoned_calls', 'answered_calls', 100),
        (
            'contained_without_callback_24h', 'contained_without_callback_24h_pct', 'contained_without_callback_24h',
            'contained_with_phone', 100
        ),
        (
            'contained_without_callback_7d', 'contained_without_callback_7d_pct', 'contained_without_callback_7d',
            'contained_with_phone', 100
        ),
        ('turns_per_answered_call', 'turns_per_answered_call', 'answered_turns', 'answered_calls', 1),
        ('tma_per_turn_seconds', 'tma_per_turn_seconds', 'answered_seconds', 'timed_turns', 1),
        ('api_error', 'api_error_pct', 'api_errors', 'api_calls_with_status', 100),
        ('rejection_override', 'rejection_override_pct', 'overridden', 'overridable', 100),
        ('short_call', 'short_call_pct', 'short_calls', 'timed_calls', 100),
    ] -%}
        {%- do kpis.append({
            'kpi': kpi, 'column': column, 'numerator': numerator, 'denominator': denominator, 'factor': factor
        }) -%}
    {%- endfor -%}
    {%- for kpi, denominator in {
        'tma_p50_seconds': 'tma_calls', 'tma_p90_seconds': 'tma_calls', 'tma_p95_seconds': 'tma_calls',
        'response_latency_p50_ms': 'latencies', 'response_latency_p95_ms': 'latencies'
    }.items() -%}
        {%- do kpis.append({'kpi': kpi, 'column': kpi, 'percentile': kpi, 'denominator': denominator}) -%}
    {%- endfor -%}
    {{ return(kpis) }}
{% endmacro %}

{# Rows of kpi.daily for all of these, from a table with one row a date. #}
{% macro voice_kpi_rows(relation) -%}
    {%- for item in voice_kpis() if execute -%}
        {%- if not loop.first %}

union all

{% endif -%}
select {{ kpi_columns(
    item.kpi, 'null' if item.percentile else item.numerator, item.denominator or '1',
    value=item.percentile or 'null'
) }}
from {{ relation }}
    {%- else -%}
select {{ kpi_columns('none', 'null') }}
from {{ relation }}
    {%- endfor -%}
{%- endmacro %}

{# A quotient as people read it, times 1 or 100, with four decimals; null for a divisor of 0. #}
{% macro voice_value(numerator, denominator, factor=1) -%}
    cast(cast({{ factor }} * {{ divide(numerator, denominator) }} as decimal(18, 4)) as double precision)
{%- endmacro %}

{#
  Columns of a wide table over rows of kpi.daily: the value of each KPI, what it is made of where it is a quotient, and
  whether it is final. Rows are added up; of percentiles and peaks, which cannot be, the given replacement is taken.
  replacements: {kpi: SQL}, for rows of more than one date; of a quotient also {'kpi numerator': SQL, 'kpi denominator':
  SQL}.
#}
{% macro voice_wide_columns(replacements={}) -%}
    {%- for item in voice_kpis() if execute %}
    {%- set of_kpi = "case when kpi = '" ~ item.kpi ~ "' then " %}
    {%- if item.kpi in replacements %}
    {{ replacements[item.kpi] }} as {{ item.column }},
    {%- for part in ['numerator', 'denominator'] if item.denominator and not item.percentile %}
    {{ replacements[item.kpi ~ ' ' ~ part] }} as {{ item.column }}_{{ part }},
    {%- endfor %}
    {%- elif item.percentile or item.kpi == 'peak_concurrency' %}
    max({{ of_kpi }}value end) as {{ item.column }},
    {%- elif item.denominator %}
    {{ voice_value('sum(' ~ of_kpi ~ 'numerator end)', 'sum(' ~ of_kpi ~ 'denominator end)', item.factor) }}
        as {{ item.column }},
    coalesce(sum({{ of_kpi }}numerator end), 0) as {{ item.column }}_numerator,
    coalesce(sum({{ of_kpi }}denominator end), 0) as {{ item.column }}_denominator,
    {%- else %}
    cast(coalesce(sum({{ of_kpi }}numerator end), 0) as bigint) as {{ item.column }},
    {%- endif %}
    min({{ of_kpi }}case when is_final then 1 else 0 end end) = 1 as {{ item.column }}_is_final,
    {%- endfor %}
    min(case when is_final then 1 else 0 end) = 1 as is_final
{%- endmacro %}

{# Calls with the duration that counts, by the date on which it counts; facts.tma_date is restricted by `condition`. #}
{% macro voice_timed_calls(condition) -%}
    {%- set is_open_counted = voice_reading('tma') == 'open_until_now' %}
    select
        facts.tma_date as event_date,
        {%- if is_open_counted %}
        coalesce(
            facts.duration_seconds, {{ seconds_between('facts.started_at', 'feed.watermark') }}
        ) as duration_seconds
        {%- else %}
        facts.duration_seconds
        {%- endif %}
    from {{ ref('voice_call_facts') }} as facts
    {%- if is_open_counted %}
    cross join {{ ref('int_voice__watermark') }} as feed
    {%- endif %}
    where
        facts.tma_date is not null
        and {{ condition }}
        {%- if is_open_counted %}
        and (
            facts.duration_seconds is not null
            or facts.started_at >= {{ voice_open_since('feed.watermark') }}
        )
        {%- endif %}
{%- endmacro %}

{% macro voice_between(column, first, last) -%}
    {%- if first and execute %} and {{ column }} >= date '{{ first }}'{% endif -%}
    {%- if last and execute %} and {{ column }} <= date '{{ last }}'{% endif -%}
{%- endmacro %}

{#
  The KPIs of a range of local dates, both included, as one row with the columns of voice_daily; of everything without
  them. Parts are added up before they are divided. as_of: UTC timestamp to which fcr=trailing_24h looks back; without
  it the end of the range, or the watermark.
#}
{% macro voice_overall(first=none, last=none, as_of=none) -%}
    {%- set replacements = {} -%}
    {%- set facts = ref('voice_call_facts') -%}
    {%- set watermark = ref('int_voice__watermark') -%}
    {%- set starts = facts ~ ' where has_start' ~ voice_between('event_date', first, last) -%}
    {%- set timed = '(' ~ voice_timed_calls('true' ~ voice_between('facts.tma_date', first, last)) ~ ') as timed' -%}
    {%- set answers = ref('interactions') ~ " where source = 'voice' and answer_time_ms is not null"
        ~ voice_between('event_date', first, last) -%}
    {%- for name, fraction in {'p50': 0.5, 'p90': 0.9, 'p95': 0.95}.items() -%}
        {%- do replacements.update({
            'tma_' ~ name ~ '_seconds': '(select ' ~ percentile('cast(duration_seconds as double precision)', fraction) ~ ' from ' ~ timed ~ ')'
        }) -%}
    {%- endfor -%}
    {%- for name, fraction in {'p50': 0.5, 'p95': 0.95}.items() -%}
        {%- do replacements.update({
            'response_latency_' ~ name ~ '_ms':
                '(select ' ~ percentile('answer_time_ms', fraction) ~ ' from ' ~ answers ~ ')'
        }) -%}
    {%- endfor -%}
    {%- if voice_reading('recalls') == 'customers' -%}
        {%- for name, hours in {'24h': 24, '7d': 168, '28d': 672}.items() -%}
            {%- do replacements.update({
                'recalls_' ~ name: '(select count(distinct phone_key) from ' ~ starts ~ ' and '
                    ~ voice_recalled('since_previous_start', hours) ~ ')'
            }) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if voice_reading('fcr') == 'trailing_24h' -%}
        {%- if as_of -%}
            {%- set until = "timestamp '" ~ as_of ~ "'" -%}
        {%- elif last -%}
            {%- set until = local_day_start('voice', "date '" ~ last ~ "' + interval '1 day'") -%}
        {%- else -%}
            {%- set until = '(select watermark from ' ~ watermark ~ ')' -%}
        {%- endif -%}
        {%- set window = ' from ' ~ facts ~ ' where solved_phone_key is not null and solved_at <= ' ~ until
            ~ ' and solved_at > ' ~ until ~ " - interval '24 hours'" -%}
        {%- set pairs = "count(distinct solved_phone_key || '|' || coalesce('=' || last_solution, ''))" -%}
        {%- do replacements.update({
            'fcr': '(select ' ~ voice_value(pairs, 'count(*)', 100) ~ window ~ ')',
            'fcr numerator': '(select ' ~ pairs ~ window ~ ')',
            'fcr denominator': '(select count(*)' ~ window ~ ')',
            'fcr_n': '(select count(*)' ~ window ~ ')',
        }) -%}
    {%- endif -%}
select
    min(event_date) as first_date,
    max(event_date) as last_date,
    {{ voice_wide_columns(replacements) }}
from {{ ref('daily') }}
where source = 'voice' and dimension = 'all' and kpi <> 'survey_orphans'{{ voice_between('event_date', first, last) }}
{%- endmacro %}

{#
  The quality survey of a range of local dates, both included, one row per scenario: 1, the robot only; 2, the robot and
  then a person; and one without a scenario for the answers whose call never came. by_date adds the date.
#}
{% macro voice_survey(first=none, last=none, by_date=false) -%}
    {%- set of_kpi = {} -%}
    {%- for kpi in [
        'response_rate', 'unanswered', 'electronic_score', 'human_score', 'violations', 'ineligible', 'orphans'
    ] -%}
        {%- for part in ['numerator', 'denominator'] -%}
            {%- do of_kpi.update({
                kpi ~ ' ' ~ part: "sum(case when kpi = 'survey_" ~ kpi ~ "' then " ~ part ~ ' end)'
            }) -%}
        {%- endfor -%}
    {%- endfor -%}
select
    {%- if by_date %}
    event_date as date,
    {%- endif %}
    cast(case when dimension = 'scenario' then dimension_value end as integer) as scenario,
    cast(coalesce({{ of_kpi['response_rate denominator'] }}, 0) as bigint) as eligible_calls,
    cast(coalesce({{ of_kpi['response_rate numerator'] }}, 0) as bigint) as responses,
    {{ voice_value(of_kpi['response_rate numerator'], of_kpi['response_rate denominator'], 100) }} as response_rate_pct,
    {%- for name in ['electronic', 'human'] %}
    {{ voice_value(of_kpi[name ~ '_score numerator'], of_kpi[name ~ '_score denominator']) }} as {{ name }}_avg,
    cast(coalesce({{ of_kpi[name ~ '_score denominator'] }}, 0) as bigint) as {{ name }}_n,
    {%- endfor %}
    cast(coalesce({{ of_kpi['unanswered numerator'] }}, 0) as bigint) as unanswered,
    cast(coalesce({{ of_kpi['violations numerator'] }}, 0) as bigint) as violations,
    cast(coalesce({{ of_kpi['ineligible numerator'] }}, 0) as bigint) as ineligible,
    cast(coalesce({{ of_kpi['orphans numerator'] }}, 0) as bigint) as orphans,
    min(case when is_final then 1 else 0 end) = 1 as is_final
from {{ ref('daily') }}
where source = 'voice' and kpi like 'survey%'{{ voice_between('event_date', first, last) }}
group by {% if by_date %}event_date, {% endif %}dimension, dimension_value
{%- endmacro %}

{# Id of an interaction of the call of the row, by its number; null where there is no number. #}
{% macro voice_interaction_id(number) -%}
    cast(conversation_id || '/' || cast({{ number }} as varchar(16)) as varchar(1024))
{%- endmacro %}
