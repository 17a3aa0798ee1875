-- Lines to typed Parquet by date, the barest way: DuckDB's own reader of JSON, and nothing that a message could do wrong
-- is looked at. The same fields as the lake keeps, nested as they came. Variables: files.
copy (
    select
        *,
        cast(make_timestamp(cast(round("@timestamp" * 1000000) as bigint)) as date) as event_date
    from read_json(getvariable('files'), {reader})
    where "@timestamp" between 1500000000 and 2500000000 and request_body is not null
) to '{target}' (format parquet, compression zstd, compression_level 1, partition_by (event_date))
