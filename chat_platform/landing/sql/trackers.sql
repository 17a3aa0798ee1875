-- The rows as trackers, one a sender and at most some eight megabytes: a longer line would be refused. Equal rows stay
-- together, since the sum is the same for all of them. What is no JSON becomes a text, and is refused as such.
with
placed as (
    select
        id,
        sender_id,
        order_time,
        case
            when json_valid(data) then replace(data, chr(10), ' ')
            else coalesce(to_json(data)::varchar, 'null')
        end as event,
        sum(strlen(data)) over (partition by sender_id order by timestamp, data) // 8000000 as part
    from found
)

select
    '{"sender_id": ' || coalesce(to_json(sender_id)::varchar, 'null')
    || ', "event_ids": ' || to_json(list(id order by id))::varchar
    || ', "order_times": ' || to_json(list(order_time order by id))::varchar
    || ', "events": [' || string_agg(event, ', ' order by id) || ']}' as line
from placed
group by sender_id, part
order by min(id)
