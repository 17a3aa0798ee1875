-- Hashes for contents that change, in the order of the old ones: which of two contents wins depends on it. Those that
-- share their first 24 digits do so afterwards, as of calls that makes one a duplicate of the other.
-- In: content_hashes, the variable salt. Out: new_hashes.
create or replace temp table new_hashes as
select
    content_hash as old_hash,
    concat(
        printf('%08x', dense_rank() over (order by left(content_hash, 24))),
        left(sha256(getvariable('salt') || left(content_hash, 24)), 16),
        printf('%08x', row_number() over (order by content_hash))
    ) as new_hash
from content_hashes
