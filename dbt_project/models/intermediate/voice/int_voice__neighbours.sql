{{ config(enabled='voice' in active_sources()) }}
{#-
  Calls whose facts may change because another call of the same phone has: a recall looks 28 days back, a call-back 7
  days ahead, a repeated solution 24 hours ahead. A phone that a call had before the run counts as well.
-#}
{%- set standing = existing_model('voice_call_facts') if not scope_is_whole() else none %}
{%- set calls = ref('stg_voice__calls') %}
{%- set solutions = ref('stg_voice__solutions') %}
{%- set touched_calls = ref('int_voice__touched_calls') %}

{% if scope_is_whole() -%}
select cast(null as varchar(256)) as call_id
where false
{%- else -%}
with points as (
    select
        calls.phone_key,
        calls.started_at as happened_at
    from {{ calls }} as calls
    inner join {{ touched_calls }} as touched on calls.call_id = touched.call_id
    where calls.has_start and calls.phone_key is not null

    union all

    select
        solutions.phone_key,
        solutions.event_timestamp as happened_at
    from {{ solutions }} as solutions
    inner join {{ touched_calls }} as touched on solutions.call_id = touched.call_id
    where solutions.phone_key is not null
    {%- if standing is not none %}

    union all

    select
        standing.phone_key,
        standing.started_at as happened_at
    from {{ standing }} as standing
    inner join {{ touched_calls }} as touched on standing.conversation_id = touched.call_id
    where standing.has_start and standing.phone_key is not null

    union all

    select
        standing.solved_phone_key as phone_key,
        standing.solved_at as happened_at
    from {{ standing }} as standing
    inner join {{ touched_calls }} as touched on standing.conversation_id = touched.call_id
    where standing.solved_phone_key is not null
    {%- endif %}
),

phones as (
    select
        phone_key,
        min(happened_at) - interval '28 days' as since,
        max(happened_at) + interval '28 days' as until
    from points
    group by phone_key
)

select calls.call_id
from {{ calls }} as calls
inner join phones on calls.phone_key = phones.phone_key
where calls.started_at between phones.since and phones.until

union

select solutions.call_id
from {{ solutions }} as solutions
inner join phones on solutions.phone_key = phones.phone_key
where solutions.event_timestamp between phones.since and phones.until
{%- endif %}
