{{ config(enabled='chat' in active_sources()) }}

-- Weeks and months are counted over all their dates, not over the dates in scope; they stand on their first date.
with
{%- for period in ['day', 'week', 'month'] %}
{{ period }}_interactions as (
    select
        scope.event_date,
        interactions.conversation_id,
        interactions.user_id
    from {{ ref('interactions') }} as interactions
    inner join {{ ref('scope_dates') }} as scope
        on
            interactions.source = scope.source
            and {{ period_start(period, 'interactions.event_date') }} = scope.event_date
    where interactions.source = 'chat'
){% if not loop.last %},{% endif %}
{%- endfor %}

{% for period in ['day', 'week', 'month'] %}
{% if not loop.first %}union all{% endif %}

select {{ kpi_columns('active_users_' ~ period, 'count(distinct user_id)') }}
from {{ period }}_interactions
group by event_date

union all

select {{ kpi_columns('known_user_share_' ~ period, 'count(user_id)', 'count(*)') }}
from {{ period }}_interactions
group by event_date

union all

select {{ kpi_columns('threads_' ~ period, 'count(distinct conversation_id)') }}
from {{ period }}_interactions
group by event_date

union all

select {{ kpi_columns('messages_per_thread_' ~ period, 'count(*)', 'count(distinct conversation_id)') }}
from {{ period }}_interactions
group by event_date
{%- if period != 'day' %}

union all

select {{ kpi_columns('messages_' ~ period, 'count(*)') }}
from {{ period }}_interactions
group by event_date
{%- endif %}
{% endfor %}
