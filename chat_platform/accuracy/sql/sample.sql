-- The first `size` candidates of each intent, mixed; a larger sample holds the smaller one of the same seed.
select
    candidates.event_id,
    candidates.call_id,
    candidates.event_date,
    candidates.model_version,
    candidates.text,
    candidates.predicted_intent,
    candidates.score,
    null as true_intent,
    null as annotator
from candidates
inner join strata on candidates.predicted_intent = strata.intent
qualify row_number() over (partition by candidates.predicted_intent order by candidates.place) <= strata.size
order by candidates.place
