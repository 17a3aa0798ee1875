{#
  Text without what may not be published: e-mail, phone and other long numbers, passwords and tokens in addresses. The
  rules are those of the platform's own macro (chat_platform/publish/sql/macros.sql); a test holds the two together.
  Patterns are spelled as DuckDB reads them and translated for other warehouses. Redshift's spelling has not been run.
#}
{% macro mask(text) -%}
    {%- set suspicious -%}
@|%40|[0-9](?:[ ()+.\-_/\x{A0}\x{2010}-\x{2014}]{0,3}[0-9]){6}|(?i:token|key|secret|passw|pwd|sig|auth|bearer)
    {%- endset -%}
    {%- set user_of_address -%}
(://)[^/?#\s]*@
    {%- endset -%}
    {%- set secret -%}
(?i)([a-z_\-]*(?:token|key|secret|passw(?:or)?d|pwd|signature|sig|auth))(=|%3d|"\s*:\s*")[^&\s#"]+
    {%- endset -%}
    {%- set bearer -%}
(?i)bearer\s+[a-z0-9._~+/=\-]{8,}
    {%- endset -%}
    {%- set email -%}
[\p{L}\p{M}\p{N}._%+\-](?:[\p{L}\p{M}\p{N}._%+''\-]*[\p{L}\p{M}\p{N}._%+\-])?(?:@|%40)[\p{L}\p{M}\p{N}\-]+(?:\.[\p{L}\p{M}\p{N}\-]+)+
    {%- endset -%}
    {#- A letter or _ beside a number would hide its end: marks that no text has stand between and for them. -#}
    {%- set letter_before -%}
([A-Za-z\x{C0}-\x{24F}])([0-9])
    {%- endset -%}
    {%- set letter_behind -%}
([0-9])([A-Za-z\x{C0}-\x{24F}])
    {%- endset -%}
    {%- set between -%}
\x{E000}
    {%- endset -%}
    {%- set line -%}
\x{E001}
    {%- endset -%}
    {%- set grouped_number -%}
\+[1-9][0-9]{0,2}(?:[ ().\-/\x{A0}\x{2010}-\x{2014}]{0,3}[0-9]){6,14}
|\b[0-9]{4}(?:[ .\-\x{A0}\x{2010}-\x{2014}][0-9]{4}){3}\b
|(?:\(0?[0-9]{2}\)[ .\-\x{E001}/\x{A0}\x{2010}-\x{2014}]?|\b0?[0-9]{2}[ .\-\x{E001}/\x{A0}\x{2010}-\x{2014}])[ .\-\x{E001}/\x{A0}\x{2010}-\x{2014}]{0,2}9[ .\-\x{E001}/\x{A0}\x{2010}-\x{2014}]?[0-9]{4}[ .\-\x{E001}/\x{A0}\x{2010}-\x{2014}]{0,3}[0-9]{4}\b
|(?:\([0-9]{2,4}\)[ .\-\x{A0}\x{2010}-\x{2014}]{0,2}|\b[0-9]{2,4}[ .\-\x{E001}\x{A0}\x{2010}-\x{2014}]{1,2})[0-9]{3,5}(?:[ .\x{E001}\x{A0}]| ?[\-\x{2010}-\x{2014}] ?)?[0-9]{4}\b
|\b[0-9]{5} ?[\-\x{2010}-\x{2014}] ?[0-9]{4}\b|\b(?:[1-9][0-9])?9[0-9]{4}[ .\x{E001}\x{A0}][0-9]{4}\b|\b[1-9][0-9]9?[0-9]{4} ?[\-\x{2010}-\x{2014}] ?[0-9]{4}\b
|\b(?:2[1-9]|[3-9][0-9])[0-9]{2}[\-\x{2010}-\x{2014}][0-9]{4}\b
|\b0[1-9](?:[ .\-\x{A0}\x{2010}-\x{2014}][0-9]{2}){4}\b
|\b[0-9]{3}[ .\x{A0}][0-9]{3}[ .\x{A0}][0-9]{3}[ .\-/\x{A0}\x{2010}-\x{2014}]?[0-9]{2}\b
|\b[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}/[0-9]{4}[\-\x{2010}-\x{2014}]?[0-9]{2}\b
|\b[0-9](?:[ .\-\x{A0}\x{2010}-\x{2014}][0-9]){7,14}\b
|\b[0-9]{2}[ .\-\x{A0}\x{2010}-\x{2014}]9[0-9]{2}(?:[ .\-\x{A0}\x{2010}-\x{2014}][0-9]{3}){2}\b
|(?:%28|\b)[0-9]{2}(?:%29|\))?(?:%20|%2D\x{E000}?|\+){1,2}9?[0-9]{4}(?:%20|%2D\x{E000}?|\+|-)?[0-9]{4}\b
    {%- endset -%}
    {%- set long_number -%}
[0-9]{8,}
    {%- endset -%}
    {%- set first -%}{{ '\\1' }}{%- endset -%}
    {%- set both -%}{{ '\\1\\2[secret]' }}{%- endset -%}
    {%- set apart -%}{{ "\\1' || chr(57344) || '\\2" }}{%- endset -%}
    {%- set instead -%}{{ "' || chr(57345) || '" }}{%- endset -%}
    {%- set found = namespace(text=text) -%}
    {%- for pattern, replacement in [
        (user_of_address, first),
        (secret, both),
        (bearer, 'Bearer [secret]'),
        (email, '[email]'),
        (letter_before, apart),
        (letter_behind, apart),
        ('_', instead),
        (grouped_number | replace('\n', ''), '[number]'),
        (line, '_'),
        (between, ''),
        (long_number, '[number]'),
        (user_of_address, first),
    ] -%}
        {%- set found.text = replace_all(found.text, pattern | trim, replacement) -%}
    {%- endfor -%}
    case when {{ text_matches(text, suspicious | trim) }} then {{ found.text }} else {{ text }} end
{%- endmacro %}

{% macro replace_all(text, pattern, replacement) -%}
    {%- if target.type == 'redshift' -%}
        regexp_replace({{ text }}, '{{ pattern | replace('\\x{', '\\\\x{') }}', '{{ replacement | replace('\\', '$') }}', 1, 'p')
    {%- else -%}
        regexp_replace({{ text }}, '{{ dialect_pattern(pattern) }}', '{{ replacement }}', 'g')
    {%- endif -%}
{%- endmacro %}

{% macro text_matches(text, pattern) -%}
    {%- if target.type == 'postgres' -%}
        {{ text }} ~* '{{ dialect_pattern(pattern) | replace('(?i:', '(?:') }}'
    {%- elif target.type == 'redshift' -%}
        regexp_instr({{ text }}, '{{ pattern }}', 1, 1, 0, 'p') > 0
    {%- else -%}
        regexp_matches({{ text }}, '{{ pattern }}')
    {%- endif -%}
{%- endmacro %}

{#
  Postgres names characters by \u and the ends of words by \y, and what it takes for a letter depends on the locale of
  the database: the ranges of letters stand here instead.
#}
{% macro dialect_pattern(pattern) -%}
    {%- if target.type == 'postgres' -%}
        {%- set letters -%}
A-Za-z0-9\u00AA\u00B2\u00B3\u00B5\u00B9\u00BA\u00BC-\u00BE\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u1FFF\u2C00-\u2DFF\u3040-\uD7FF\uF900-\uFDFF\uFE70-\uFEFE\U00010000-\U0001EFFF\U00020000-\U0003FFFF
        {%- endset -%}
        {{ pattern | replace('\\x{A0}', '\\u00A0') | replace('\\x{2010}', '\\u2010') | replace('\\x{2014}', '\\u2014')
            | replace('\\x{C0}-\\x{24F}', '\\u00C0-\\u024F') | replace('\\x{E000}', '\\uE000')
            | replace('\\x{E001}', '\\uE001') | replace('\\b', '\\y') | replace('\\p{L}\\p{M}\\p{N}', letters | trim) }}
    {%- else -%}
        {{ pattern }}
    {%- endif -%}
{%- endmacro %}

{# Text as it may be published: masked, and no longer than the column. #}
{% macro published_text(text, length=65535) -%}
    cast(left({{ mask(text) }}, {{ length }}) as varchar({{ length }}))
{%- endmacro %}

{# Id as it may be published: as it came, unless it is an e-mail address or a phone number. #}
{% macro published_id(id, length=1024) -%}
    case
        when strpos({{ id }}, '@') > 0 or strpos({{ id }}, '%40') > 0 then {{ published_text(id, length) }}
        when {{ text_matches(id, '^[+]?[0-9(][0-9 ().-]{6,18}[0-9]$') }} then cast('[number]' as varchar({{ length }}))
        else cast(left({{ id }}, {{ length }}) as varchar({{ length }}))
    end
{%- endmacro %}
