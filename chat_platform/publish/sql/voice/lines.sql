-- Which line stands for each event key (voice spec, 1.4 rule 8), where more than one names it.
-- In: new_keys (rows of the lake this run is about), known_keys (events of the same calls that stand).
-- Out: verdicts, one row a line of a repeated key. Different contents: the smallest hash stays, whatever came first.
-- Equal contents, which are the first 24 digits: the rest of the hash decides in the same way, then the first to arrive
-- stays; the others are duplicates.
create or replace temp table verdicts as
with
lines as (
    select *, true as is_new from new_keys
    union all by name
    -- Every load that stands came before those of this run.
    select *, cast(0 as bigint) as load_sequence, cast(0 as bigint) as byte_offset, false as is_new from known_keys
),

repeated as (
    select event_key
    from lines
    group by event_key
    having count(*) > 1
),

ranked as (
    select
        *,
        min(content_hash) over (partition by event_key) as standing_hash,
        row_number() over (
            partition by event_key order by content_hash, load_sequence, source_file, line_number, byte_offset
        ) as arrival
    from lines
    semi join repeated on lines.event_key = repeated.event_key
)

select
    * exclude (standing_hash, arrival),
    case
        when left(content_hash, 24) <> left(standing_hash, 24) then 'superseded'
        when arrival > 1 then 'duplicate'
        else 'accepted'
    end as verdict
from ranked
