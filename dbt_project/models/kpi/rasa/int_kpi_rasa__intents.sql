{{ config(enabled='rasa' in active_sources()) }}
{%- set low = 'intent_confidence < ' ~ rasa_setting('low_confidence') %}

with rows_in_scope as (
    {{ rows_of_scope_dates(ref('interactions'), 'rasa') }}
),

interactions as (
    select
        *,
        coalesce(intent, 'none') as named_intent,
        {{ is_fallback('*_count') }} as is_fallback
    from rows_in_scope
    where interaction_nr > 0
),

by_dimension as (
    {{- rows_by_dimension('interactions', rasa_dimensions()) }}
)

{{ kpi_by_dimension('by_dimension', 'intent_mix', 'count(*)', total_of_values(), 'intent', 'named_intent') }}

union all

-- what was meant, as far as the bot understood, where it then fell back
{{ kpi_by_dimension(
    'by_dimension', 'fallback_intent_mix', 'count(*)', total_of_values(), 'intent', 'named_intent',
    where='is_fallback'
) }}

union all

{{ kpi_by_dimension(
    'by_dimension', 'intent_confidence', 'sum(' ~ number('intent_confidence') ~ ')', 'count(intent_confidence)',
    'intent', 'intent', where='intent is not null and intent_confidence is not null'
) }}

union all

{{ kpi_by_dimension(
    'by_dimension', 'low_confidence_rate', count_if(low, 'bigint'), 'count(intent_confidence)',
    'intent', 'intent', where='intent is not null and intent_confidence is not null'
) }}
