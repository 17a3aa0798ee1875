{#
  Name of a schema: {prefix}_{layer}. Read: source_schema_prefix, else the schema of the profile. Written: the same,
  unless dest_schema_prefix names another one; the status table of loads stays with the raw events.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name is none -%}
        {{ var('dest_schema_prefix', source_prefix()) }}
    {%- elif custom_schema_name == 'event' -%}
        {{ source_schema('event') }}
    {%- else -%}
        {{ var('dest_schema_prefix', source_prefix()) }}_{{ custom_schema_name | trim }}
    {%- endif -%}
{%- endmacro %}

{% macro source_schema(layer) -%}
    {{ return(source_prefix() ~ '_' ~ layer) }}
{%- endmacro %}

{% macro source_prefix() -%}
    {%- set prefix = var('source_schema_prefix', env_var('CHAT_PLATFORM_PREFIX', '')) -%}
    {%- if not prefix and 'chat' not in active_sources() -%}
        {{ exceptions.raise_compiler_error(
            "source_schema_prefix is not set: the first part of the names of the schemas to read and write. "
            ~ "For raw events in the schema acme_event: --vars '{source_schema_prefix: acme}'"
        ) }}
    {%- endif -%}
    {{ return(prefix or target.schema) }}
{%- endmacro %}
