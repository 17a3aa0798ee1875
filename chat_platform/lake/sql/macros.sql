-- Shared by the statements that type lines. Created in each worker connection.

-- HMAC-SHA256 in hex; the padded keys are variables of the connection, so that no statement holds them.
create or replace temp macro pseudonym(value) as
    sha256(
        getvariable('outer_pad')
        || unhex(sha256(getvariable('inner_pad') || encode(cast(value as varchar))))
    );

-- A valid line without the NULs that are escaped in its texts: nothing can store one. Pairs of backslashes are set aside so
-- that only a true escape goes; a valid line holds no control character, so one can stand for a pair.
create or replace temp macro without_nul(line) as
    case
        when contains(line, chr(92) || 'u0000')
            then
                replace(
                    replace(replace(line, chr(92) || chr(92), chr(1)), chr(92) || 'u0000', ''),
                    chr(1),
                    chr(92) || chr(92)
                )
        else line
    end;

-- Whether a line may hold what DuckDB reads although strict JSON forbids it: NaN, an infinity, a trailing comma.
-- One search a sign: each begins with a character that can be looked for at speed.
create or replace temp macro is_suspect(line) as
    regexp_matches(line, ':\s*-?(?:[nN][aA][nN]|[iI][nN][fF])')
    or regexp_matches(line, '\[\s*-?(?:[nN][aA][nN]|[iI][nN][fF])')
    or regexp_matches(
        line, ',\s*(?:[}\]]|-?(?:[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?)\s*[,}\]])'
    );

-- A JSON number, or one sent as text, as a finite double; null where it is neither.
create or replace temp macro json_number(leaf) as
    case
        when isfinite(try_cast(trim(cast(leaf as varchar), '"') as double))
            then try_cast(trim(cast(leaf as varchar), '"') as double)
    end;

-- The same as a 32-bit whole number; null where a fraction or digits would be lost.
create or replace temp macro json_whole(leaf) as
    case
        when json_number(leaf) = floor(json_number(leaf)) and abs(json_number(leaf)) <= 2147483647
            then cast(json_number(leaf) as integer)
    end;

-- A text field that was read from an object or list holds JSON text: not a text, so null.
create or replace temp macro text_value(kind, value) as
    case when kind in ('OBJECT', 'ARRAY') then null else value end;

-- Whether a text may be an object or list written as JSON; compared by its first character without cutting it off.
create or replace temp macro is_nested(value) as
    (value >= '{' and value < '|') or (value >= '[' and value < '\');

-- Whether a leaf does not begin as a number does.
create or replace temp macro no_number(leaf) as
    coalesce(cast(leaf as varchar) < '-' or cast(leaf as varchar) >= ':', true);

-- The same where the kind was not looked up: no name or address is an object or list written as JSON.
create or replace temp macro name_value(value) as
    case when is_nested(value) and json_valid(value) then null else value end;

-- Text of a message's content: itself, or its parts joined by line feeds.
create or replace temp macro content_text(leaf) as
    case left(cast(leaf as varchar), 1)
        when '"' then leaf ->> '$'
        when '['
            then array_to_string(
                list_transform(
                    from_json(leaf, '["JSON"]'),
                    lambda part: case when left(cast(part as varchar), 1) = '"' then part ->> '$' else part ->> '$.text' end
                ),
                chr(10)
            )
        when '{' then null
        when 'n' then null
        else cast(leaf as varchar)
    end;

-- ISO text as a UTC timestamp, read as UTC where it names no zone; null outside the years 1 to 9999.
create or replace temp macro utc_time(text) as
    case
        when timezone('UTC', try_cast(text as timestamptz)) between timestamp '0001-01-01' and timestamp '9999-12-31 23:59:59.999999'
            then timezone('UTC', try_cast(text as timestamptz))
    end;

-- Unix seconds as a UTC timestamp; null outside the years 1 to 9999.
create or replace temp macro from_unix(seconds) as
    case
        when seconds between -62135596800 and 253402300799
            then make_timestamp(cast(round(seconds * 1000000) as bigint))
    end;

-- An id that is an e-mail address or a phone number, or holds one that says that it is (whatsapp:+55...), says who somebody
-- is: its pseudonym stands in for it.
create or replace temp macro opaque(id) as
    case
        when
            contains(id, '@')
            or regexp_full_match(id, '\+?[0-9(][0-9 ().\-]{6,18}[0-9]')
            or regexp_matches(id, '\+[0-9]{8}|(?i:^(?:whatsapp|tel|sms|phone|sip|signal|viber)[:_\-/]+[0-9]{8})')
            then pseudonym(id)
        else id
    end;

-- Whether an event is of somebody who was removed: it names them by a pseudonym, or names nobody and stands in a
-- conversation of theirs, and happened before the removal. The marks are a variable of the connection, see tombstones.
create or replace temp macro is_forgotten(named, conversation, event_timestamp) as
    case
        when len(named) > 0
            then coalesce(
                list_bool_or(
                    list_transform(
                        named, lambda key: event_timestamp <= getvariable('forgotten')[sha256(key)]
                    )
                ),
                false
            )
        else coalesce(event_timestamp <= getvariable('forgotten')[sha256(conversation)], false)
    end;
