"""A home with both sources: one run takes both through, and either alone; dates are made anew for both."""

import gzip
import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from homes import Home, assert_same
from rasa_models.rasa_reference import Delivery, Event, Session, in_order, sessions

from chat_platform.sample.rasa import generate_rasa
from chat_platform.status import read_status


@pytest.mark.long
def test_one_run_publishes_chat_and_rasa(new_home: Callable[..., Home]) -> None:
    home = new_home(sources="chat,rasa")
    truth = generate_rasa(home.root / "landing" / "rasa", events=600, seed=2)
    home.publish()
    assert home.query("select schema_name, status from demo_event._loads order by status") == [
        ("rasa", 0), ("rasa", 1),
    ]  # fmt: skip
    assert home.value("select count(*) from demo_event.event") == truth.accepted
    assert home.value("select count(*) from demo_event.event_user") >= truth.events["user"]
    home.generate(messages=60, seed=1)
    home.publish()
    assert home.query("select schema_name, count(*) from demo_event._loads group by 1 order by 1") == [
        ("chat", 2), ("rasa", 2),
    ]  # fmt: skip
    assert home.value("select count(*) from demo_event.event") == truth.accepted
    status = read_status(home.settings)
    assert status.pending_loads == []
    assert {row["source"] for row in status.loads} == {"chat", "rasa"}
    assert {source for (source,) in home.query("select distinct source from demo_semantic.sessions")} == {
        "chat", "rasa",
    }  # fmt: skip
    before = home.dump()
    events = dict(home.query("select event_date, count(*) from demo_event.event group by 1"))
    with duckdb.connect(str(home.root / "warehouse.duckdb.working")) as connection:
        for table in ("interactions", "sessions"):
            connection.execute(f"delete from demo_semantic.{table} where source = 'rasa'")
        connection.execute("delete from demo_kpi.daily where source = 'rasa'")
    home.backfill(min(events), max(events))
    assert_same(home.dump(), before)


