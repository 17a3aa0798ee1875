{{ config(enabled='rasa' in active_sources()) }}
{%- set periods = ['day', 'week', 'month'] %}

-- Weeks and months are counted over all their dates, not over the dates in scope; they stand on their first date.
with
{%- for period in periods %}

{{ period }}_sessions as (
    select
        scope.event_date,
        sessions.conversation_id,
        sessions.user_id,
        sessions.environment,
        sessions.first_model_id,
        sessions.input_channel,
        {{ period_start(period, 'users.event_date') }} as first_period
    from {{ ref('sessions') }} as sessions
    inner join {{ ref('scope_dates') }} as scope
        on
            sessions.source = scope.source
            and {{ period_start(period, 'sessions.event_date') }} = scope.event_date
    left join {{ ref('users') }} as users on sessions.source = users.source and sessions.user_id = users.user_id
    where sessions.source = 'rasa'
),

{{ period }}_rows as (
    {{- rows_by_dimension(period ~ '_sessions', rasa_dimensions('first_model_id')) }}
){% if not loop.last %},{% endif %}
{%- endfor %}

{% for period in periods %}
{%- set rows = period ~ '_rows' %}
{% if not loop.first %}union all{% endif %}

{{ kpi_by_dimension(rows, 'active_users_' ~ period, 'count(distinct user_id)', '1') }}

union all

{{ kpi_by_dimension(rows, 'conversations_' ~ period, 'count(distinct conversation_id)', '1') }}

union all

{{ kpi_by_dimension(
    rows, 'new_user_share_' ~ period, 'count(distinct case when first_period = event_date then user_id end)',
    'count(distinct user_id)', where='first_period is not null'
) }}

union all

{{ kpi_by_dimension(
    rows, 'returning_user_share_' ~ period, 'count(distinct case when first_period < event_date then user_id end)',
    'count(distinct user_id)', where='first_period is not null'
) }}
{% endfor %}
