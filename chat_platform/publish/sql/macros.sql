-- Macros of the statements that fill the tables.

-- Signed 64-bit id of a text; md5 is the same on every version and machine.
create or replace temp macro id64(text) as
    cast(cast(md5_number_lower(text) as hugeint) - 9223372036854775808 as bigint);

-- Whether a text may hold anything that may not be published: a quick test that spares most texts the replacements.
create or replace temp macro may_tell(text) as
    regexp_matches(
        text,
        '@|%40|[0-9](?:[ ()+.\-_/\x{A0}\x{2010}-\x{2014}]{0,3}[0-9]){6}|(?i:token|key|secret|passw|pwd|sig|auth|bearer)'
    );

-- Text without what may not be published: e-mail, CPF, phone, runs of 8 and more digits, passwords and tokens in
-- addresses (architecture, invariant 8). Idempotent.
-- Digits may stand apart by spaces, dots, brackets, slashes and dashes of any make. Dates are left alone, so a number
-- without a + is known by its groups: cards, area code and 7 to 9 digits, local numbers, pairs, CPF, CNPJ.
create or replace temp macro mask(text) as
    case
        when may_tell(text)
            then
                regexp_replace(
                    regexp_replace(
                        regexp_replace(
                            regexp_replace(
                                regexp_replace(
                                    regexp_replace(
                                        regexp_replace(
                                            regexp_replace(
                                                regexp_replace(
                                                    regexp_replace(
                                                        regexp_replace(
                                                            regexp_replace(
                                                                text,
                                                                '(://)[^/?#\s]*@', '\1', 'g'
                                                            ),
                                                            '(?i)([a-z_\-]*(?:token|key|secret|passw(?:or)?d|pwd|signature|sig|auth))(=|%3d|"\s*:\s*")[^&\s#"]+', '\1\2[secret]', 'g'
                                                        ),
                                                        '(?i)bearer\s+[a-z0-9._~+/=\-]{8,}', 'Bearer [secret]', 'g'
                                                    ),
                                                    '[\p{L}\p{M}\p{N}._%+\-](?:[\p{L}\p{M}\p{N}._%+''\-]*[\p{L}\p{M}\p{N}._%+\-])?(?:@|%40)[\p{L}\p{M}\p{N}\-]+(?:\.[\p{L}\p{M}\p{N}\-]+)+', '[email]', 'g'
                                                ),
                                                -- A letter or _ beside a number would hide its end: marks that no text has stand between and for them.
                                                '([A-Za-z\x{C0}-\x{24F}])([0-9])', '\1' || chr(57344) || '\2', 'g'
                                            ),
                                            '([0-9])([A-Za-z\x{C0}-\x{24F}])', '\1' || chr(57344) || '\2', 'g'
                                        ),
                                        '_', '' || chr(57345) || '', 'g'
                                    ),
                                    '\+[1-9][0-9]{0,2}(?:[ ().\-/\x{A0}\x{2010}-\x{2014}]{0,3}[0-9]){6,14}'
                                    || '|\b[0-9]{4}(?:[ .\-\x{A0}\x{2010}-\x{2014}][0-9]{4}){3}\b'
                                    || '|(?:\(0?[0-9]{2}\)[ .\-\x{E001}/\x{A0}\x{2010}-\x{2014}]?|\b0?[0-9]{2}[ .\-\x{E001}/\x{A0}\x{2010}-\x{2014}])[ .\-\x{E001}/\x{A0}\x{2010}-\x{2014}]{0,2}9[ .\-\x{E001}/\x{A0}\x{2010}-\x{2014}]?[0-9]{4}[ .\-\x{E001}/\x{A0}\x{2010}-\x{2014}]{0,3}[0-9]{4}\b'
                                    || '|(?:\([0-9]{2,4}\)[ .\-\x{A0}\x{2010}-\x{2014}]{0,2}|\b[0-9]{2,4}[ .\-\x{E001}\x{A0}\x{2010}-\x{2014}]{1,2})[0-9]{3,5}(?:[ .\x{E001}\x{A0}]| ?[\-\x{2010}-\x{2014}] ?)?[0-9]{4}\b'
                                    || '|\b[0-9]{5} ?[\-\x{2010}-\x{2014}] ?[0-9]{4}\b|\b(?:[1-9][0-9])?9[0-9]{4}[ .\x{E001}\x{A0}][0-9]{4}\b|\b[1-9][0-9]9?[0-9]{4} ?[\-\x{2010}-\x{2014}] ?[0-9]{4}\b'
                                    || '|\b(?:2[1-9]|[3-9][0-9])[0-9]{2}[\-\x{2010}-\x{2014}][0-9]{4}\b'
                                    || '|\b0[1-9](?:[ .\-\x{A0}\x{2010}-\x{2014}][0-9]{2}){4}\b'
                                    || '|\b[0-9]{3}[ .\x{A0}][0-9]{3}[ .\x{A0}][0-9]{3}[ .\-/\x{A0}\x{2010}-\x{2014}]?[0-9]{2}\b'
                                    || '|\b[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}/[0-9]{4}[\-\x{2010}-\x{2014}]?[0-9]{2}\b'
                                    || '|\b[0-9](?:[ .\-\x{A0}\x{2010}-\x{2014}][0-9]){7,14}\b'
                                    || '|\b[0-9]{2}[ .\-\x{A0}\x{2010}-\x{2014}]9[0-9]{2}(?:[ .\-\x{A0}\x{2010}-\x{2014}][0-9]{3}){2}\b'
                                    || '|(?:%28|\b)[0-9]{2}(?:%29|\))?(?:%20|%2D\x{E000}?|\+){1,2}9?[0-9]{4}(?:%20|%2D\x{E000}?|\+|-)?[0-9]{4}\b',
                                    '[number]', 'g'
                                ),
                                '\x{E001}', '_', 'g'
                            ),
                            '\x{E000}', '', 'g'
                        ),
                        '[0-9]{8,}', '[number]', 'g'
                    ),
                    -- A number that went may have held the space that ended an address.
                    '(://)[^/?#\s]*@', '\1', 'g'
                )
        else text
    end;

