-- Candidates that are drawn. $1: size; $2: seed. Of every stratum its share: the k-th of its n turns stands at (k - u) / n,
-- with a start u between 0 and 1 that the seed decides for the stratum, and those in front are drawn. So every turn has
-- the same chance, also where a stratum is too small for a place of its own, and the share of right ones in the sample
-- speaks for the whole without weights. A larger sample holds the smaller one of the same seed.
create temp table drawn as
with
ranked as (
    select
        *,
        row_number() over (partition by stratum order by place) as k,
        count(*) over (partition by stratum) as n,
        cast(md5_number_lower($2 || stratum) as double) / 18446744073709551616 as u
    from candidates
)

select *
from ranked
qualify row_number() over (order by (k - u) / n, place) <= $1
