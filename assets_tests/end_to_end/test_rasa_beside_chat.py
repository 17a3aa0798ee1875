"""A home with both sources: one run takes both through, and either alone; dates are made anew for both."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from homes import Home, assert_same

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


@pytest.mark.long
def test_a_source_that_is_switched_off_is_not_there(new_home: Callable[..., Home]) -> None:
    home = new_home(sources="rasa")
    generate_rasa(home.root / "landing" / "rasa", events=300, seed=3)
    home.generate(messages=20, seed=1)
    home.publish()
    assert home.value("select count(*) from demo_semantic.sessions where source = 'rasa'") > 0
    assert home.value("select count(*) from demo_semantic.sessions where source <> 'rasa'") == 0
    assert read_status(home.settings).pending_loads == []
    # A raw event that goes astray is missed, whatever the last run touched.
    with duckdb.connect(str(home.root / "warehouse.duckdb.working")) as connection:
        connection.execute("delete from demo_event.event where _dlt_id = (select min(_dlt_id) from demo_event.event)")
    assert "Got 1 result" in home.dbt("test", "--select", "rasa_loads_stand_in_tables").stdout


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