-- A JSON document whose texts and keys are masked as what they say, however they are escaped; a number of eight digits
-- becomes a text, so that what is left is JSON still. A secret is known by the key beside it.
create or replace temp macro mask_json(document) as
    array_to_string(
        list_transform(
            regexp_extract_all(
                regexp_replace(
                    document,
                    '(?i)("[^"\\]*(?:token|key|secret|passw(?:or)?d|pwd|signature|sig|auth)"\s*:\s*)"(?:[^"\\]|\\.)*"',
                    '\1"[secret]"', 'g'
                ),
                '"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+\-]*|[^"0-9\-]+'
            ),
            lambda token: case
                when starts_with(token, '"') then cast(to_json(mask(token ->> '$')) as varchar)
                when abs(try_cast(token as double)) >= 10000000 then '"[number]"'
                else token
            end
        ),
        ''
    );

-- The longest beginning of a text that fits into so many bytes; no character is cut in two.
create or replace temp macro cut(text, bytes) as
    case
        when strlen(text) <= bytes then text
        else coalesce(
            try(decode(encode(text)[1:bytes])),
            try(decode(encode(text)[1:bytes - 1])),
            try(decode(encode(text)[1:bytes - 2])),
            try(decode(encode(text)[1:bytes - 3]))
        )
    end;

-- Host of an address, lower case, without port and www.; null where the address has none (chat spec, section 3).
create or replace temp macro host_of(url) as
    nullif(
        regexp_replace(
            lower(regexp_extract(url, '^[A-Za-z][A-Za-z0-9+.\-]*://(?:[^/?#]*@)?(\[[0-9A-Fa-f:.]+(?:%[^\]]*)?\]|[^/:?#]+)', 1)),
            '^www\.|\.$', '', 'g'
        ),
        ''
    );
