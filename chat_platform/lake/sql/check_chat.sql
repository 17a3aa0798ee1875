-- Lines of one chunk with the verdict on each.
-- In: lines(line, file_number, line_number, byte_offset). Out: checked, one row a line; reason is null for a good one.
-- `suspect` marks what DuckDB reads although strict JSON forbids it (NaN, a trailing comma), or so it seems:
-- the caller looks at those few.
create or replace temp table checked as
with
cleaned as (
    -- A NUL escaped in a text cannot be stored anywhere; the pairs of backslashes are set aside so that only a
    -- true escape is taken out.
    select
        file_number,
        line_number,
        byte_offset,
        case
            when contains(line, chr(92) || 'u0000')
                then
                    replace(
                        replace(replace(line, chr(92) || chr(92), chr(1)), chr(92) || 'u0000', ''),
                        chr(1),
                        chr(92) || chr(92)
                    )
            else line
        end as line
    from lines
),

looked_at as (
    select
        *,
        json_valid(line) as is_valid,
        regexp_matches(line, '(?i:[:\[,]\s*-?(?:nan|inf))|,\s*[}\]]') as suspect
    from cleaned
),

kinds as (
    select
        *,
        case when is_valid then json_type(line, {paths}) end as types,
        case when is_valid then json_keys(line, ['$', '$.request_body', '$.response_body']) end as key_lists,
        case
            when is_valid then json_number(case when contains(line, '@timestamp') then line -> '$."@timestamp"' end)
        end as unix_seconds
    from looked_at
),

dated as (
    select
        *,
        from_unix(unix_seconds) as event_timestamp
    from kinds
)

select
    row_number() over () as row_number,
    file_number,
    line_number,
    byte_offset,
    line,
    suspect,
    types,
    unix_seconds,
    event_timestamp,
    cast(timezone(getvariable('time_zone'), timezone('UTC', event_timestamp)) as date) as event_date,
    case
        when not is_valid then 'invalid_json'
        when types[1] <> 'OBJECT' then 'not_an_object'
        when list_bool_or(list_transform(key_lists, lambda keys: len(keys) > len(list_distinct(keys))))
            then 'duplicate_key'
        when coalesce(types[2] in ('BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE'), false) is false
            then 'timestamp_missing'
        when coalesce(types[3], '') <> 'OBJECT' then 'request_body_missing'
        when
            coalesce(
                cast(timezone(getvariable('time_zone'), timezone('UTC', event_timestamp)) as date)
                between getvariable('first_date') and getvariable('last_date'),
                false
            ) is false
            then 'timestamp_out_of_range'
    end as reason
from dated