def lines_behind(home: Home, where: str) -> list[Delivery]:
    """What was delivered of the sessions that match: lines of files, and of trackers the events at their place."""
    chosen = f"select session_id from demo_semantic.sessions where source = 'rasa' and {where}"
    rows = home.query(
        "select e.source_file, f.sha256, e.line_number, e.position, r.id "
        "from demo_semantic.event_rows as r "
        "inner join demo_event.event as e on r.row_id = e._dlt_id and r.load_id = e._dlt_load_id "
        "inner join demo_ops.load_files as f on r.load_id = f.load_id and e.source_file = f.source_file "
        f"where r.session_id in ({chosen}) order by 1, 3, 4"
    )
    counted = home.value(f"select count(*) from demo_semantic.event_rows where session_id in ({chosen})")
    assert len({row[-1] for row in rows}) == len(rows) == counted > 0
    found: dict[tuple[str, int], list[Event]] = defaultdict(list)
    for name, digest, number, position, _ in rows:
        data = (home.root / "landing" / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest
        event = json.loads(gzip.decompress(data).splitlines()[number - 1])
        is_tracker = "events" in event
        if is_tracker:
            event = event["events"][position - 1] | {"sender_id": event["sender_id"]}
        found[name, number if is_tracker else 0].append(event)
    return [Delivery("", tuple(events), number > 0, f"{name} {number}") for (name, number), events in found.items()]


def day_of(events: list[Event]) -> str:
    return datetime.fromtimestamp(min(event["timestamp"] for event in events), UTC).date().isoformat()


HANDOFFS = {"action_agent_handoff", "utter_redirect_to_faqs", "action_handoff_metric", "pattern_human_handoff"}


def recounted(found: list[Session], day: str) -> dict[str, tuple[int, int]]:
    """Some KPIs of a date as numerator and denominator, by the rules in Python."""
    there = [session for session in found if day_of(session.events) == day]
    talked = [session for session in there if session.user_messages]
    handed = [s for s in talked if HANDOFFS & {e.get("name") or e.get("flow_id") for e in s.events
                                               if e["event"] in {"action", "flow_started"}}]  # fmt: skip
    asked = [
        place in session.undone
        for session in found
        for place, events in session.interactions.items()
        if place > 0 and day_of(events) == day
    ]
    return {
        "sessions": (len(there), 1),
        "bounce_rate": (len(there) - len(talked), len(there)),
        "handoff_rate": (len(handed), len(talked)),
        "interactions_per_session": (sum(session.user_messages for session in talked), len(talked)),
        "interactions": (len(asked), 1),
        "undone_rate": (sum(asked), len(asked)),
    }


def check_cells_and_lines(home: Home, each: int) -> None:
    """Some cells of some KPIs: the lines found through the semantic tables, and nothing else, give the same number."""
    of_kpi: dict[str, list[Any]] = defaultdict(list)
    for kpi, *cell in home.query(
        "select kpi, cast(event_date as varchar), dimension, dimension_value, numerator, denominator "
        "from demo_kpi.daily where source = 'rasa' and dimension in ('all', 'environment', 'model', 'channel') "
        "order by all"
    ):
        of_kpi[kpi].append(cell)
    columns = {"all": "'all'", "environment": "environment", "model": "first_model_id", "channel": "input_channel"}
    rng = random.Random(3)
    for kpi in recounted([], ""):
        for day, dimension, label, numerator, denominator in rng.sample(of_kpi[kpi], each):
            # Interactions of a date may be of a session that started on an earlier one.
            dates = f"date '{day}' between cast(start_timestamp as date) and cast(end_timestamp as date)"
            behind = lines_behind(home, f"{columns[dimension]} = '{label}' and {dates}")
            found = [session for events in in_order(behind).values() for session in sessions(events)]
            assert recounted(found, day)[kpi] == (numerator, denominator), (kpi, day, dimension, label)


@pytest.mark.long
def test_a_source_that_is_switched_off_is_not_there(new_home: Callable[..., Home]) -> None:
    home = new_home(sources="rasa")
    generate_rasa(home.root / "landing" / "rasa", events=300, seed=3)
    home.generate(messages=20, seed=1)
    home.publish()
    assert home.value("select count(*) from demo_semantic.sessions where source = 'rasa'") > 0
    assert home.value("select count(*) from demo_semantic.sessions where source <> 'rasa'") == 0
    assert read_status(home.settings).pending_loads == []
    check_cells_and_lines(home, each=8)
    # A raw event that goes astray is missed, whatever the last run touched.
    with duckdb.connect(str(home.root / "warehouse.duckdb.working")) as connection:
        connection.execute("delete from demo_event.event where _dlt_id = (select min(_dlt_id) from demo_event.event)")
    assert "Got 1 result" in home.dbt("test", "--select", "rasa_loads_stand_in_tables").stdout


@pytest.mark.long
def test_what_stands_of_a_source_that_is_switched_off_stays(half: Home, lines: list[bytes], tmp_path: Path) -> None:
    home = half.copy_to(tmp_path / "home")
    # Rasa as it stands after a run that was killed before dbt had ended, on the dates of the feed.
    with duckdb.connect(str(home.root / "warehouse.duckdb.working")) as connection:
        connection.execute(
            """
            insert into demo_kpi.daily select * replace ('rasa' as source, false as is_final) from demo_kpi.daily;
            insert into demo_semantic.sessions select * replace ('rasa' as source) from demo_semantic.sessions;
            insert into demo_ops.partition_ledger select * replace ('rasa' as source) from demo_ops.partition_ledger;
            insert into demo_event._loads values ('killed', 'rasa', 0, now(), 'v');
            delete from demo_ops.run_scope where kind = 'done';
            insert into demo_ops.run_scope
            select * replace ('rasa' as source) from demo_ops.run_scope where kind in ('date', 'conversation');
            insert into demo_ops.run_scope values ('r', 'publish', 'rasa', 'load', 'killed');
            """
        )
    tables = ("kpi.daily", "semantic.sessions", "ops.partition_ledger")
    count = "select count(*) from demo_{} where source = 'rasa'"
    before = [home.value(count.format(table), working=True) for table in tables]
    named = "select source, kind, value from demo_ops.run_scope where source = 'rasa' order by all"
    scope = home.query(named, working=True)
    home.write("second.jsonl", b"\n".join(lines[1::2]) + b"\n")
    home.publish()
    assert [home.value(count.format(table)) for table in tables] == before
    assert home.query("select status from demo_event._loads where load_id = 'killed'") == [(0,)]
    # What it had begun waits for the run in which it is switched on.
    assert home.query(named) == scope
    assert home.query("select distinct source from demo_ops.run_scope where kind = 'done'") == [("chat",)]
    refused = home.dbt("run", "--full-refresh", "--select", "+sessions")
    assert refused.returncode == 1
    assert "holds rows of sources that are switched off (rasa)" in refused.stdout
    assert home.value(count.format("semantic.sessions"), working=True) == before[1]
