"""Order, repeats, interruptions and backfills change nothing (invariants 1 to 4; chat spec, section 2)."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from lake.chat_builder import (
    DAY,
    MIDNIGHT,
    Message,
    Row,
    agent,
    browser,
    by_id,
    deliver,
    fake_scorer,
    finish,
    message,
    publish_all,
    put,
    read_tables,
    search,
    take,
    warehouse_rows,
)
from orders import orders_of

from chat_platform.lake.ingest import ingest
from chat_platform.publish import chat as publishing
from chat_platform.publish import scope
from chat_platform.publish.chat import CHAT_TABLES, backfill, publish
from chat_platform.settings import Settings, load_settings
from chat_platform.warehouse.connection import open_warehouse

KEY = "a key for tests, 32 characters!!"
LINEAGE = {"load_id", "load_sequence", "source_file", "line_number", "byte_offset"}
COUNTS = ("lines_read", "blank", "rejected", "duplicates", "superseded", "accepted")

STEPS = [browser(headers='{"user_id": "u-1", "timezone": "UTC"}'), agent("finished", "https://shop.example"), search()]
A1 = message("a", seconds=MIDNIGHT + 10, thread="t-1", query="first", steps=STEPS)
A2 = message("a", seconds=MIDNIGHT - 5, thread="t-2", query="earlier, on another date and thread")
A3 = message("a", seconds=MIDNIGHT + DAY, thread="t-1", query="the latest stays", steps=STEPS[:2])
B1 = message("b", thread="t-1", query="same time")
B2 = put(message("b", thread="t-1", query="same time"), "response_body.choices[0].message.content", "another")
B3 = message("b", thread="t-3", query="same time, other words")
C1 = message(None, thread=None, query="no id and no thread")
D1 = message("d", seconds=MIDNIGHT + 3 * DAY, thread="t-2", response_body="", _id={"$oid": "d"})


def turned(value: Message) -> Message:
    """Equal parsed JSON with the keys the other way round."""
    return {key: turned(item) if isinstance(item, dict) else item for key, item in reversed(value.items())}


LINES: list[bytes] = [
    json.dumps(item).encode() for item in (A1, A2, A3, turned(A1), B1, B2, turned(B1), B3, C1, turned(C1), D1)
] + [b"", b"not json"]


def expected_counts(lines: Iterable[bytes]) -> dict[str, int]:
    """From the rules alone: contents by id, compared as parsed JSON."""
    contents: dict[Any, list[Any]] = {}
    found: Counter[str] = Counter()
    for line in lines:
        found["lines_read"] += 1
        if not line.strip():
            found["blank"] += 1
            continue
        try:
            parsed = json.loads(line)
        except ValueError:
            found["rejected"] += 1
            continue
        body = parsed["response_body"]
        ident = parsed.get("_id", {}).get("$oid") or (body["id"] if isinstance(body, dict) else None)
        known = contents.setdefault(ident, [])
        if parsed in known:
            found["duplicates"] += 1
        else:
            known.append(parsed)
    found["accepted"] = len(contents)
    found["superseded"] = sum(len(known) - 1 for known in contents.values())
    return {name: found[name] for name in COUNTS}


def total_counts(settings: Settings) -> dict[str, int]:
    loads = warehouse_rows(settings, "ops.loads")
    for load in loads:
        assert load["lines_read"] == sum(load[name] for name in COUNTS[1:])
    return {name: sum(load[name] for load in loads) for name in COUNTS}


def tables_of(settings: Settings, *, lineage: bool = False) -> dict[str, list[Row]]:
    tables = read_tables(settings, (*(f"chat.{name}" for name in CHAT_TABLES), "ops.superseded_messages"))
    hidden = set() if lineage else LINEAGE
    return {
        table: sorted(({name: row[name] for name in row if name not in hidden} for row in rows), key=repr)
        for table, rows in tables.items()
    }


def load_in(settings: Settings, groups: Iterable[Iterable[bytes]], published_after: set[int]) -> None:
    """Each group is a load; after some of them everything pending is published."""
    for number, group in enumerate(groups):
        deliver(settings, f"load-{number}.jsonl", b"".join(line + b"\n" for line in group))
        ingest(settings, "chat")
        if number in published_after:
            publish(settings, fake_scorer, f"run-{number}")
            finish(settings)
    publish(settings, fake_scorer, "run-last")
    finish(settings)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    settings = load_settings({}, home=tmp_path_factory.mktemp("reference"), pseudonym_key=KEY)
    load_in(settings, [LINES], set())
    assert total_counts(settings) == expected_counts(LINES)
    return tables_of(settings)


def test_the_content_with_the_greatest_time_stays(reference: dict[str, list[Row]]) -> None:
    sessions = {row["user_query"]: row for row in reference["chat.chat_sessions"]}
    assert len(sessions) == 4
    assert sessions["the latest stays"]["session_id"] == "a"
    assert sessions["the latest stays"]["event_date"] == date(2025, 11, 4)
    assert "first" not in sessions
    # Of two contents at the same time the one with the greater hash.
    lost = [row for row in reference["ops.superseded_messages"] if row["session_id"] == "b"]
    (kept,) = (row for row in sessions.values() if row["session_id"] == "b")
    assert len(lost) == 2
    assert all(row["content_hash"] < kept["content_hash"] for row in lost)
    assert {row["event_date"] for row in reference["ops.superseded_messages"] if row["session_id"] == "a"} == {
        date(2025, 11, 2),
        date(2025, 11, 3),
    }


@pytest.mark.parametrize("order", orders_of(3))
def test_three_contents_of_one_id_in_every_order_of_loads(settings: Settings, order: tuple[int, ...]) -> None:
    contents = [A1, A2, A3]
    for place, number in enumerate(order):
        take(settings, f"{place}.jsonl", [contents[number]])
        publish_all(settings)
        finish(settings)
        tables = read_tables(settings, ["chat.chat_sessions", "ops.superseded_messages", "chat.tool_usage"])
        (row,) = tables["chat.chat_sessions"]
        latest = max((contents[n] for n in order[: place + 1]), key=lambda item: float(item["@timestamp"]))
        assert row["user_query"] == latest["request_body"]["messages"][0]["content"]
        assert len(tables["ops.superseded_messages"]) == place
        steps = len(latest["response_body"]["choices"][0]["message"]["reasoning_steps"])
        assert len(tables["chat.tool_usage"]) == steps
    assert total_counts(settings) == expected_counts(json.dumps(item).encode() for item in contents)


def test_on_postgres_the_same(postgres: str, tmp_path: Path, reference: dict[str, list[Row]]) -> None:
    there = load_settings({}, home=tmp_path / "postgres", warehouse=postgres, pseudonym_key=KEY)
    shuffled = random.Random(5).sample(LINES, len(LINES))
    load_in(there, [shuffled[:4], shuffled[4:9], shuffled[9:]], {0, 1})
    assert tables_of(there) == reference
    assert total_counts(there) == expected_counts(LINES)
    before = tables_of(there, lineage=True)
    backfill(there, [date(2025, 11, 2), date(2025, 11, 4)], fake_scorer, "run-b")
    assert tables_of(there, lineage=True) == before


def test_a_line_that_is_lost_on_the_way_to_its_table_is_not_accepted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_sql = publishing.load_sql

    def losing(package: str, name: str, **values: str) -> str:
        sql = load_sql(package, name, **values)
        return f"{sql};\ndelete from messages where session_id = 'a'" if name == "messages" else sql

    monkeypatch.setattr(publishing, "load_sql", losing)
    load_in(settings, [LINES], {0})
    (load,) = warehouse_rows(settings, "ops.loads")
    assert load["accepted"] == expected_counts(LINES)["accepted"] - 1


def test_a_file_delivered_again_under_another_name_changes_no_table(
    settings: Settings, reference: dict[str, list[Row]]
) -> None:
    load_in(settings, [LINES, LINES], {0})
    assert tables_of(settings) == reference
    counts = total_counts(settings)
    assert counts == expected_counts(LINES * 2)


def test_a_publish_that_is_repeated_before_its_end_changes_nothing(settings: Settings) -> None:
    lines = [line + b"\n" for line in LINES]
    take(settings, "a.jsonl", b"".join(lines[:5]))
    publish_all(settings)
    finish(settings)
    take(settings, "b.jsonl", b"".join(lines[5:]))
    first = publish_all(settings)
    before, counts = tables_of(settings, lineage=True), warehouse_rows(settings, "ops.loads")
    scope = warehouse_rows(settings, "ops.run_scope")
    again = publish_all(settings)
    assert first is not None
    assert again is not None
    assert (again.load_ids, again.dates, again.messages_written) == (
        first.load_ids,
        first.dates,
        first.messages_written,
    )
    assert tables_of(settings, lineage=True) == before
    assert warehouse_rows(settings, "ops.loads") == counts
    assert warehouse_rows(settings, "ops.run_scope") == scope
    assert total_counts(settings) == expected_counts(LINES)


def test_a_load_that_comes_between_an_interrupted_run_and_the_next(
    settings: Settings, reference: dict[str, list[Row]]
) -> None:
    lines = [line + b"\n" for line in LINES]
    take(settings, "a.jsonl", b"".join(lines[:5]))
    publish_all(settings)
    take(settings, "b.jsonl", b"".join(lines[5:]))
    both = publish_all(settings)
    assert both is not None
    assert len(both.load_ids) == 2
    assert tables_of(settings) == reference
    assert total_counts(settings) == expected_counts(LINES)
    finish(settings)
    assert publish_all(settings) is None


class StopError(Exception):
    pass


def test_a_run_that_dies_while_it_writes_leaves_what_was_there(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, reference: dict[str, list[Row]]
) -> None:
    lines = [line + b"\n" for line in LINES]
    take(settings, "a.jsonl", b"".join(lines[:5]))
    publish_all(settings)
    finish(settings)
    before, loads = tables_of(settings, lineage=True), warehouse_rows(settings, "ops.loads")
    take(settings, "b.jsonl", b"".join(lines[5:]))

    def die(*args: object) -> None:
        raise StopError

    with monkeypatch.context() as patched:
        patched.setattr("chat_platform.publish.chat._Rebuild._write_scope", die)
        with pytest.raises(StopError):
            publish_all(settings)
    assert tables_of(settings, lineage=True) == before
    assert warehouse_rows(settings, "ops.loads") == loads
    publish_all(settings)
    assert tables_of(settings) == reference
    assert total_counts(settings) == expected_counts(LINES)


DATES = [date(2025, 11, day) for day in range(1, 8)]


def test_a_backfill_of_any_dates_changes_nothing(settings: Settings, reference: dict[str, list[Row]]) -> None:
    load_in(settings, [LINES[:4], LINES[4:7], LINES[7:]], {0, 2})
    before = tables_of(settings, lineage=True)
    loads, status = warehouse_rows(settings, "ops.loads"), warehouse_rows(settings, "event._loads")
    chance = random.Random(11)
    for turn in range(4):
        dates = chance.sample(DATES, chance.randint(1, 4)) if turn else DATES
        done = backfill(settings, dates, fake_scorer, f"run-b{turn}")
        scope.finish(settings, f"run-b{turn}")
        assert set(dates) <= set(done.dates)
        assert tables_of(settings, lineage=True) == before
        assert warehouse_rows(settings, "ops.loads") == loads
        assert warehouse_rows(settings, "event._loads") == status
    assert tables_of(settings) == reference


def test_a_backfill_mends_a_date_that_was_damaged(settings: Settings) -> None:
    load_in(settings, [LINES], set())
    before = tables_of(settings, lineage=True)
    with open_warehouse(settings) as warehouse:
        for table in CHAT_TABLES:
            warehouse.execute(f"delete from {warehouse.name('chat.' + table)} where event_date = date '2025-11-03'")
        warehouse.execute(f"update {warehouse.name('chat.responses')} set model = 'wrong'")
    backfill(settings, DATES, fake_scorer, "run-b")
    assert tables_of(settings, lineage=True) == before


def test_a_backfill_leaves_pending_loads_pending(settings: Settings) -> None:
    take(settings, "a.jsonl", [A1])
    publish_all(settings)
    finish(settings)
    second = take(settings, "b.jsonl", [A3])
    backfill(settings, [date(2025, 11, 3), date(2025, 11, 4)], fake_scorer, "run-b")
    assert by_id(settings, "chat_sessions")["a"]["user_query"] == "first"
    done = publish_all(settings)
    assert done is not None
    assert done.load_ids == (second.load_id,)
    assert by_id(settings, "chat_sessions")["a"]["user_query"] == "the latest stays"


def scope_of(settings: Settings) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in warehouse_rows(settings, "ops.run_scope"):
        found.setdefault(row["kind"], set()).add(row["value"])
    return found


def test_the_scope_holds_what_is_touched_before_and_after(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    other = message("other", seconds=MIDNIGHT + 5 * DAY, thread="t-1", query="same thread, far away")
    apart = message("apart", seconds=MIDNIGHT + 6 * DAY, thread="t-9")
    take(settings, "a.jsonl", [A1, other, apart])
    publish_all(settings)
    finish(settings)
    # The message moves to another thread and another date.
    moved = message("a", seconds=MIDNIGHT + 2 * DAY, thread="t-4")
    manifest = take(settings, "b.jsonl", [moved])
    done = publish_all(settings)
    assert done is not None
    scope = scope_of(settings)
    assert scope["load"] == {manifest.load_id}
    assert scope["conversation"] == {"t-1", "t-4"}
    assert scope["date"] == {"2025-11-03", "2025-11-05", "2025-11-08"}
    assert set(scope) == {"load", "conversation", "date"}
    assert done.dates == (date(2025, 11, 3), date(2025, 11, 5), date(2025, 11, 8))
    assert done.rows["chat_sessions"] == {date(2025, 11, 3): 0, date(2025, 11, 5): 1, date(2025, 11, 8): 1}
    finish(settings)
    backfill(settings, [date(2025, 11, 8)], fake_scorer, "run-b")
    scope = scope_of(settings)
    assert "load" not in scope
    assert scope["conversation"] == {"t-1"}
    assert {"2025-11-03", "2025-11-08"} <= scope["date"]


def test_a_scope_that_no_run_finished_is_taken_over(settings: Settings) -> None:
    take(settings, "a.jsonl", [A1])
    publish_all(settings)
    finish(settings)
    backfill(settings, [date(2025, 11, 3)], fake_scorer, "run-dead")
    take(settings, "b.jsonl", [message("apart", seconds=MIDNIGHT + 6 * DAY, thread="t-9")])
    publish_all(settings)
    scope = scope_of(settings)
    assert scope["conversation"] == {"t-1", "t-9"}
    assert scope["date"] == {"2025-11-03", "2025-11-09"}
    finish(settings)
    take(settings, "c.jsonl", [message("new", seconds=MIDNIGHT + 7 * DAY, thread="t-10")])
    publish_all(settings)
    assert scope_of(settings)["conversation"] == {"t-10"}
    assert scope_of(settings)["date"] == {"2025-11-10"}


def test_nothing_pending_is_nothing_done(settings: Settings) -> None:
    assert publish_all(settings) is None
    take(settings, "a.jsonl", b"")
    done = publish_all(settings)
    assert done is not None
    assert (done.messages_written, done.dates) == (0, ())
    finish(settings)
    assert publish_all(settings) is None
