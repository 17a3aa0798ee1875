"""A home with both sources: one run takes both through, and either alone; dates are made anew for both."""

from collections.abc import Callable

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


def test_a_source_that_is_switched_off_is_not_there(new_home: Callable[..., Home]) -> None:
    home = new_home(sources="rasa")
    generate_rasa(home.root / "landing" / "rasa", events=300, seed=3)
    home.generate(messages=20, seed=1)
    home.publish()
    assert home.value("select count(*) from demo_semantic.sessions where source = 'rasa'") > 0
    assert home.value("select count(*) from demo_semantic.sessions where source <> 'rasa'") == 0
    assert read_status(home.settings).pending_loads == []
