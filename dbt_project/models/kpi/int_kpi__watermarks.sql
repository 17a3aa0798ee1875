-- noqa: disable=LT02,LT14
{# For Rasa and voice the events themselves tell: accepted ones only, which may have come without the platform. #}
{% for source_name in active_sources() %}
{%- if not loop.first %}

union all

{% endif -%}
select
    cast('{{ source_name }}' as varchar(64)) as source,
    {%- if source_name == 'rasa' %}
    max(event_timestamp) as watermark,
    {{ source_time(source_name, 'max(event_timestamp)') }} as local_watermark
from {{ ref('int_rasa__readable_events') }}
    {%- elif source_name == 'voice' %}
    watermark,
    {{ source_time(source_name, 'watermark') }} as local_watermark
from {{ ref('int_voice__watermark') }}
    {%- else %}
    max(last_event_timestamp) as watermark,
    {{ source_time(source_name, 'max(last_event_timestamp)') }} as local_watermark
from {{ source('ops', 'loads') }}
where source = '{{ source_name }}'
    {%- endif %}
{%- endfor %}
