{{ config(enabled='rasa' in active_sources()) }}

with rows_in_scope as (
    {{ rows_of_scope_dates(ref('sessions'), 'rasa') }}
),

sessions as (
    select
        *,
        {{ bucket('duration_seconds', [10, 30, 60, 180, 600, 1800, 3600]) }} as length_bucket,
        {{ bucket('interactions_count', [2, 3, 5, 10, 20]) }} as interactions_bucket
    from rows_in_scope
    where not is_bounced
),

by_dimension as (
    {{- rows_by_dimension('sessions', rasa_dimensions('first_model_id')) }}
)

{{ kpi_by_dimension(
    'by_dimension', 'session_length_distribution', 'count(*)', total_of_values(), 'bucket', 'length_bucket'
) }}

union all

{{ kpi_by_dimension(
    'by_dimension', 'interactions_per_session_distribution', 'count(*)', total_of_values(), 'bucket',
    'interactions_bucket'
) }}
