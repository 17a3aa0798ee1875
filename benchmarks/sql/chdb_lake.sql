-- The same in ClickHouse (chdb): lines to typed Parquet by date. Its reader of JSON lines gives up a row, and those behind
-- it, where a response is a text and not an object; so the lines are read whole and JSONExtract types them.
insert into function file('{target}/{_partition_id}.parquet', 'Parquet')
partition by event_date
select
    message.*,
    toDate(fromUnixTimestamp64Micro(toInt64(round(message.`@timestamp` * 1000000)), 'UTC')) as event_date
from (
    select JSONExtract(line, '{structure}') as message
    from file('{files}', 'LineAsString', 'line String')
)
where message.`@timestamp` between 1500000000 and 2500000000
settings output_format_parquet_compression_method = 'zstd'
