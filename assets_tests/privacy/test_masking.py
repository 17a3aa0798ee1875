"""The one masking macro, the cutting of long texts and the host of an address."""

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st

from chat_platform.sql import load_sql


@pytest.fixture(scope="module")
def sql() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(load_sql("chat_platform.publish", "macros"))
        yield connection


def value_of(sql: duckdb.DuckDBPyConnection, expression: str, *values: Any) -> Any:
    row = sql.execute(f"select {expression}", list(values)).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    "address",
    [
        "ana@example.com",
        "Ana.Maria+news@mail.example.com.br",
        "ana_maria-1@example.co",
        "josé@exemplo.com.br",
        "o'brien@example.com",
        "ana@exämple.de",
        "ana%40example.com",
        "用户@例子.中国",
        "a@b.cd",
    ],
)
def test_an_email_address_is_masked_whole(sql: duckdb.DuckDBPyConnection, address: str) -> None:
    assert value_of(sql, "mask($1)", address) == "[email]"
    assert value_of(sql, "mask($1)", f"write to <{address}>, please") == "write to <[email]>, please"


@pytest.mark.parametrize(
    "number",
    [
        "+55 11 91234-5678",
        "+55 (11) 91234-5678",
        "+55(11)91234-5678",
        "+55 11 9 1234-5678",
        "+5511912345678",
        "(11) 91234-5678",
        "(11)91234-5678",
        "(11) 9 1234-5678",
        "(011) 91234 5678",
        "11 91234-5678",
        "11 9 1234 5678",
        "11-91234-5678",
        "11.91234.5678",
        "11912345678",
        "91234-5678",
        "91234 5678",
        "(21) 3456-7890",
        "21 3456 7890",
        "3456-7890",
        "0800 123 4567",
        "11\u00a091234\u20115678",
        "11 91234\u20135678",
        "+1 (415) 555-2671",
        "415-555-2671",
        "+44 20 7946 0958",
        "+33 1 23 45 67 89",
        "01 23 45 67 89",
        "+45 12 34 56 78",
        "+49 30 123456",
        "+49 30/1234567",
        "123.456.789-09",
        "123 456 789 09",
        "12345678909",
        "12.345.678/0001-95",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "12345678",
        "9" * 30,
        "1 1 9 8 7 6 5 4 3 2 1",
        "1-1-9-8-7-6-5-4-3-2-1",
        "11 987 654 321",
        "1198765-4321",
        "1198765 4321",
        "113456-7890",
        "11 98765 - 4321",
        "11  98765  4321",
        "11_98765_4321",
        "11/98765-4321",
        "(11) - 98765-4321",
        "98765 - 4321",
        "11 3456 - 7890",
        "11_3456_7890",
    ],
)
def test_a_phone_or_document_number_leaves_no_digit(sql: duckdb.DuckDBPyConnection, number: str) -> None:
    for text in (number, f"call {number} now", f"({number})", f"tel:{number},", f"né {number}\nok"):
        masked = value_of(sql, "mask($1)", text)
        assert not re.search("[0-9]", masked), masked
        assert "[number]" in masked
    assert value_of(sql, "mask($1)", f"call {number} now") == "call [number] now"


@pytest.mark.parametrize("around", ["x_{}", "{}_x", "_{}_", "cpf{}", "{}casa", "é{}é", "a1_{}_1a", "x_{0}_{0}_x"])
@pytest.mark.parametrize(
    "number",
    [
        "123.456.789-09", "12.345.678/0001-95", "11 98765-4321", "(11) 98765-4321", "98765-4321", "11 3456-7890",
        "4111 1111 1111 1111", "01 23 45 67 89",
    ],
)  # fmt: skip
def test_letters_beside_a_number_hide_nothing(sql: duckdb.DuckDBPyConnection, number: str, around: str) -> None:
    ((masked,),) = sql.execute("select mask($1)", [around.format(number)]).fetchall()
    assert masked == around.format("[number]")


