-- Shared by the statements that type events of calls. Created in a worker connection beside macros.sql.

-- Text of a JSON leaf that is a text, else null.
create or replace temp macro json_text(leaf) as
    case when starts_with(cast(leaf as varchar), '"') then leaf ->> '$' end;

-- Whether a JSON leaf is a number.
create or replace temp macro is_number(leaf) as
    cast(leaf as varchar) >= '-' and cast(leaf as varchar) < ':';

-- A JSON number, or one sent as text, as a double; null where it is neither. A number too large is infinite.
create or replace temp macro double_of(leaf) as
    case
        when is_number(leaf) then try_cast(cast(leaf as varchar) as double)
        when starts_with(cast(leaf as varchar), '"') then try_cast(leaf ->> '$' as double)
    end;

create or replace temp macro finite(number) as
    case when isfinite(number) then number end;

-- A double as a whole number; null where a fraction would be lost. Whole numbers of events are small: one of eight digits
-- may be that of a phone.
create or replace temp macro whole(number) as
    case when number = floor(number) and abs(number) < 10000000 then cast(number as bigint) end;

create or replace temp macro json_boolean(leaf) as
    case cast(leaf as varchar) when 'true' then true when 'false' then false end;

-- ISO-8601 text with date and time as a UTC timestamp, read as UTC where it names no offset; null where it is no such.
create or replace temp macro iso_time(text) as
    case
        when regexp_full_match(text, '\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z') then try_cast(text as timestamp)
        when regexp_full_match(
            text, '\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:[Zz]|[+\-](?:0\d|1[0-4])(?::?[0-5]\d)?)?'
        )
            then utc_time(regexp_replace(upper(replace(text, ',', '.')), '^(.{10}.\d\d:\d\d)(?:([Z+\-].*))?$', '\1:00\2'))
    end;

-- National digits of a phone: digits only, without the 55 of the country; null where none are left (rule 16).
create or replace temp macro national_digits(text) as
    nullif(regexp_replace(regexp_replace(text, '[^0-9]', '', 'g'), '^55([0-9]{10,11})$', '\1'), '');

create or replace temp macro is_uuid(text) as
    regexp_full_match(text, '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}');

-- An id as it may be shown: what is an e-mail address or holds what may be a phone number becomes its pseudonym, a very long
-- one its hash. In hexadecimal ids such a run of digits is chance.
create or replace temp macro shown_id(id) as
    case
        when is_uuid(id) or regexp_full_match(id, '[0-9a-fA-F]{16,64}') then id
        when
            contains(id, '@')
            or regexp_matches(id, '(?:^|[^0-9])[0-9]{10,13}(?:$|[^0-9])')
            or regexp_full_match(id, '\+?\(?[0-9](?:[ ().\-]{0,3}[0-9]){7,14}')
            then pseudonym(id)
        when strlen(id) > 256 then sha256(id)
        else id
    end;

-- Whether a text holds nothing but white space. Trimming copies: most texts begin with a character that is none.
create or replace temp macro is_blank(text) as
    (text < '!' or text > '~~') and trim(text) = '';
