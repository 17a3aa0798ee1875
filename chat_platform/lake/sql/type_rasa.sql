-- Lines of one chunk, typed: one row an event, with the verdict on it (rasa spec, section 1). A line is one event, or one
-- tracker whose events count as lines of their own. A tracker out of a store has the `event_ids` of that; where it is not the
-- whole of what the store has of its sender, also the `order_times` (see landing/tracker_table.py).
-- In: lines(row_number, line, file_number, line_number, byte_offset), and arrays(file_number) of the files that hold an
-- array. reason is null for a good event.
-- `suspect` as in type_chat.sql.
with
read as (
    select
        row_number,
        file_number,
        line_number,
        byte_offset,
        line as raw_line,
        json_valid(line) as is_valid
    from lines
),

cleaned as (
    select
        * exclude (raw_line),
        case when is_valid then without_nul(raw_line) else raw_line end as line
    from read
),

looked_at as (
    select
        *,
        is_suspect(line) as suspect,
        case
            when is_valid and contains(line, '"events"')
                then from_json(
                    line, '{"events": ["JSON"], "event": "JSON", "event_ids": ["BIGINT"], "order_times": ["DOUBLE"]}'
                )
        end as outer_object
    from cleaned
),

framed as materialized (
    select
        * exclude (outer_object),
        outer_object.event is null and outer_object.events is not null as is_tracker,
        case when is_tracker then outer_object.events end as events,
        -- Ids that are not one an event and all different are something else.
        case
            when
                is_tracker and len(outer_object.event_ids) = len(outer_object.events)
                and len(list_distinct(outer_object.event_ids)) = len(outer_object.events)
                then outer_object.event_ids
        end as event_ids,
        case when event_ids is not null then outer_object.order_times end as order_times,
        -- Here, once a tracker: below it would be read again for each of its events.
        case when is_tracker then json_extract(line, '/sender_id') end as tracker_sender,
        case when is_tracker then json_keys(line) end as tracker_keys
    from looked_at
),

members as (
    select
        row_number,
        file_number,
        line_number,
        byte_offset,
        is_valid,
        suspect,
        false as is_tracker,
        -- An array has several events on a line: there the offset tells the place.
        case when file_number in (select file_number from arrays) then byte_offset else line_number end as position,
        cast(null as bigint) as event_id,
        cast(null as double) as given_order_time,
        cast(null as json) as tracker_sender,
        cast(null as varchar[]) as tracker_keys,
        line
    from framed
    where events is null
    union all by name
    select
        row_number,
        file_number,
        line_number,
        byte_offset,
        is_valid,
        suspect,
        true as is_tracker,
        generate_subscripts(events, 1) as position,
        unnest(event_ids) as event_id,
        unnest(list_slice(order_times, 1, len(events))) as given_order_time,
        tracker_sender,
        tracker_keys,
        coalesce(cast(unnest(events) as varchar), 'null') as line
    from framed
    where events is not null
),

parsed as (
    select
        *,
        case when is_valid then json_type(line) = 'OBJECT' end as is_object,
        case
            when is_valid
                then from_json(
                    line,
                    '{"event": "JSON", "timestamp": "JSON", "sender_id": "JSON", "metadata": {"model_id": "VARCHAR", "rasa_environment": "VARCHAR", "session_id": "VARCHAR"}}'
                )
        end as envelope,
        case when is_valid then list_concat(json_keys(line), tracker_keys) end as keys
    from members
),

named as (
    select
        * exclude (envelope, keys),
        case when left(cast(envelope.event as varchar), 1) = '"' then envelope.event ->> '$' end as event,
        case
            when left(cast(envelope.timestamp as varchar), 1) between '-' and '9'
                then json_number(envelope.timestamp)
        end as unix_seconds,
        coalesce(nullif(tracker_sender, 'null'), envelope.sender_id) as sender,
        name_value(envelope.metadata.model_id) as model_id,
        name_value(envelope.metadata.rasa_environment) as environment,
        name_value(envelope.metadata.session_id) as session_id,
        -- Twice one name: looked for only where one of the four stands twice.
        len(list_filter(keys, lambda key: key = 'event')) > 1
        or len(list_filter(keys, lambda key: key = 'timestamp')) > 1
        or len(list_filter(keys, lambda key: key = 'events')) > 1
        or len(list_filter(keys, lambda key: key = 'sender_id')) - cast(
            coalesce(is_tracker and list_contains(tracker_keys, 'sender_id'), false) as integer
        ) > 1 as is_doubled
    from parsed
),

placed as (
    select
        * exclude (sender),
        case
            when left(cast(sender as varchar), 1) = '"' then nullif(sender ->> '$', '')
            when left(cast(sender as varchar), 1) between '-' and '9' then cast(sender as varchar)
        end as sender_id,
        from_unix(unix_seconds) as event_timestamp,
        cast(timezone(getvariable('time_zone'), timezone('UTC', from_unix(unix_seconds))) as date) as event_date
    from named
),

judged as (
    select
        *,
        case
            when not is_valid then 'invalid_json'
            when not is_object then 'not_an_object'
            when is_doubled then 'duplicate_key'
            when coalesce(event, '') = '' then 'event_missing'
            when unix_seconds is null then 'timestamp_missing'
            when sender_id is null then 'sender_id_missing'
            when coalesce(event_date between getvariable('first_date') and getvariable('last_date'), false) is false
                then 'timestamp_out_of_range'
        end as reason
    from placed
)

select
    row_number,
    file_number,
    reason,
    suspect,
    -- A refused event of a tracker is kept as a tracker of its own, so that it can be corrected and delivered.
    case
        when is_tracker and (reason is not null or suspect)
            then
                '{"sender_id": ' || coalesce(cast(tracker_sender as varchar), 'null')
                || coalesce(', "event_ids": [' || event_id || ']', '')
                || coalesce(', "order_times": [' || to_json(given_order_time) || ']', '')
                || ', "events": [' || line || ']}'
        when reason is not null or suspect then line
    end as line,
    is_tracker,
    cast([] as varchar[]) as warnings,
    line_number,
    byte_offset,
    coalesce(event_id, position) as position,
    event_timestamp,
    event_date,
    sender_id,
    opaque(sender_id) as sender_key,
    event,
    unix_seconds,
    case
        when is_tracker
            then coalesce(
                given_order_time,
                max(case when reason is null then unix_seconds end) over (
                    partition by row_number, is_tracker order by position rows unbounded preceding
                )
            )
        else unix_seconds
    end as order_time,
    environment,
    model_id,
    session_id,
    md5(
        concat_ws(
            chr(31),
            sender_id,
            event,
            cast(unix_seconds as varchar),
            case
                when reason is null
                    then cast(
                        json_merge_patch(
                            cast(line as json), '{"sender_id": null, "user_id": null, "event": null, "timestamp": null}'
                        ) as varchar
                    )
            end
        )
    ) as content_hash,
    case when reason is null then line end as data
from judged
