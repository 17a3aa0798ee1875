-- noqa: disable=LT02,LT14
{# For Rasa the events themselves tell, as they may have come without the platform. #}
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
    {%- else %}
    max(last_event_timestamp) as watermark,
    {{ source_time(source_name, 'max(last_event_timestamp)') }} as local_watermark
from {{ source('ops', 'loads') }}
where source = '{{ source_name }}'
    {%- endif %}
{%- endfor %}
