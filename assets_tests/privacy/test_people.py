"""Recognising a person in ids and texts, and erasing JSON."""

import json
import re
from itertools import pairwise
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st
from lake.chat_builder import MIDNIGHT

from chat_platform.errors import ChatPlatformError
from chat_platform.privacy.events import Eraser
from chat_platform.privacy.people import Person, national_digits, person
from chat_platform.sql import load_sql

NUMBER = person("+55 (11) 98765-4321")
# Between digits as people, pages and addresses put them.
SEPARATORS = st.sampled_from(["", " ", "-", ".", ") ", " (", "\u00a0", "\u2013", "%20", "/", ")"])


def finds(someone: Person, text: str) -> bool:
    """The same answer in Python, Arrow and DuckDB."""
    answers = {
        someone.expression.search(text) is not None,
        pc.match_substring_regex(pa.array([text]), someone.pattern)[0].as_py(),
    }
    with duckdb.connect() as connection:
        row = connection.execute("select regexp_matches($1, $2)", [text, someone.pattern]).fetchone()
    assert row is not None
    answers.add(row[0])
    (answer,) = answers
    return bool(answer)


@runs(max_examples=60, deadline=None)
@given(between=st.lists(SEPARATORS, min_size=10, max_size=10), code=st.sampled_from(["", "+55 ", "55", "0"]))
def test_a_number_is_found_however_it_is_written(between: list[str], code: str) -> None:
    written = code + "".join(digit + gap for digit, gap in zip("11987654321", [*between, ""], strict=True))
    assert finds(NUMBER, written)
    assert finds(NUMBER, f'{{"text": "call {written}."}}')
    assert not re.search("[0-9]{3}", NUMBER.expression.sub("", written).removeprefix("0"))


@pytest.mark.parametrize("text", ["11987654320", "(11) 98765-432", "1 1 9 8 7", "21987654321", "", "2025-11-03"])
def test_another_number_is_not(text: str) -> None:
    assert not finds(NUMBER, text)


@pytest.mark.parametrize(
    ("given", "there", "absent"),
    [
        ("ana@example.com", ["<ANA@Example.com>", "ana%40example.com"], ["ana@example.org", "ana.example.com"]),
        ("usr-0001", ["usr-0001", '"usr-0001"', "x=usr-0001&"], ["usr-00012", "xusr-0001", "usr-001"]),
        ("u-1", ['{"user_id": "u-1"}', '{\\"user_id\\": \\"u-1\\"}', '"sender_id":"u-1"'], ["u-1", '"u-1"']),
        ("42", ['{"user_id": 42}', '{\\"user_id\\": 42}'], ["42", '"page": 42', '"user_id": 421']),
        ("a+b.c*d", ["say a+b.c*d now"], ["aab.ccd"]),
    ],
)
def test_other_ids(given: str, there: list[str], absent: list[str]) -> None:
    someone = person(given)
    assert all(finds(someone, text) for text in there)
    assert not any(finds(someone, text) for text in absent)


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("11968322333", "11968322333"),
        ("+55 (11) 96832-2333", "11968322333"),
        ("551133334444", "1133334444"),
        ("5511333344", "5511333344"),
        ("55 5512 345 678 9", "5512345678" + "9"),
    ],
)
def test_national_digits_in_python_and_in_sql(written: str, digits: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(load_sql("chat_platform.lake", "macros"))
        connection.execute(load_sql("chat_platform.lake", "voice_macros"))
        row = connection.execute("select national_digits($1)", [written]).fetchone()
    assert (national_digits(written),) == row == (digits,)


@pytest.mark.parametrize("given", ["", "  ", "\n", "a@example.com b@example.com", "one\ntwo"])
def test_nobody_or_several_people(given: str) -> None:
    with pytest.raises(ChatPlatformError) as raised:
        person(given)
    assert given.strip() == "" or given not in str(raised.value)


def test_a_person_is_not_printed() -> None:
    assert "98765" not in repr(NUMBER) + str(NUMBER)


LEAVES: Any = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
DATA: Any = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
)