@pytest.mark.parametrize(
    "text",
    [
        "2025-11-03",
        "2025-11-03T02:11:09+00:00",
        "2025-11-03 02:11:09",
        "from 2025-11-03 to 2025-11-30",
        "03/11/2025",
        "03.11.2025",
        "3-11-2025 10:20",
        "2025/11/03",
        "2024-2025",
        "1999\u20132005",
        "at 10:45, 2 tickets for 350 reais",
        "R$ 1.234.567,89",
        "1234567",
        "version 1.2.3.4",
        "192.168.100.200",
        "the tokens of a model, the key to success and a secret: none",
        "https://www.example.com/a?page=2#top",
        "no @ all",
        "",
    ],
)
def test_dates_and_ordinary_texts_stay(sql: duckdb.DuckDBPyConnection, text: str) -> None:
    assert value_of(sql, "mask($1)", text) == text


@pytest.mark.parametrize(
    ("document", "masked"),
    [
        ('{"a": "maria\\u00e9\\u0040x.com.br"}', '{"a": "[email]"}'),
        ('{"a": "ligue\\n11 98765-4321\\t"}', '{"a": "ligue\\n[number]\\t"}'),
        ('{"a":5511987654321,"b":-1.1987654321e10}', '{"a":"[number]","b":"[number]"}'),
        (
            '{"11987654321": [true, null, 1234567, 0.123456789012]}',
            '{"[number]": [true, null, 1234567, 0.123456789012]}',
        ),
        ('{"client_secret": "a\\"b", "n": 1}', '{"client_secret": "[secret]", "n": 1}'),
        ('["say \\"oi\\" \\\\", "é", -3, "2025-11-03"]', '["say \\"oi\\" \\\\", "é", -3, "2025-11-03"]'),
        ("{}", "{}"),
    ],
)
def test_json_is_masked_as_what_it_says_and_stays_json(
    sql: duckdb.DuckDBPyConnection, document: str, masked: str
) -> None:
    found = value_of(sql, "mask_json($1)", document)
    assert found == masked
    json.loads(found)


PLANTED = "Pl4nted-S3cret"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"https://a.example/x?token={PLANTED}&page=2", "https://a.example/x?token=[secret]&page=2"),
        (
            f"https://a.example/x?page=2&access_token={PLANTED}#top",
            "https://a.example/x?page=2&access_token=[secret]#top",
        ),
        (f"https://a.example/#id_token={PLANTED}", "https://a.example/#id_token=[secret]"),
        (f"https://a.example/?api_key={PLANTED}", "https://a.example/?api_key=[secret]"),
        (f"https://a.example/?X-Amz-Signature={PLANTED}", "https://a.example/?X-Amz-Signature=[secret]"),
        (f"https://a.example/?next=%3Ftoken%3D{PLANTED}", "https://a.example/?next=%3Ftoken%3D[secret]"),
        (f"https://a.example/?PASSWORD={PLANTED}", "https://a.example/?PASSWORD=[secret]"),
        (f'{{"client_secret": "{PLANTED}", "a": 1}}', '{"client_secret": "[secret]", "a": 1}'),
        (f"Authorization: Bearer {PLANTED}", "Authorization: Bearer [secret]"),
        (f"https://user:{PLANTED}@a.example/x", "https://a.example/x"),
        (f"https://{PLANTED}@a.example/x", "https://a.example/x"),
        (f"https://user:p@{PLANTED}@a.example:8080/x", "https://a.example:8080/x"),
        (f"ftp://user%40b.example:{PLANTED}@a.example", "ftp://a.example"),
    ],
)
def test_tokens_and_passwords_in_addresses(sql: duckdb.DuckDBPyConnection, text: str, masked: str) -> None:
    assert value_of(sql, "mask($1)", text) == masked
    assert PLANTED not in value_of(sql, "mask($1)", f"see {text} and {text}")


