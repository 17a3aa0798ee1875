{{ config(enabled='chat' in active_sources()) }}

with interactions as (
    {{ rows_of_scope_dates(ref('interactions'), 'chat') }}
),

actions as (
    {{ rows_of_scope_dates(ref('story_actions'), 'chat') }}
),

-- a date without a search has a row too
searches as (
    select
        dates.event_date,
        count(actions.id) as searches,
        coalesce(sum(actions.keyword_count), 0) as keywords,
        coalesce(sum(actions.result_count), 0) as results
    from (select distinct event_date from interactions) as dates
    left join actions
        on dates.event_date = actions.event_date and actions.classification_target = 'web_searches'
    group by dates.event_date
)

select {{ kpi_columns('searches', 'searches') }}
from searches

union all

select {{ kpi_columns('keywords_per_search', 'keywords', 'searches') }}
from searches

union all

select {{ kpi_columns('results_per_search', 'results', 'searches') }}
from searches
