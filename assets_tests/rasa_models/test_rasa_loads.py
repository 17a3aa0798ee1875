"""What a run takes: pending loads, once, in any order, again after a failure; and nothing of another prefix."""

import datetime
import random
from pathlib import Path
from typing import Any

import pytest
from rasa_feed import deliveries
from rasa_reference import Delivery, Event
from rasa_warehouse import RasaWarehouse

USERS = {"user_id": "metadata__user_id"}


def statuses(warehouse: RasaWarehouse, prefix: str) -> dict[str, list[int]]:
    rows = warehouse.execute(f"select load_id, status from {prefix}_event._loads order by 1, 2")
    found: dict[str, list[int]] = {}
    for load, status in rows:
        found.setdefault(load, []).append(status)
    return found


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    assert sum(map(len, expected.values())) > 1000
    for table, rows in expected.items():
        here, there = set(found[table]), set(rows)
        assert found[table] == rows, (table, sorted(here - there, key=repr)[:2], sorted(there - here, key=repr)[:2])


def senders_of(feed: list[Delivery], *loads: str) -> set[str]:
    return {event["sender_id"] for delivery in feed if delivery.load in loads for event in delivery.events}


def said_after(days: int) -> tuple[Event, ...]:
    """A question, and what the bot says so many days later."""
    question = {"sender_id": "late", "event": "user", "timestamp": 1_700_000_000.0, "message_id": "late-1"}
    reminder = {
        "sender_id": "late",
        "event": "bot",
        "timestamp": 1_700_000_000.0 + days * 86400,
        "text": "still there?",
    }
    return question, reminder


# The load that brings a message so many days from the middle of the feed.
SILENT = {"load-2": -40, "load-0": -90, "load-1": 120}


def said_at(days: int) -> tuple[Event, ...]:
    """One message, of a user of its own."""
    message = {
        "sender_id": f"far{days}", "event": "user", "timestamp": 1_700_000_000.0 + days * 86400,
        "message_id": f"far{days}", "metadata": {"user_id": f"far{days}"},
    }  # fmt: skip
    return (message,)


