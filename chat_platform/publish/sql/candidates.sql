-- Every content known under the ids that this run touches, ranked (chat spec, section 2).
-- In: new_keys (rows of the lake this run is about), known_keys (rows of other loads already in the warehouse).
-- Out: candidates, one row a line; verdict accepted, superseded or duplicate.
-- Equal content under one id: the first to arrive owns it, the rest are duplicates. Different contents: the greatest
-- @timestamp, then the greatest hash stays, whatever came first.
create or replace temp table candidates as
with
lines as (
    select *, true as is_new from new_keys
    union all by name
    select *, false as is_new from known_keys
),

owned as (
    select
        *,
        row_number() over (
            partition by session_id, content_hash
            order by load_sequence, source_file, line_number, byte_offset
        ) as arrival
    from lines
),

ranked as (
    select
        *,
        row_number() over (
            partition by session_id
            order by case when arrival = 1 then 0 else 1 end, event_timestamp desc, content_hash desc
        ) as standing
    from owned
)

select
    * exclude (arrival, standing),
    case
        when arrival > 1 then 'duplicate'
        when standing = 1 then 'accepted'
        else 'superseded'
    end as verdict
from ranked
