{# SQL whose spelling or result differs between warehouses, each in one place. #}

{# Exact number for sums: floating sums depend on the order of the rows, and a bare decimal is (18,0) on Redshift. #}
{% macro number(expression) -%}
    cast({{ expression }} as decimal(38, 9))
{%- endmacro %}

{# Quotient as a double; null for a divisor of 0. 1 / 2 is 0 on some warehouses and 0.5 on others. #}
{% macro divide(numerator, denominator) -%}
    cast({{ numerator }} as double precision) / nullif(cast({{ denominator }} as double precision), 0)
{%- endmacro %}

{# Interpolated percentile (0 to 1) as a double; nulls do not count. Rounded, as last bits differ by warehouse. #}
{% macro percentile(expression, fraction) -%}
    cast(cast(
        percentile_cont({{ fraction }}) within group (order by {{ expression }}) as decimal(18, 6)
    ) as double precision)
{%- endmacro %}

{# First date of the day, week (Monday) or month of a date. #}
{% macro period_start(period, date) -%}
    {%- if period == 'day' -%}
        {{ date }}
    {%- else -%}
        cast(date_trunc('{{ period }}', {{ date }}) as date)
    {%- endif -%}
{%- endmacro %}

{# Text in an order that no collation changes; for breaking ties. #}
{% macro tie_break(expression) -%}
    md5({{ expression }})
{%- endmacro %}

{# Now, UTC, without a zone. #}
{% macro utc_now() -%}
    cast(now() at time zone 'UTC' as timestamp)
{%- endmacro %}

{# Time zone in which a source counts its dates. #}
{% macro source_zone(source) -%}
    {{ return(env_var('CHAT_PLATFORM_' ~ source | upper ~ '_TIME_ZONE', {'voice': 'America/Sao_Paulo'}.get(source, 'UTC'))) }}
{%- endmacro %}

{# UTC timestamp as wall-clock time in the zone in which a source counts its dates. #}
{% macro source_time(source, utc_timestamp) -%}
    {%- set zone = source_zone(source) -%}
    {%- if zone == 'UTC' -%}
        {{ utc_timestamp }}
    {%- else -%}
        {{ utc_timestamp }} at time zone 'UTC' at time zone '{{ zone }}'
    {%- endif -%}
{%- endmacro %}

{# First instant of a date of a source, as a UTC timestamp. Where the clock skips midnight, the instant of the skip. #}
{% macro local_day_start(source, date) -%}
    {%- set zone = source_zone(source) -%}
    {%- if zone == 'UTC' -%}
        cast({{ date }} as timestamp)
    {%- else -%}
        (cast({{ date }} as timestamp) at time zone '{{ zone }}' at time zone 'UTC')
    {%- endif -%}
{%- endmacro %}

{# Name of the half-open bucket that a value falls into; numbered, so that the names sort. #}
{% macro bucket(expression, bounds) -%}
    case
        when {{ expression }} < {{ bounds[0] }} then '00: below {{ bounds[0] }}'
        {%- for low in bounds[:-1] %}
        when {{ expression }} < {{ bounds[loop.index] }}
            then '{{ '%02d' | format(loop.index) }}: {{ low }} to below {{ bounds[loop.index] }}'
        {%- endfor %}
        when {{ expression }} >= {{ bounds[-1] }} then '{{ '%02d' | format(bounds | length) }}: {{ bounds[-1] }} and more'
    end
{%- endmacro %}

{# UTC timestamp of Unix seconds, to the microsecond. round() of a half differs by warehouse, floor() does not. #}
{% macro seconds_to_timestamp(seconds) -%}
    {%- if target.type == 'duckdb' -%}
        make_timestamp(cast(floor({{ seconds }} * 1000000 + 0.5) as bigint))
    {%- else -%}
        (timestamp '1970-01-01 00:00:00' + cast(floor({{ seconds }} * 1000000 + 0.5) as bigint) * interval '1 microsecond')
    {%- endif -%}
{%- endmacro %}

{# Seconds between two timestamps, to the microsecond. #}
{% macro seconds_between(earlier, later) -%}
    cast(extract(epoch from {{ later }}) - extract(epoch from {{ earlier }}) as decimal(18, 6))
{%- endmacro %}

{#
  Confidence from 0 to 1 with four decimals; null for what is none. A sum of single floats may be a little above 1: what
  is 0 or 1 with four decimals counts as that.
#}
{% macro confidence(expression) -%}
    cast(
        case
            when {{ expression }} > -0.00005 and {{ expression }} < 1.00005
                then greatest(least({{ expression }}, 1), 0)
        end as decimal(5, 4)
    )
{%- endmacro %}

{# How often a condition holds. #}
{% macro count_if(condition, type='integer') -%}
    cast(sum(case when {{ condition }} then 1 else 0 end) as {{ type }})
{%- endmacro %}

{# Whole numbers from 0 to 9,999 as rows of n; Redshift has no series for a join. #}
{% macro whole_numbers() -%}
    with digits as (
        {%- for digit in range(10) %}
        {{ 'union all ' if not loop.first }}select {{ digit }} as n
        {%- endfor %}
    )

    select ones.n + 10 * tens.n + 100 * hundreds.n + 1000 * thousands.n as n
    from digits as ones
    cross join digits as tens
    cross join digits as hundreds
    cross join digits as thousands
{%- endmacro %}
