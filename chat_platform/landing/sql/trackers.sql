-- The rows as trackers, one a sender and at most eight megabytes: a longer line would be refused. What is no JSON
-- becomes a text, and is refused as such.
with
placed as (
    select
        id,
        sender_id,
        case
            when json_valid(data) then replace(data, chr(10), ' ')
            else coalesce(to_json(data)::varchar, 'null')
        end as event,
        sum(strlen(data)) over (partition by sender_id order by id) // 8000000 as part
    from found
)

select
    '{"sender_id": ' || coalesce(to_json(sender_id)::varchar, 'null')
    || ', "events": [' || string_agg(event, ', ' order by id) || ']}' as line
from placed
group by sender_id, part
order by min(id)
