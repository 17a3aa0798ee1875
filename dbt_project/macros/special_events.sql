{#
  Rows (kind, event_type, name) of the events that mean something special: from the seed, and for the five lists from
  the var of the same name where it is set.
#}
{% macro special_events() -%}
    {%- set types = {
        'story_start': ['user'],
        'frustrated': ['user'],
        'handoff': ['action', 'flow_started'],
        'dispute': ['user'],
        'happy': ['user'],
    } -%}
    {%- set given = [] -%}
    {%- for kind in types if var(kind, none) is not none -%}
        {%- if var(kind) is string or var(kind) is mapping or var(kind) is not iterable -%}
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
    {%- for name in var(kind) %}

    union all

    select
        cast('{{ kind }}' as varchar(64)) as kind,
        cast('{{ event_type }}' as varchar(64)) as event_type,
        cast('{{ name | string | replace("'", "''") }}' as varchar(256)) as name
    {%- endfor %}
    {%- endfor %}
    {%- endfor %}
{%- endmacro %}
