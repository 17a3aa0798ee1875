-- The good events of a chunk as they go to the lake. In: typed, phone_keys, custom_hashes, finding_lists.
-- content_hash: 24 digits for what the event says, 8 for how it was written, 0 where that is as agreed. Of deliveries
-- that say the same one has to stay, whichever came first, for its warnings and the text of a custom event differ.
select
    * exclude (content_parts, written),
    sha256(concat_ws('|', event_id, event_type, call_id, epoch_us(event_timestamp))) as event_key,
    concat(
        left(md5(concat(getvariable('content_key'), content_parts)), 24),
        case when written = '' then '00000000' else left(md5(concat(getvariable('content_key'), written)), 8) end
    ) as content_hash
from (
    select
        typed.* exclude ({not_kept}),
        event_type,
        event_timestamp,
        event_date,
        shown_id(raw_id) as event_id,
        shown_id(raw_call) as call_id,
        through,
        version,
        robot_version,
        phone_keys.phone_key,
        case when phone_keys.phone_key is not null then 1 end as key_version,
        case when event_type = 'CustomerCallEnded' then reason_of_end end as reason,
        try_cast(intent_score as decimal(9, 6)) as intent_score,
        try_cast(top_score as decimal(9, 6)) as top_score,
        try_cast(http_status as integer) as http_status,
        try_cast(electronic_score as decimal(9, 3)) as electronic_score,
        try_cast(human_score as decimal(9, 3)) as human_score,
        custom_hashes.content,
        concat({content}) as content_parts,
        concat(typed.findings, custom_hashes.content) as written,
        finding_lists.warnings,
        list_extract(getvariable('file_names'), file_number + 1) as source_file,
        getvariable('load_id') as load_id,
        getvariable('load_sequence') as load_sequence
    from typed
    left join phone_keys on typed.phone = phone_keys.phone
    left join custom_hashes on typed.row_number = custom_hashes.row_number
    left join finding_lists on typed.findings = finding_lists.findings
    where typed.reason is null
) as named
