"""Any split, order, repetition, lateness and supersession of messages, with dates made anew in between, gives the
tables of one full refresh (invariants 1, 2 and 7).
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from homes import FEED, Home, assert_same
from hypothesis import HealthCheck, example, given
from hypothesis import settings as runs
from hypothesis import strategies as st
from lake.chat_builder import Row, deliver, fake_scorer, finish, publish_all, read_tables
from worlds import (
    COUNTS,
    Delivery,
    File,
    Plan,
    Version,
    World,
    dates_of,
    expected_counts,
    explain,
    files_of,
    harvest,
    in_one_file,
    line_at,
    plans,
    query_of,
    worlds,
)

from chat_platform.lake.ingest import ingest
from chat_platform.publish import scope
from chat_platform.publish.chat import CHAT_TABLES, backfill
from chat_platform.settings import Settings, load_settings

KEY = "a key for tests, 32 characters!!"
LINEAGE = {"load_id", "load_sequence", "source_file", "line_number", "byte_offset"}


def assert_conserved(loads: Iterable[tuple[int, ...]], files: Iterable[File]) -> None:
    """`loads`: the columns of COUNTS by load."""
    found = list(loads)
    for load in found:
        assert load[0] == sum(load[1:])
    totals = dict(zip(COUNTS, map(sum, zip(*found, strict=True)), strict=True))
    assert totals == expected_counts(files)


def assert_lineage(rows: Iterable[tuple[Any, ...]], delivered: Iterable[File], digests: dict[Any, str]) -> None:
    """Each message stands at the place that its row names. `rows`: load, file, line, offset, thread, query."""
    by_digest = {(file.name, hashlib.sha256(file.data).hexdigest()): file for file in delivered}
    for load_id, name, line_number, offset, thread, query in rows:
        short = name.removeprefix("chat/")
        line = line_at(by_digest[short, digests[load_id, name]], line_number, offset)
        assert (line["thread_id"], query_of(line)) == (thread, query)


def tables_of(settings: Settings) -> dict[str, list[Row]]:
    found = read_tables(settings, [*(f"chat.{table}" for table in CHAT_TABLES), "ops.superseded_messages"])
    return {
        table: sorted(({name: row[name] for name in row if name not in LINEAGE} for row in rows), key=repr)
        for table, rows in found.items()
    }


def check_without_dbt(batch: list[World], plan: Plan) -> None:
    """Chat tables and counts, by ingest and publish in this process."""
    with tempfile.TemporaryDirectory() as folder:
        once = load_settings({}, home=Path(folder) / "once", pseudonym_key=KEY)
        deliver(once, "all.jsonl", in_one_file(batch).data)
        ingest(once, "chat")
        publish_all(once)
        expected = tables_of(once)
        settings = load_settings({}, home=Path(folder) / "often", pseudonym_key=KEY)
        rounds = files_of(batch, plan)
        for number, files in enumerate(rounds):
            for file in files:
                deliver(settings, file.name, file.data)
            ingest(settings, "chat")
            end = plan.ends[number] if number < len(plan.ends) else "publish"
            if end == "ingest":
                continue
            publish_all(settings, f"run-{number}")
            if end == "interrupt":
                continue
            finish(settings, f"run-{number}")
            for turn, (after, first, days) in enumerate(plan.backfills):
                if after == number:
                    backfill(settings, dates_of(first, days), fake_scorer, f"backfill-{turn}")
                    scope.finish(settings, f"backfill-{turn}")
        found = tables_of(settings)
        for table, rows in expected.items():
            differing = [row for row in rows if row not in found[table]] + [
                row for row in found[table] if row not in rows
            ]
            assert not differing, f"{table}: {explain(batch, plan, differing)}\n{differing[:4]}"
            assert found[table] == rows, table
        rest = read_tables(settings, ["ops.loads", "ops.load_files", "chat.chat_sessions"])
        delivered = [file for files in rounds for file in files]
        assert_conserved([tuple(row[name] for name in COUNTS) for row in rest["ops.loads"]], delivered)
        columns = ("load_id", "source_file", "line_number", "byte_offset", "thread_id", "user_query")
        digests = {(row["load_id"], row["source_file"]): row["sha256"] for row in rest["ops.load_files"]}
        rows = [tuple(row[name] for name in columns) for row in rest["chat.chat_sessions"]]
        assert_lineage(rows, delivered, digests)


MOVED = World(
    (Version(0, 0, 3, 0, "agent", 0), Version(0, 1, 2, 43200, "plain", 1), Version(0, None, 3, 0, "failed", 2)),
    (Delivery(0, 2, 0), Delivery(1, 0, 1), Delivery(2, 1, 2), Delivery(0, 0, 3, turned=True)),
    ((0, True), (1, False)),
)
LISTS = st.lists(worlds(), min_size=1, max_size=8)


@runs(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@example([MOVED], Plan(("interrupt", "ingest"), ((2, 1, 3),), 5))
@given(LISTS, plans())
def test_worlds_without_dbt(batch: list[World], plan: Plan) -> None:
    check_without_dbt(batch, plan)


@pytest.mark.long
@pytest.mark.timeout(1800)
@runs(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(LISTS, plans())
def test_many_worlds_without_dbt(batch: list[World], plan: Plan) -> None:
    check_without_dbt(batch, plan)


def plan_of(seed: int) -> Plan:
    """Plans that have one of everything: backfills after publishes, a publish that is broken off, a load that waits."""
    ends = (("publish", "interrupt"), ("ingest", "publish"), ("publish", "publish"))[seed % 3]
    done = [number for number, end in enumerate((*ends, "publish")) if end == "publish"]
    return Plan(ends, ((done[0], seed % 7, 2), (done[-1], (seed * 5) % 9 - 1, 3)), seed)


@pytest.mark.early
@pytest.mark.timeout(280)
@pytest.mark.parametrize(
    ("seed", "number"), [(1, 24), *(pytest.param(seed, 120, marks=pytest.mark.long) for seed in range(2, 11))]
)
def test_worlds_from_files_to_kpis(seed: int, number: int, new_home: Callable[..., Home]) -> None:
    """So many worlds in one home, against one run over everything: all tables of all layers, row by row."""
    batch, plan = harvest(number, seed), plan_of(seed)
    if number < 100:
        # A backfill of dates takes as long as the rest.
        plan = replace(plan, backfills=())
    once = new_home("once")
    once.write("all.jsonl", in_one_file(batch).data)
    once.publish()
    home = new_home("often")
    rounds = files_of(batch, plan)
    for place, files in enumerate(rounds):
        for file in files:
            home.write(file.name, file.data)
        end = plan.ends[place] if place < len(plan.ends) else "publish"
        if end == "ingest":
            ingest(home.settings, "chat")
        elif end == "interrupt":
            home.interrupted_publish()
        else:
            home.publish()
        for after, first, days in plan.backfills:
            if after == place:
                home.backfill(dates_of(first, days)[0], dates_of(first, days)[-1])
    found, expected = home.dump(), once.dump()
    assert set(found) == set(expected)
    for table, rows in expected.items():
        differing = sorted(set(rows) ^ set(found[table]), key=repr)
        assert not differing, f"{table}: {explain(batch, plan, differing)}\n{differing[:4]}"
        assert found[table] == rows, table
    delivered = [file for files in rounds for file in files]
    assert_conserved(home.query(f"select {', '.join(COUNTS)} from demo_ops.loads"), delivered)
    digests = {
        (load_id, name): digest
        for load_id, name, digest in home.query("select load_id, source_file, sha256 from demo_ops.load_files")
    }
    places = "load_id, source_file, line_number, byte_offset, thread_id, user_query"
    assert_lineage(home.query(f"select {places} from demo_chat.chat_sessions"), delivered, digests)
    assert len(found["chat.chat_sessions"]) >= number


@pytest.mark.long
@pytest.mark.parametrize("seed", range(101, 104))
def test_a_new_warehouse_from_the_same_lake(seed: int, new_home: Callable[..., Home]) -> None:
    """Only the lake is needed to make everything anew, counts of the loads included."""
    batch = harvest(40, seed)
    home, once = new_home("often"), new_home("once")
    once.write("all.jsonl", in_one_file(batch).data)
    once.publish()
    for files in files_of(batch, plan_of(seed)):
        for file in files:
            home.write(file.name, file.data)
        home.publish_without_dbt()
    counts = "select * exclude (ingested_at) from demo_ops.loads order by load_sequence"
    before = home.query(counts, working=True)
    (home.root / "warehouse.duckdb.working").unlink()
    shutil.rmtree(home.root / "landing")
    (home.root / "landing" / "chat").mkdir(parents=True)
    home.publish()
    assert_same(home.dump(), once.dump())
    assert home.query(counts) == before


@pytest.mark.long
def test_a_message_that_wins_later_moves_between_threads_and_dates(new_home: Callable[..., Home]) -> None:
    """The version that stays lies in another thread and on a later date: no trace is left of where it was."""

    def message(number: int, seconds: float, thread: str, **more: Any) -> bytes:
        body = {
            "@timestamp": 1_774_700_000 + seconds,
            "timestamp": "2026-03-28T12:13:20Z",
            "thread_id": thread,
            "request_body": {"messages": [{"role": "user", "content": f"question {number}"}]},
            "response_body": {
                "id": f"id-{number}",
                "choices": [{"finish_reason": "stop", "message": {"content": "a"}}],
                **more,
            },
        }
        return json.dumps(body).encode() + b"\n"

    home = new_home()
    home.write("1.jsonl", message(1, 0, "a") + message(2, 10, "a") + message(3, 90_010, "b"))
    home.publish()
    sessions = (
        "select session_id, event_date::text, interactions_count::int, first_model_id from demo_semantic.sessions "
        "order by 1"
    )
    messages = (
        "select event_date::text, dimension, dimension_value, numerator::int from demo_kpi.daily "
        "where kpi = 'messages' and dimension in ('all', 'thread') order by 1, 2, 3"
    )
    assert home.query(sessions) == [("a", "2026-03-28", 2, None), ("b", "2026-03-29", 1, None)]
    home.write("2.jsonl", message(1, 90_000, "b", model="newer"))
    home.publish()
    assert home.query(sessions) == [("a", "2026-03-28", 1, None), ("b", "2026-03-29", 2, "newer")]
    assert home.query(messages) == [
        ("2026-03-28", "all", "all", 1),
        ("2026-03-28", "thread", "a", 1),
        ("2026-03-29", "all", "all", 2),
        ("2026-03-29", "thread", "b", 2),
    ]
    for table in ("chat.chat_sessions", "semantic.interactions", "semantic.user_messages", "kpi.message_costs"):
        assert home.value(f"select count(*) from demo_{table}") == 3
    assert home.value("select count(*) from demo_ops.superseded_messages") == 1


@pytest.mark.long
def test_a_backfill_of_dates_without_messages_changes_nothing(refreshed: Home, tmp_path: Path) -> None:
    home = refreshed.copy_to(tmp_path / "home")
    before = home.dump()
    home.backfill(FEED["first_date"] - timedelta(days=40), FEED["first_date"] - timedelta(days=38))
    assert_same(home.dump(), before)
