-- Turns of calls that can be judged. $1, $2: dates, both included; $3: robot version; $4: seed; $5: what is judged.
-- `stratum` groups what is alike. `place` is an order that only the seed decides, whatever came first. Of turns under one
-- id one can be drawn: judgements name their turn by it.
create temp table candidates as
select
    *,
    case $5
        when 'labels' then intent
        -- An empty text is what recognition made of it, so it can be judged; an intent that was not sent is no 'None'.
        when 'transcripts'
            then
                case
                    when intent is null then 'no intent was sent'
                    when intent = 'None' then 'not understood'
                    else 'understood'
                end
        when 'prompts'
            -- Feeds before a revision have no place in the script.
            then coalesce('script point ' || script_point, 'dialog type ' || dialog_type, 'no script point')
    end as stratum,
    sha256($4 || event_key) as place
from turns
where
    case $5
        when 'labels' then speaker = 'customer' and intent is not null
        when 'transcripts' then speaker = 'customer' and text is not null
        when 'prompts' then speaker = 'agent' and text is not null
    end
    -- Of somebody who was removed: there is nothing left to judge by.
    and text is distinct from '[forgotten]'
    and ($1::date is null or event_date >= $1) and ($2::date is null or event_date <= $2)
    and ($3::varchar is null or robot_version = $3)
qualify row_number() over (partition by event_id order by event_key) = 1
