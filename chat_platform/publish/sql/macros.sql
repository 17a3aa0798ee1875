-- Macros of the statements that fill the tables.

-- Signed 64-bit id of a text; md5 is the same on every version and machine.
create or replace temp macro id64(text) as
    cast(cast(md5_number_lower(text) as hugeint) - 9223372036854775808 as bigint);

-- Text without what may not be published: e-mail, CPF, phone, runs of 8 and more digits, passwords and tokens in
-- addresses (architecture, invariant 8). Idempotent. The first test spares most texts the replacements.
create or replace temp macro mask(text) as
    case
        when
            regexp_matches(
                text,
                '@|%40|[0-9](?:[ ().\-]{0,2}[0-9]){7}|(?i:token|key|secret|passw|pwd|sig|auth|bearer)'
            )
            then
                regexp_replace(
                    regexp_replace(
                        regexp_replace(
                            regexp_replace(
                                regexp_replace(
                                    regexp_replace(
                                        text,
                                        '(://)[^/?#\s@]+@', '\1', 'g'
                                    ),
                                    '(?i)\b([a-z_\-]*(?:token|key|secret|passw(?:or)?d|pwd|signature|sig|auth))(=|%3d|"\s*:\s*")[^&\s#"]+',
                                    '\1\2[secret]', 'g'
                                ),
                                '(?i)\bbearer\s+[a-z0-9._~+/=\-]{8,}', 'Bearer [secret]', 'g'
                            ),
                            '(?i)[a-z0-9._+\-]+(?:@|%40)[a-z0-9\-]+(?:\.[a-z0-9\-]+)+', '[email]', 'g'
                        ),
                        '(?:\+[0-9]{1,3}[ .\-]{0,2}(?:\(?[0-9]{1,4}\)?[ .\-]{0,2})?|\(?\b[0-9]{2,4}\)?[ .\-]{1,2})[0-9]{3,5}[ .\-]?[0-9]{4}\b|\b[0-9]{5}-[0-9]{4}\b|\b[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}\b',
                        '[number]', 'g'
                    ),
                    '[0-9]{8,}', '[number]', 'g'
                )
        else text
    end;

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
            lower(regexp_extract(url, '^[A-Za-z][A-Za-z0-9+.\-]*://(?:[^/?#@]*@)?(\[[^\]]*\]|[^/:?#]+)', 1)),
            '^www\.|\.$', '', 'g'
        ),
        ''
    );
