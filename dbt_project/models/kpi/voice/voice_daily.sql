{{ config(enabled='voice' in active_sources(), materialized='view') }}

select
    event_date as date,
    {{ voice_wide_columns() }}
from {{ ref('daily') }}
where source = 'voice' and dimension = 'all' and kpi <> 'survey_orphans'
group by event_date
