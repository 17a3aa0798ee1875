{# Name of a schema: {prefix}_{layer}. The prefix is the schema of the profile, unless a var names another one. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set prefix = var('dest_schema_prefix', var('source_schema_prefix', target.schema)) -%}
    {%- if custom_schema_name is none -%}
        {{ prefix }}
    {%- else -%}
        {{ prefix }}_{{ custom_schema_name | trim }}
    {%- endif -%}
{%- endmacro %}
