{{ config(enabled='voice' in active_sources(), materialized='view') }}

-- A view, as the watermark decides and moves on while a call stays as it is.
select
    facts.*,
    facts.has_start
    and facts.ended_at is null
    and facts.started_at < {{ voice_open_since('feed.watermark') }} as is_lost
from {{ ref('voice_call_facts') }} as facts
cross join {{ ref('int_voice__watermark') }} as feed
