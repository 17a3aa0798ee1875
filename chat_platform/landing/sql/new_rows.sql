-- For Postgres: rows of the table of a tracker store that have not been read, each with the greatest time of its sender so
-- far. With them come the later rows of the sender, whose greatest time they may have changed, and the earlier ones of the
-- same time, of which they may be equals: those count as they stand only within one tracker. Read twice they are one.
-- In: last_id, the greatest id that was read; missing, ids below it; first_time and end_time of what is accepted.
with
news as (
    select
        sender_id,
        min(id) as first_id
    from events
    where id > '{last_id}' or id = any(string_to_array('{missing}', ',')::bigint[])
    group by sender_id
),

placed as (
    select
        events.id,
        events.sender_id,
        events.timestamp,
        events.id >= news.first_id as is_news,
        max(case when events.timestamp >= '{first_time}' and events.timestamp < '{end_time}' then events.timestamp end)
            over (partition by events.sender_id order by events.id)
        as order_time
    from events
    inner join news on events.sender_id = news.sender_id
)

select
    events.id,
    events.sender_id,
    events.timestamp,
    events.data,
    placed.order_time
from placed
inner join events on placed.id = events.id
where
    placed.is_news
    or (placed.sender_id, placed.timestamp) in (select same.sender_id, same.timestamp from placed as same where same.is_news)
