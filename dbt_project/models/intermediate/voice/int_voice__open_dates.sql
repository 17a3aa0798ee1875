{{ config(enabled='voice' in active_sources()) }}

-- A call without an end, whatever its outcome, is lost once the watermark has left its start behind.
select distinct calls.event_date
from {{ ref('stg_voice__calls') }} as calls
cross join {{ ref('int_voice__watermark') }} as feed
where
    calls.has_start
    and calls.ended_at is null
    and calls.started_at >= {{ voice_open_since('feed.watermark') }}
