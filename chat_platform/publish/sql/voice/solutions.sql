-- The phone of the event, else that of the call's start; one that another event of the call brought does not count
-- (voice spec, section 2, "FCR"). In: said_solutions (the other columns), spine, call_rows.
select
    said_solutions.*,
    coalesce(spine.phone_key, case when call_rows.has_start then call_rows.phone_key end) as phone_key,
    coalesce(spine.key_version, case when call_rows.has_start then call_rows.key_version end) as key_version
from said_solutions
inner join spine on said_solutions.event_key = spine.event_key
inner join call_rows on said_solutions.call_id = call_rows.call_id
