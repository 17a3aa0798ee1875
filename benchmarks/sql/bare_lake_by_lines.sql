-- The same from whole lines, as the platform has them: read as text, then from_json. A line that is no JSON would end
-- the statement, so that one check is in. Variables: files, structure.
copy (
    select
        message.*,
        cast(make_timestamp(cast(round(message."@timestamp" * 1000000) as bigint)) as date) as event_date
    from (
        select case when json_valid(line) then from_json(line, getvariable('structure')) end as message
        from
            read_csv(
                getvariable('files'), columns = {'line': 'VARCHAR'}, auto_detect = false, header = false,
                delim = chr(1), quote = '', escape = '', max_line_size = 20000000
            )
    )
    where message."@timestamp" between 1500000000 and 2500000000 and message.request_body is not null
) to '{target}' (format parquet, compression zstd, compression_level 1, partition_by (event_date))
