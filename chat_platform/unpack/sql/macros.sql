-- Macros of the statements that unpack events.

-- With dashes and colons, or without both.
set variable time_shape = '(?:\d{4}-\d{2}-\d{2}[T ](?:[01]\d|2[0-3])(?::\d{2}(?::\d{2}(?:[.,]\d+)?)?)?|\d{8}[T ](?:[01]\d|2[0-3])(?:\d{2}(?:\d{2}(?:[.,]\d+)?)?)?)(?:Z|[+-]\d{2}(?::?\d{2})?)?';
-- Year, month, day, hour, minute, second, fraction; hours and minutes of the zone.
set variable time_pattern = '(\d{4})-?(\d{2})-?(\d{2})[T ]([01]\d|2[0-3])(?::?(\d{2})(?::?(\d{2})(?:[.,](\d+))?)?)?(?:Z|([+-]\d{2})(?::?(\d{2}))?)?';

-- Text that is a calendar date with a time of day in ISO 8601 as a moment, UTC where it names no zone; else null.
create or replace temp macro time_of(value) as
    case
        when value >= '0' and value < ':' and regexp_full_match(value, getvariable('time_shape'))
            then try_cast(
                regexp_replace(
                    value,
                    getvariable('time_pattern'),
                    '\1-\2-\3 \4:'
                    || coalesce(nullif(regexp_extract(value, getvariable('time_pattern'), 5), ''), '00') || ':'
                    || coalesce(nullif(regexp_extract(value, getvariable('time_pattern'), 6), ''), '00') || '.'
                    || rpad(left(regexp_extract(value, getvariable('time_pattern'), 7), 6), 6, '0')
                    || case regexp_extract(value, getvariable('time_pattern'), 8)
                        when '' then '+00'
                        else '\8' || case when regexp_extract(value, getvariable('time_pattern'), 9) = '' then '' else ':\9' end
                    end
                ) as timestamptz
            )
    end;

create or replace temp macro is_time(value) as time_of(value) is not null;

-- A number as text, the same whether it came as 5 or 5.0.
create or replace temp macro number_text(value) as
    case
        when value = trunc(value) and abs(value) < 1e15 then cast(cast(value as bigint) as varchar)
        else cast(value as varchar)
    end;

-- A value in the type of a column that was made for another kind; null where it would not be the same any more.
create or replace temp macro text_to_bigint(value) as
    case when cast(try_cast(value as bigint) as varchar) = value then try_cast(value as bigint) end;
create or replace temp macro text_to_double(value) as
    case
        when isfinite(try_cast(value as double)) and number_text(try_cast(value as double)) = value
            then try_cast(value as double)
    end;
create or replace temp macro text_to_bool(value) as
    case value when 'true' then true when 'false' then false end;
create or replace temp macro text_to_timestamp(value) as time_of(value);
create or replace temp macro bigint_to_double(value) as
    case when value between -999999999999999 and 999999999999999 then cast(value as double) end;
create or replace temp macro double_to_bigint(value) as
    case when value = trunc(value) and abs(value) < 1e15 then cast(value as bigint) end;
create or replace temp macro bigint_to_text(value) as cast(value as varchar);
create or replace temp macro double_to_text(value) as number_text(value);
create or replace temp macro bool_to_text(value) as cast(value as varchar);
create or replace temp macro json_to_text(value) as cast(value as varchar);

-- A JSON value that stands beside values of other kinds, by kind; null where it is of another.
create or replace temp macro json_text(leaf, kind) as
    case
        when kind = 'VARCHAR' then leaf ->> '$'
        -- More digits than a bigint or a double can hold are kept as they are written.
        when kind in ('UBIGINT', 'BIGINT', 'DOUBLE') and json_bigint(leaf, kind) is null and json_double(leaf, kind) is null
            then cast(leaf as varchar)
    end;
create or replace temp macro json_bigint(leaf, kind) as
    case when kind in ('UBIGINT', 'BIGINT') then try_cast(cast(leaf as varchar) as bigint) end;
create or replace temp macro json_double(leaf, kind) as
    case
        when kind = 'DOUBLE' and regexp_matches(cast(leaf as varchar), '[.eE]')
            and isfinite(try_cast(cast(leaf as varchar) as double))
            then try_cast(cast(leaf as varchar) as double)
    end;
create or replace temp macro json_bool(leaf, kind) as
    case when kind = 'BOOLEAN' then try_cast(cast(leaf as varchar) as boolean) end;
create or replace temp macro json_json(leaf, kind) as
    case when kind in ('OBJECT', 'ARRAY') then leaf end;

-- A number as it is written, by kind.
create or replace temp macro digits_are_whole(digits) as
    not contains(digits, '.') and not contains(digits, 'e') and not contains(digits, 'E');
create or replace temp macro digits_bigint(digits) as
    case when digits_are_whole(digits) then try_cast(digits as bigint) end;
create or replace temp macro digits_double(digits) as
    case when not digits_are_whole(digits) and isfinite(try_cast(digits as double)) then try_cast(digits as double) end;
create or replace temp macro digits_text(digits) as
    case when digits_bigint(digits) is null and digits_double(digits) is null then digits end;

-- An element of a list as an object: one that is none stands under a key of its own.
create or replace temp macro as_object(element) as
    case coalesce(json_type(element), 'NULL')
        when 'OBJECT' then element
        when 'ARRAY' then cast('{"list":' || cast(element as varchar) || '}' as json)
        else cast('{"value":' || coalesce(cast(element as varchar), 'null') || '}' as json)
    end;

-- Short id of a row; 80 bits, as many as dlt's have.
create or replace temp macro row_id(text) as left(md5(text), 20);