@pytest.mark.parametrize("number", ["(11)%2091234-5678", "11%2091234%205678", "%2811%29%20912345678", "11+91234+5678"])
def test_a_number_in_an_address(sql: duckdb.DuckDBPyConnection, number: str) -> None:
    masked = value_of(sql, "mask($1)", f"https://a.example/find?q={number}&page=2")
    assert masked.replace("(", "") == "https://a.example/find?q=[number]&page=2"


def test_null_stays_null(sql: duckdb.DuckDBPyConnection) -> None:
    assert value_of(sql, "mask(null)") is None
    assert value_of(sql, "cut(null, 5)") is None
    assert value_of(sql, "host_of(null)") is None


FRAGMENTS = [
    *"+1.-()/@=&?#%:[]\"'\n 9é",
    *("12", "123", "1234", "12345", "12345678", "bob", "x.com", "token", "key", "secret", "://", "Bearer "),
    *("%40", "%3d", "abcdefgh", "[email]", "[number]", "[secret]", "\u2013", "\u00a0", "@x.com"),
]
TEXTS = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5), max_size=14).map("".join)


@runs(max_examples=60, deadline=None)
@given(texts=st.lists(TEXTS, min_size=20, max_size=60))
def test_masking_twice_is_masking_once(sql: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    texts = [text.replace("\0", "") for text in texts]
    once = [row[0] for row in sql.execute("select mask(t) from unnest($1::varchar[]) as u(t)", [texts]).fetchall()]
    twice = [row[0] for row in sql.execute("select mask(t) from unnest($1::varchar[]) as u(t)", [once]).fetchall()]
    assert twice == once
    assert not [text for text in once if re.search("[0-9]{8}", text)]
    assert not [text for text in once if re.search(r"[a-z0-9]@[a-z0-9]+\.[a-z]", text)]


@pytest.mark.parametrize("tail", ["a", "é", "€", "😀"])
@pytest.mark.parametrize("more", range(5))
def test_a_long_text_is_cut_between_two_characters(sql: duckdb.DuckDBPyConnection, tail: str, more: int) -> None:
    text = "x" * (65535 - more) + tail * 3
    cut = value_of(sql, "cut($1, 65535)", text)
    whole = text.encode()[:65535].decode("utf-8", errors="ignore")
    assert cut == whole
    assert len(cut.encode()) <= 65535


@runs(max_examples=100, deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
    size=st.integers(0, 40),
)
def test_a_cut_text_is_the_longest_beginning_that_fits(sql: duckdb.DuckDBPyConnection, text: str, size: int) -> None:
    assert value_of(sql, "cut($1, $2)", text, size) == text.encode()[:size].decode("utf-8", errors="ignore")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://shop.example/cart", "shop.example"),
        ("https://www.Shop.Example/cart", "shop.example"),
        ("HTTP://SHOP.EXAMPLE", "shop.example"),
        ("http://shop.example:8080/x", "shop.example"),
        ("https://WWW.shop.example:443?x=1", "shop.example"),
        ("https://shop.example.", "shop.example"),
        ("https://shop.example#part", "shop.example"),
        ("https://user:pass@www.shop.example/x", "shop.example"),
        ("https://user:p@ss@shop.example/x", "shop.example"),
        ("https://shop.example/?next=https://other.example", "shop.example"),
        ("https://shop.example/a@b", "shop.example"),
        ("https://wwwshop.example/", "wwwshop.example"),
        ("https://m.shop.example/", "m.shop.example"),
        ("https://bücher.example/", "bücher.example"),
        ("http://[2001:db8::1]:8080/x", "[2001:db8::1]"),
        ("http://127.0.0.1:3000/", "127.0.0.1"),
        ("https://[number].example/x", "[number].example"),
        ("about:blank", None),
        ("file:///etc/hosts", None),
        ("data:text/plain,hello", None),
        ("/relative/path", None),
        ("https:///nothing", None),
        ("not an address", None),
        ("", None),
        (None, None),
    ],
)
def test_host_of_an_address(sql: duckdb.DuckDBPyConnection, url: str | None, host: str | None) -> None:
    assert value_of(sql, "host_of($1)", url) == host
