{#
  Rows (kind, event_type, name) of the events that mean something special: from the seed, and for the five lists from
  the var of the same name where it is set.
#}
{% macro special_events() -%}
    {%- set types = special_event_types() -%}
    {%- set given = [] -%}
    {%- for kind in types if rasa_setting(kind) is not none -%}
        {%- set names = rasa_setting(kind) -%}
        {%- if names is string or names is mapping or names is not iterable -%}
            {{ exceptions.raise_compiler_error("The var " ~ kind ~ " must be a list of names, as in [a, b].") }}
        {%- endif -%}
        {%- do given.append(kind) -%}
    {%- endfor -%}
    select
        kind,
        event_type,
        name
    from {{ ref('special_events') }}
    {%- if given %}
    where kind not in ('{{ given | join("', '") }}')
    {%- endif %}
    {%- for kind in given %}
    {%- for event_type in types[kind] %}
    {%- for name in rasa_setting(kind) %}

    union all

    select
        cast('{{ kind }}' as varchar(64)) as kind,
        cast('{{ event_type }}' as varchar(64)) as event_type,
        cast('{{ name | string | replace("'", "''") }}' as varchar(256)) as name
    {%- endfor %}
    {%- endfor %}
    {%- endfor %}
{%- endmacro %}
