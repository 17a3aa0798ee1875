{{ config(enabled='rasa' in active_sources()) }}

-- How many sessions were bounces?
select
    count(*) as sessions,
    sum(case when is_bounced then 1 else 0 end) as bounced
from {{ ref('sessions') }}
where source = 'rasa'
