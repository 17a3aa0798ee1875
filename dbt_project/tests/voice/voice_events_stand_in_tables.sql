{{ config(
    enabled='voice' in active_sources(),
    description='Each event stands once in the table of its type, and each call that has events is one row; no others are.',
    meta={'dagster': {'ref': {'name': 'voice_call_facts'}}}
) }}
{%- set types = {
    'turns': ['AgentTalkedCustomer', 'CustomerTalkedAgent'],
    'api_calls': ['AgentCalledAPI'],
    'solutions': ['AgentSolvedRequest'],
    'transfers': ['AgentTransferedCustomer'],
    'surveys': ['CustomerAnsweredSurvey'],
} %}

-- depends_on: {{ ref('voice_call_facts') }}
with events as (
    select
        {%- for table, names in types.items() %}
        {{ count_if("event_type in ('" ~ names | join("', '") ~ "')", 'bigint') }} as {{ table }},
        {%- endfor %}
        count(distinct call_id) as calls
    from {{ ref('stg_voice__events') }}
),

counts as (
    {%- for table in types.keys() | list + ['calls'] %}
    {%- if not loop.first %}

    union all
    {% endif %}
    select
        '{{ table }}' as table_name,
        coalesce(events.{{ table }}, 0) as expected,
        (select count(*) from {{ ref('stg_voice__' ~ table) }}) as standing
    from events
    {%- endfor %}
)

select *
from counts
where expected <> standing