def assert_each_week_is_counted(warehouse: RasaWarehouse, feed: list[Delivery]) -> None:
    """Each cohort has a row in each week from its own to that of the last event."""
    rows = warehouse.execute(
        "select cast(dimension_value as date), event_date, numerator, denominator from acme_kpi.daily "
        "where kpi = 'retention_rate'"
    )
    last = max(event["timestamp"] for delivery in feed for event in delivery.events) // 86400
    monday = datetime.date(1970, 1, 1) + datetime.timedelta(last - (last + 3) % 7)
    weeks: dict[datetime.date, list[datetime.date]] = {}
    for cohort, week, *_ in sorted(rows):
        weeks.setdefault(cohort, []).append(week)
    for cohort, found in weeks.items():
        assert found == [cohort + datetime.timedelta(7 * n) for n in range((monday - cohort).days // 7 + 1)]
    assert min(weeks) == datetime.date(2023, 8, 14), "Wednesday 2023-08-16 is 90 days before"
    assert {number for cohort, week, number, _ in rows if cohort == min(weeks) and week > cohort} == {0}


@pytest.mark.long
def test_loads_in_any_order_and_after_a_failure_give_what_a_full_refresh_gives(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    warehouse = RasaWarehouse(tmp_path_factory.mktemp("loads"))
    feed = deliveries(random.Random(3), senders=250, loads=3)
    feed.append(Delivery("load-1", said_after(days=40), is_tracker=False, name="more"))
    # weeks in which nobody comes, before and after all others
    feed += [Delivery(load, said_at(days), is_tracker=False, name="far") for load, days in SILENT.items()]
    warehouse.fill("acme", feed)
    warehouse.complete("acme", "load-2")
    warehouse.run("build", prefix="acme", **USERS)
    assert statuses(warehouse, "acme") == {"load-2": [0, 1]}
    # rows of loads that are not complete are there, and nothing has read them
    seen = {sender for (sender,) in warehouse.execute("select conversation_id from acme_semantic.conversations")}
    assert seen == senders_of(feed, "load-2")

    # a run that fails at the end has changed tables and published nothing
    warehouse.complete("acme", "load-0")
    warehouse.execute("alter table acme_kpi.daily rename to kept")
    warehouse.execute("create table acme_kpi.daily as select source, event_date from acme_kpi.kept")
    failed = warehouse.dbt("run", "--fail-fast", prefix="acme", **USERS)
    assert failed.returncode == 1
    assert statuses(warehouse, "acme") == {"load-2": [0, 1], "load-0": [0]}
    warehouse.execute("drop table acme_kpi.daily")
    warehouse.execute("alter table acme_kpi.kept rename to daily")

    # the next one takes it again, and what has become complete since
    warehouse.complete("acme", "load-1", "load-1")
    warehouse.run("run", "--fail-fast", prefix="acme", **USERS)
    assert statuses(warehouse, "acme") == {f"load-{n}": [0, 0, 1] if n == 1 else [0, 1] for n in range(3)}
    by_parts = warehouse.dump("acme")

    warehouse.run("run", "--full-refresh", prefix="acme", **USERS)
    assert_same(by_parts, warehouse.dump("acme"))
    assert_each_week_is_counted(warehouse, feed)
    assert {tuple(rows) for rows in statuses(warehouse, "acme").values()} == {(0, 1), (0, 0, 1)}

    # another prefix beside it: neither sees the other
    warehouse.fill("other", deliveries(random.Random(4), senders=40, loads=1))
    warehouse.complete("other", "load-0")
    warehouse.run("build", prefix="other")
    assert_same(warehouse.dump("acme"), by_parts)
    assert warehouse.execute("select count(*) from other_semantic.conversations") == [(40,)]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_loads_in_random_orders_give_what_a_full_refresh_gives(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = random.Random(seed)
    variables: dict[str, Any] = rng.choice([{}, USERS, {**USERS, "session_gap_minutes": 60}])
    warehouse = RasaWarehouse(tmp_path_factory.mktemp("loads"))
    warehouse.fill("acme", deliveries(rng, senders=400, loads=5))
    order = [f"load-{number}" for number in range(5)]
    rng.shuffle(order)
    for number, load in enumerate(order):
        warehouse.complete("acme", load)
        warehouse.run("build" if number == 0 else "run", prefix="acme", **variables)
    by_parts = warehouse.dump("acme")
    warehouse.run("run", "--full-refresh", prefix="acme", **variables)
    assert_same(by_parts, warehouse.dump("acme"))
    # nothing is pending: one more run changes nothing
    warehouse.run("run", prefix="acme", **variables)
    assert_same(warehouse.dump("acme"), by_parts)


@pytest.mark.long
def test_weeks_of_other_rules_do_not_stay(tmp_path: Path) -> None:
    """Who was a user by the old rules is none by the new ones: the weeks in which nobody came go with the cohort."""
    warehouse = RasaWarehouse(tmp_path)
    first = 1_704_189_600.0
    named = {"metadata": {"user_id": "b"}}
    said = {"event": "user", "text": "hello"}
    events: tuple[Event, ...] = (
        {"sender_id": "a", "timestamp": first, **said},
        {"sender_id": "b", "timestamp": first + 28 * 86400, **said, **named},
    )
    warehouse.fill("acme", [Delivery("load-0", events, is_tracker=False, name="said")])
    warehouse.complete("acme", "load-0")
    weeks = "select cast(event_date as varchar) from acme_kpi.daily where kpi = 'retention_rate' order by 1"
    warehouse.run("seed", prefix="acme")
    warehouse.run("run", prefix="acme")
    mondays = [f"2024-01-{day:02}" for day in (1, 8, 15, 22, 29)]
    assert sorted({week for (week,) in warehouse.execute(weeks)}) == mondays
    warehouse.run("run", prefix="acme", **USERS)
    assert warehouse.execute(weeks) == [("2024-01-29",)]
    versions = "select count(distinct code_version) from acme_ops.partition_ledger where source = 'rasa'"
    assert warehouse.execute(versions) == [(1,)]
    anew = warehouse.dump("acme")
    warehouse.run("run", "--full-refresh", prefix="acme", **USERS)
    assert warehouse.dump("acme") == anew
