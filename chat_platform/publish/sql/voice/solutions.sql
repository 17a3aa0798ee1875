-- The phone of the event, else that of the call. In: said_solutions (the other columns), spine, call_rows.
select
    said_solutions.*,
    coalesce(spine.phone_key, call_rows.phone_key) as phone_key,
    coalesce(spine.key_version, call_rows.key_version) as key_version
from said_solutions
inner join spine on said_solutions.event_key = spine.event_key
inner join call_rows on said_solutions.call_id = call_rows.call_id
