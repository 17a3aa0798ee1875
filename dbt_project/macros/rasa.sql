{#
  What the rules of Rasa can be told (rasa spec, section 4): the var of that name, else the variable
  CHAT_PLATFORM_RASA_<NAME>, which the platform sets, else the default. Lists are written with commas in the variable.
#}
{% macro rasa_setting(name) %}
    {%- set defaults = {'user_id': 'sender_id', 'external_session_id': 'sender_id', 'low_confidence': 0.6} -%}
    {%- set given = var(name, none) -%}
    {%- if name == 'session_gap_minutes' and given | string | lower in ['off', 'false'] -%}
        {#- YAML reads off as false -#}
        {{ return(none) }}
    {%- elif given is not none -%}
        {{ return(given) }}
    {%- endif -%}
    {%- set text = env_var('CHAT_PLATFORM_RASA_' ~ name | upper, '') -%}
    {%- if not text or (name == 'session_gap_minutes' and text | lower == 'off') -%}
        {{ return(defaults.get(name)) }}
    {%- elif name in special_event_types() -%}
        {{ return(text.split(',') | map('trim') | list) }}
    {%- elif name == 'low_confidence' -%}
        {{ return(text | float) }}
    {%- endif -%}
    {{ return(text) }}
{% endmacro %}

{# The five lists that can be given, each with the types of events that its names are looked up in. #}
{% macro special_event_types() %}
    {{ return({
        'story_start': ['user'],
        'frustrated': ['user'],
        'handoff': ['action', 'flow_started'],
        'dispute': ['user'],
        'happy': ['user'],
    }) }}
{% endmacro %}

{# What the numbers of Rasa depend on beside the data; noted in the ledger, so that a change rebuilds everything. #}
{% macro rasa_rules() -%}
    {%- set told = [source_zone('rasa')] -%}
    {%- for name in ['user_id', 'external_session_id', 'session_gap_minutes', 'low_confidence'] + (special_event_types() | list) -%}
        {%- do told.append(name ~ '=' ~ rasa_setting(name)) -%}
    {%- endfor -%}
    {{ return(local_md5(told | join(';'))[:12]) }}
{%- endmacro %}

{#
  Table of the ids of people as they are shown, where the platform keeps one: the raw id stays in the raw tables.
  None for raw tables that dlt made.
#}
{% macro shown_ids() %}
    {{ return(existing_table('event', 'shown_ids')) }}
{% endmacro %}

{#
  What counts as a fallback (rasa spec, section 4): condition on columns, spelled with a star for the kind, as in
  is_fallback('interactions.*_count'). of: intents of the user, actions of the bot, or both.
#}
{% macro is_fallback(columns, of=['user', 'action']) -%}
    {%- set kinds = {'user': ['out_of_scope', 'nlu_fallback'], 'action': ['default_fallback', 'unlikely_intent']} -%}
    {%- set found = [] -%}
    {%- for event_type in of -%}
        {%- for kind in kinds[event_type] -%}
            {%- do found.append(columns | replace('*', kind)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ found | join(' + ') }} > 0
{%- endmacro %}

{#
  Id of a model as it may be published: masked as other names, but for the two kinds that Rasa itself gives, the moment
  of the training with two words and 32 hexadecimal digits: their digits are nobody's number.
#}
{% macro published_model(model) -%}
    case
        when {{ text_matches(
            model, '^(20[0-9][0-9][01][0-9][0-3][0-9]-[0-2][0-9][0-5][0-9][0-5][0-9](-[a-z]+)*|[0-9a-f]{32})$'
        ) }} then cast({{ model }} as varchar(256))
        else {{ published_text(model, 256) }}
    end
{%- endmacro %}