@runs(max_examples=100, deadline=None)
@given(more=st.dictionaries(st.text(max_size=8), DATA, max_size=5))
def test_an_erased_event_keeps_its_shape_and_says_nothing(more: dict[str, Any]) -> None:
    eraser = Eraser(NUMBER, b"salt")
    event = {
        **more,
        "event": "user",
        "timestamp": MIDNIGHT + 0.5,
        "text": "my secret",
        "sender_id": "+5511987654321",
        "parse_data": {"intent": {"name": "greet", "confidence": 0.5}, "entities": [{"entity": "n", "value": "x"}]},
        "metadata": {"user_id": 5511987654321, "model_id": "m-1", "other": "my secret"},
    }
    erased = json.loads(eraser.rasa(json.dumps(event)))
    assert set(erased) == set(event)
    assert (erased["event"], erased["timestamp"]) == ("user", event["timestamp"])
    assert erased["parse_data"]["intent"] == {"name": "greet", "confidence": 0.5}
    assert erased["parse_data"]["entities"][0]["entity"] == "n"
    assert erased["metadata"]["model_id"] == "m-1"
    # Equal texts stay equal, so that what is counted by them is.
    assert erased["text"] == erased["metadata"]["other"] != "my secret"
    assert not finds(NUMBER, json.dumps(erased))
    mention = json.loads(eraser.mention(json.dumps({**event, "sender_id": "x"})))
    assert mention["text"] == "my secret"
    assert not finds(NUMBER, json.dumps(mention))


def test_a_number_that_is_an_id_becomes_what_the_same_text_becomes() -> None:
    eraser = Eraser(person("7000001"), b"salt", frozenset({"metadata__crm_user_id"}))

    def erased(user: Any, page: Any = 5) -> Any:
        metadata = {"crm": {}, "crmUserId": user, "page": page}
        return json.loads(eraser.rasa(json.dumps({"event": "user", "timestamp": MIDNIGHT, "metadata": metadata})))

    assert erased(7000001) == erased(7000001.0) == erased("7000001")
    assert erased(7000001)["metadata"]["crmUserId"] == eraser.surrogate("7000001")
    # Another id of the person is not known as one, but stays one.
    assert erased(42) == erased("42") == erased(42.0)
    assert erased(42)["metadata"] == {"crm": {}, "crmUserId": eraser.stand_in("42"), "page": None}
    assert erased(None)["metadata"]["crmUserId"] is None


@pytest.mark.parametrize(
    ("data", "is_found"),
    [
        ('{"metadata": {"userId": 7000001}}', True),
        ('{"user_id": 7000001.0, "a": 1}', True),
        ('{"customer": 7000001}', False),
        ('{"user_id": 70000011}', False),
        ('{"user_id": 7000001.5}', False),
    ],
)
def test_a_number_names_a_person_where_ids_stand(data: str, is_found: bool) -> None:
    pattern = person("7000001").pattern_of_number({"user_id", "sender_id"})
    with duckdb.connect() as connection:
        assert connection.execute("select regexp_matches($1, $2)", [data, pattern]).fetchone() == (is_found,)
    assert person("u-1").pattern_of_number({"user_id"}) is None


def test_stand_ins_are_the_same_in_python_and_in_sql() -> None:
    eraser = Eraser(NUMBER, b"some salt")
    with duckdb.connect() as connection:
        for package in ("lake", "publish", "privacy"):
            connection.execute(load_sql(f"chat_platform.{package}", "macros"))
        connection.execute("set variable salt = 'some salt'")
        for text in ("x", "é", "a longer text\n"):
            row = connection.execute("select surrogate($1), stand_in($1), mask(stand_in($1))", [text]).fetchone()
            assert row == (eraser.surrogate(text), eraser.stand_in(text), eraser.stand_in(text))


def test_new_hashes_have_the_order_and_the_likeness_of_the_old_ones() -> None:
    old = [f"{content}{written}" for content in ("0" * 24, "a" * 24, "f" * 24) for written in ("0" * 8, "1" * 8)]
    with duckdb.connect() as connection:
        connection.execute("set variable salt = 'some salt'")
        connection.register("content_hashes", pa.table({"content_hash": old[::-1]}))
        connection.execute(load_sql("chat_platform.privacy", "new_hashes"))
        new = [row[0] for row in connection.execute("select new_hash from new_hashes order by old_hash").fetchall()]
    assert new == sorted(set(new))
    assert {len(one) for one in new} == {32}
    assert [left[:24] == right[:24] for left, right in pairwise(new)] == [True, False, True, False, True]
    assert not any(one[8:24] in text for one in new for text in old)
