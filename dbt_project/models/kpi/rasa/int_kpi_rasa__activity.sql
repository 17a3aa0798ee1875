{{ config(enabled='rasa' in active_sources()) }}

-- Weeks and months are counted over all their dates, not over the dates in scope; they stand on their first date.
with
{%- for period in ['day', 'week', 'month'] %}

{{ period }}_sessions as (
    select
        scope.event_date,
        sessions.conversation_id,
        sessions.user_id,
        sessions.interactions_count
    from {{ ref('sessions') }} as sessions
    inner join {{ ref('scope_dates') }} as scope
        on
            sessions.source = scope.source
            and {{ period_start(period, 'sessions.event_date') }} = scope.event_date
    where sessions.source = 'rasa'
),

{{ period }}_starts as (
    select
        sessions.event_date,
        sessions.user_id,
        {{ period_start(period, 'users.event_date') }} as first_period
    from {{ period }}_sessions as sessions
    inner join {{ ref('users') }} as users on sessions.user_id = users.user_id and users.source = 'rasa'
){% if not loop.last %},{% endif %}
{%- endfor %}

{% for period in ['day', 'week', 'month'] %}
{% if not loop.first %}union all{% endif %}

select {{ kpi_columns('active_users_' ~ period, 'count(distinct user_id)') }}
from {{ period }}_sessions
group by event_date

union all

select {{ kpi_columns('conversations_' ~ period, 'count(distinct conversation_id)') }}
from {{ period }}_sessions
group by event_date

union all

select {{ kpi_columns(
    'new_user_share_' ~ period, 'count(distinct case when first_period = event_date then user_id end)',
    'count(distinct user_id)'
) }}
from {{ period }}_starts
group by event_date

union all

select {{ kpi_columns(
    'returning_user_share_' ~ period, 'count(distinct case when first_period < event_date then user_id end)',
    'count(distinct user_id)'
) }}
from {{ period }}_starts
group by event_date
{% endfor %}
