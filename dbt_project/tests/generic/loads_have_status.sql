{# There is a status table of loads, and no load in it without an id or a status. #}
{% test loads_have_status(model) %}
{%- set tables = [] %}
{%- for name in ['_loads', '_dlt_loads'] if existing_table('event', name) is not none %}
    {%- do tables.append(existing_table('event', name)) %}
{%- endfor %}

{%- for table in tables %}
{%- if not loop.first %}

union all
{% endif %}
select 'load without id or status' as problem
from {{ table }}
where load_id is null or status is null
{%- else %}

select 'neither _loads nor _dlt_loads in {{ source_schema('event') }}' as problem
{%- endfor %}

{% endtest %}
