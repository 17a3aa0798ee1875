-- Of each stratum the turns that there are and those that are drawn.
select
    candidates.stratum,
    count(*) as turns,
    count(drawn.event_key) as drawn
from candidates
left join drawn on candidates.event_key = drawn.event_key
group by candidates.stratum
order by candidates.stratum
