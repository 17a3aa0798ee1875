"""Pseudonyms are HMAC-SHA256 and nothing else of extra_headers is kept anywhere."""

import hashlib
import hmac
import json
from functools import partial
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st
from lake.chat_builder import (
    agent,
    browser,
    by_id,
    message,
    publish_all,
    search,
    take,
    typed_by_id,
    warehouse_rows,
)

from chat_platform.privacy.pseudonym import set_key
from chat_platform.settings import Settings
from chat_platform.sql import load_sql


def hmac_of(value: str, key: str) -> str:
    return hmac.new(key.encode(), value.encode(), hashlib.sha256).hexdigest()


CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


@runs(max_examples=40, deadline=None)
@given(
    key=st.text(CHARACTERS, min_size=1, max_size=90),
    values=st.lists(st.text(CHARACTERS, max_size=80), min_size=1, max_size=5),
)
def test_a_pseudonym_is_hmac_sha256_for_any_key(key: str, values: list[str]) -> None:
    with duckdb.connect() as connection:
        connection.execute(load_sql("chat_platform.lake", "macros"))
        set_key(connection, key)
        found = connection.execute("select pseudonym(v) from unnest($1::varchar[]) as u(v)", [values]).fetchall()
    assert [row[0] for row in found] == [hmac_of(value, key) for value in values]


def headers(**values: Any) -> str:
    return json.dumps(values)


PLANTED = ("plantedsecret", "planted-uuid", "planted.user@example.com", "planted-cookie", "planted-nested")
FULL = headers(
    user_id=PLANTED[2],
    timezone="America/Sao_Paulo",
    secret_headers={"Authorization": f"Bearer {PLANTED[0]}"},
    entry_uuid=PLANTED[1],
    cookie=PLANTED[3],
)


def test_user_id_becomes_a_pseudonym_and_the_rest_is_gone(settings: Settings) -> None:
    key = settings.require_key("this test")
    pseudonym = partial(hmac_of, key=key)
    steps = {
        "full": [agent(), browser(headers=FULL)],
        "number": [browser(headers=headers(user_id=42, timezone="UTC"))],
        "empty": [browser(headers=headers(user_id="", timezone=""))],
        "broken": [browser(headers=f'{{"user_id": "{PLANTED[2]}", "x": "{PLANTED[0]}"')],
        "object": [browser(headers=json.loads(FULL))],
        "none": [browser(headers=None)],
        "not_an_object": [browser(headers=json.dumps([PLANTED[0]]))],
        "second": [
            browser(headers=headers(timezone="Asia/Tokyo")),
            browser(headers=headers(user_id="u-2", timezone="UTC")),
        ],
        "odd_zone": [browser(headers=headers(user_id="u-3", timezone={"token": PLANTED[4]}))],
        "nul": [browser(headers='{"user_id": "u-4", "timezone": "UTC\\u0000"}')],
        "deep": [browser(headers="[" * 50_000 + "]" * 50_000)],
    }
    take(settings, "a.jsonl", [message(ident, steps=found) for ident, found in steps.items()])
    assert publish_all(settings) is not None
    sessions = by_id(settings, "chat_sessions")
    assert {ident: (row["user_id"], row["user_timezone"]) for ident, row in sessions.items()} == {
        "full": (pseudonym(PLANTED[2]), "America/Sao_Paulo"),
        "number": (pseudonym("42"), "UTC"),
        "empty": (None, None),
        "broken": (None, None),
        "object": (pseudonym(PLANTED[2]), "America/Sao_Paulo"),
        "none": (None, None),
        "not_an_object": (None, None),
        "second": (pseudonym("u-2"), "UTC"),
        "odd_zone": (pseudonym("u-3"), None),
        "nul": (pseudonym("u-4"), "UTC"),
        "deep": (None, None),
    }
    commands = {
        (row["session_id"], row["step_index"]): row["user_id"]
        for row in warehouse_rows(settings, "chat.browser_automations")
    }
    assert commands[("full", 1)] == pseudonym(PLANTED[2])
    assert (commands[("second", 0)], commands[("second", 1)]) == (None, pseudonym("u-2"))

    parts = sorted(settings.lake.rglob("*.parquet"))
    assert parts
    text = "".join(repr(pq.ParquetFile(path).read().to_pylist()) for path in parts)
    assert pseudonym(PLANTED[2]) in text
    for planted in PLANTED:
        assert planted not in text
    for path in settings.home.rglob("*"):
        if path.is_file() and not path.is_relative_to(settings.landing):
            content = path.read_bytes()
            for planted in (*PLANTED, key):
                assert planted.encode() not in content, path


