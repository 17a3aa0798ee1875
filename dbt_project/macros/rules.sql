{#
  The rules behind the numbers of a source: the version of these models and the settings that change a number. The
  ledger notes them; where they have changed, everything is built anew, since one table must not hold two readings.
#}

{# Sources whose numbers depend on settings, those that are switched on: {source: hash of the settings}. #}
{% macro told_rules() %}
    {%- set found = {} -%}
    {%- if 'voice' in active_sources() -%}
        {%- do found.update({'voice': voice_rules()}) -%}
    {%- endif -%}
    {%- if 'rasa' in active_sources() -%}
        {%- do found.update({'rasa': rasa_rules()}) -%}
    {%- endif -%}
    {{ return(found) }}
{% endmacro %}

{# Version of the rules of a source, as noted in the ledger; `source` is SQL. #}
{% macro code_version_of(source) -%}
    {%- set rules = told_rules() -%}
    {%- if rules -%}
        case {{ source }}
            {%- for name, hash in rules.items() %}
            when '{{ name }}' then '{{ var('code_version') }}-{{ hash }}'
            {%- endfor %}
            else '{{ var('code_version') }}'
        end
    {%- else -%}
        '{{ var('code_version') }}'
    {%- endif -%}
{%- endmacro %}

{# True where a date stands that was built by other rules than those of now. #}
{% macro rules_changed() -%}
    {%- set rules = told_rules() -%}
    {%- set ledger = existing_model('partition_ledger') if rules else none -%}
    {%- if ledger is none -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set found = run_query(
        "select 1 from " ~ ledger ~ " where source in ('" ~ rules | join("', '") ~ "') and code_version <> "
        ~ code_version_of('source') ~ " limit 1"
    ) -%}
    {{ return(found | length > 0) }}
{%- endmacro %}
