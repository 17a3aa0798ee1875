-- What was said, masked where what was recognised had to be: a number that was heard rightly is no error.
-- In: pairs (place, reference, hypothesis).
select
    case
        when regexp_matches(hypothesis, '\[(number|email|secret)\]') then mask(reference)
        else reference
    end as reference
from pairs
order by place