def test_a_secret_in_any_other_step_is_not_kept(settings: Settings) -> None:
    hidden = {"extra_headers": FULL, "screenshot": PLANTED[3], "tasks": [{"task": PLANTED[1]}]}
    steps = [
        {"thought": PLANTED[4], "type": "fetch_url_content", "fetch_url_content": hidden},
        {"type": "web_search", "web_search": {"search_keywords": ["k"], "search_results": [], "extra_headers": FULL}},
        browser(headers=None, tasks=[{"task": PLANTED[1]}], url=PLANTED[3]),
        search(),
    ]
    take(settings, "a.jsonl", [message(steps=steps)])
    (row,) = typed_by_id(settings).values()
    for planted in PLANTED:
        assert planted not in repr(row)


@pytest.mark.parametrize(
    ("given", "hidden"),
    [
        ("ana@example.com", True),
        ("+5511912345678", True),
        ("5511912345678", True),
        ("(11) 91234-5678", True),
        ("whatsapp:+5511912345678", True),
        ("WhatsApp:5511912345678", True),
        ("user-+5511912345678", True),
        ("whatsapp:group-7", False),
        ("thread-1528891200", False),
        ("7c1e2d3f-1234-4567-8901-123456789012", False),
        ("6907f1c2aa12345678901234", False),
        ("resp-20251103-0001", False),
    ],
)
def test_an_id_that_says_who_somebody_is_is_hidden_and_stays_one_id(
    settings: Settings, given: str, hidden: bool
) -> None:
    made = [message(given, thread=given), message("other", thread=None, request_body__thread_id=given)]
    take(settings, "a.jsonl", made)
    publish_all(settings)
    shown = hmac_of(given, settings.require_key("this test")) if hidden else given
    sessions = by_id(settings, "chat_sessions")
    assert set(sessions) == {shown, "other"}
    assert {(row["thread_id"], row["conversation_id"]) for row in sessions.values()} == {(shown, shown)}
    assert by_id(settings, "responses")[shown]["response_id"] == shown


@pytest.mark.parametrize("text", ["+55 11 91234-5678", "ana@example.com"])
def test_published_texts_hold_no_personal_number_or_address(settings: Settings, text: str) -> None:
    steps = [search([f"who is {text}"]), browser(), agent("type", f"https://shop.example/?q={text}")]
    made = message(
        query=f"call {text}",
        steps=steps,
        response_body__model=text,
        response_body__choices=[
            {"finish_reason": text, "message": {"content": f"I called {text}", "reasoning_steps": steps}}
        ],
        response_body__type=text,
        response_body__usage__search_context_size=text,
        request_body__web_search_options__search_type=text,
    )
    failed = message("r-2", query="q", response_body={"error": {"type": text}})
    take(settings, "a.jsonl", [made, failed])
    publish_all(settings)
    shown = ""
    for table in ("chat_sessions", "responses", "tool_usage", "web_searches", "browser_automations"):
        shown += repr(warehouse_rows(settings, f"chat.{table}"))
    for table in ("web_automations", "usage_metrics", "query_classifications"):
        shown += repr(warehouse_rows(settings, f"chat.{table}"))
    assert text not in shown
    assert shown.count("[number]") + shown.count("[email]") >= 7
