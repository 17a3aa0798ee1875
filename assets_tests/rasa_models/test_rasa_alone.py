"""dbt with nothing but raw events of Rasa, as somebody runs it who has no platform: DuckDB, Postgres, tables of dlt."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rasa_feed import deliveries
from rasa_reference import Event
from rasa_warehouse import RasaWarehouse
from test_rasa_sessions import SESSIONS, assert_agrees, lists, real_tracker

_LOAD_WITH_DLT = """
import json, sys
import dlt

file, folder, events = sys.argv[1:]

@dlt.resource(name="events", table_name=lambda event: "event_" + event["event"])
def rows():
    yield from json.loads(open(events, encoding="utf-8").read())

destination = dlt.destinations.duckdb(file)
dlt.pipeline("chat", destination=destination, dataset_name="bot_event", pipelines_dir=folder).run(rows())
"""


def load_with_dlt(warehouse: RasaWarehouse, events: list[Event]) -> None:
    path = warehouse.folder / "events.json"
    path.write_text(json.dumps(events), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-c", _LOAD_WITH_DLT, str(warehouse.file), str(warehouse.folder / "dlt"), str(path)],
        env={**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"},
        check=True,
        capture_output=True,
        timeout=120,
    )


def said(sender: str, second: float, kind: str, **fields: Any) -> Event:
    return {"sender_id": sender, "event": kind, "timestamp": 1_700_000_000 + second, **fields}


@pytest.mark.long
def test_tables_that_dlt_made_are_read_as_they_are(tmp_path: Path, shared: Path) -> None:
    """No `event` table, no `_loads`, no order; types that vary; tables that are not there."""
    warehouse = RasaWarehouse(tmp_path)
    first = [
        said("a", 0, "user", text="hi", parse_data={"intent": {"name": "greet", "confidence": 0.9}}),
        said("a", 1, "slot", name="amount", value="five"),
    ]
    load_with_dlt(warehouse, [*real_tracker(shared), *first])
    warehouse.run("build", prefix="bot")
    assert lists(warehouse, "bot")[0] == SESSIONS
    before = warehouse.dump("bot")

    # the next load brings a variant, a new column, a new type of events, and an event again
    second = [
        first[0],
        said("a", 2, "slot", name="amount", value=5.0),
        said("a", 3, "user", text="more", parse_data={"intent": {"name": "thankyou", "confidence": 1.0}}, extra="x"),
        said("a", 4, "flow_started", flow_id="pattern_human_handoff"),
    ]
    load_with_dlt(warehouse, second)
    warehouse.run("run", prefix="bot")
    assert warehouse.execute(
        "select interactions_count, agent_handoff_count, outcome from bot_semantic.sessions where conversation_id = 'a'"
    ) == [(2, 1, "handover")]
    assert warehouse.execute(
        "select value from bot_semantic.slots where conversation_id = 'a' order by \"timestamp\""
    ) == [("five",), ("5.0",)]
    # what was there keeps its ids, though tables have more columns now
    messages = warehouse.dump("bot")["_semantic.user_messages"]
    assert len(messages) == len(before["_semantic.user_messages"]) + 1
    assert set(before["_semantic.user_messages"]) - set(messages) <= {
        row for row in before["_semantic.user_messages"] if "a" in row
    }
    # dlt's own status table is read only
    assert warehouse.execute("select count(*), sum(status) from bot_event._dlt_loads") == [(2, 0)]
    assert warehouse.execute("select status, count(*) from bot_event._loads group by 1") == [(1, 2)]
    # what the last run touched is looked over, and a message that went astray is found
    warehouse.execute("delete from bot_semantic.user_messages where conversation_id = 'a' and intent_name = 'greet'")
    done = warehouse.dbt("test", "-s", "rasa_messages_stand_once", prefix="bot")
    assert done.returncode == 1
    assert "Got 1 result" in done.stdout


@pytest.mark.long
def test_postgres(postgres: str, tmp_path: Path) -> None:
    warehouse = RasaWarehouse(tmp_path, postgres)
    feed = deliveries(random.Random(8), senders=200, loads=2)
    warehouse.fill("bot", feed)
    warehouse.complete("bot", "load-0", "load-1")
    warehouse.run("build", prefix="bot", session_gap_minutes=30)
    assert assert_agrees(warehouse, "bot", feed, 30) == 200


@pytest.mark.long
@pytest.mark.parametrize("on_postgres", [False, True])
def test_the_commands_of_the_readme(on_postgres: bool, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    warehouse = RasaWarehouse(tmp_path, request.getfixturevalue("postgres") if on_postgres else None)
    feed = deliveries(random.Random(8), senders=200, loads=2)
    warehouse.fill("bot", feed)
    warehouse.complete("bot", "load-0")
    warehouse.run("seed", prefix="bot")
    warehouse.run("test", "-s", "source:*", prefix="bot")
    warehouse.run("run", "--fail-fast", prefix="bot")
    warehouse.complete("bot", "load-1")
    warehouse.run("run", "--fail-fast", prefix="bot")
    assert assert_agrees(warehouse, "bot", feed, None) == 200


@pytest.mark.long
def test_duckdb_and_postgres_give_the_same_numbers(postgres: str, tmp_path: Path) -> None:
    feed = deliveries(random.Random(9), senders=300, loads=1)
    dumps = []
    for name, address in (("duckdb", None), ("postgres", postgres)):
        warehouse = RasaWarehouse(tmp_path / name, address)
        warehouse.fill("bot", feed)
        warehouse.complete("bot", "load-0")
        warehouse.run("build", prefix="bot", user_id="metadata__user_id", session_gap_minutes=30)
        dumps.append(warehouse.dump("bot"))
    assert dumps[0].keys() == dumps[1].keys()
    for table, rows in dumps[0].items():
        assert dumps[1][table] == rows, table


def test_a_missing_prefix_is_named(tmp_path: Path) -> None:
    done = RasaWarehouse(tmp_path).dbt("ls")
    assert done.returncode != 0
    assert "source_schema_prefix is not set" in done.stdout


@pytest.mark.long
def test_source_tests_fail_without_raw_events(tmp_path: Path) -> None:
    missing = RasaWarehouse(tmp_path).dbt("test", "-s", "source:*", prefix="acme")
    assert missing.returncode == 1
    assert "raw_events_exist" in missing.stdout
    assert "loads_have_status" in missing.stdout


@pytest.mark.long
def test_settings_that_name_no_column_are_named(tmp_path: Path) -> None:
    """One by one; actions that have no name start no session, so what they say of users is left out."""
    warehouse = RasaWarehouse(tmp_path)
    warehouse.execute("create schema bare_event")
    for table in ("event_user", "event_action"):
        columns = '_dlt_id varchar, _dlt_load_id varchar, sender_id varchar, "event" varchar, "timestamp" double'
        warehouse.execute(f"create table bare_event.{table} ({columns}, metadata__visit varchar)")
        warehouse.execute(f"insert into bare_event.{table} values ('{table}', 'l', 's', 'user', 1.0, 'v')")
    settings = {"user_id": "metadata__usr", "external_session_id": "metadata__visit"}
    said = warehouse.run("run", "-s", "stg_rasa__named_users", prefix="bare", session_gap_minutes="60", **settings)
    assert "has a column metadata__usr (setting user_id)" in " ".join(said.split())
    assert "metadata__visit (setting" not in said
    assert warehouse.execute("select * from bare_staging.stg_rasa__named_users") == [("event_user", None, "v")]
