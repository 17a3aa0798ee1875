"""Killed at any place, then run again: the same tables as if never killed, no process left behind, no hang."""

import random
import time
from datetime import timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from homes import FEED, Home, assert_same
from kill_points import BACKFILL_POINTS, PUBLISH_POINTS, Point, assert_nothing_runs_on, killed_run

from chat_platform.instance import open_instance
from chat_platform.lake.manifest import read_manifests

FIRST, DAYS = FEED["first_date"], FEED["days"]
DATES = ("--from", FIRST.isoformat(), "--to", (FIRST + timedelta(days=1)).isoformat())

# One in each of the stages that take time, for the short run of the tests.
STAGES = (
    "ingest: while parts are written",
    "publish transaction: before the commit",
    "build: dbt alone, before that is committed",
)


def assert_as_never_killed(home: Home, expected: Home) -> None:
    assert_same(home.dump(), expected.dump())
    loads = home.query("select load_id, sum(status), count(*) from demo_event._loads group by 1")
    assert len(loads) == 2
    assert all(row[1:] == (1, 2) for row in loads), "one row of status 0, one of status 1"
    ((read, rest, accepted),) = home.query(
        "select sum(lines_read), sum(blank + rejected + duplicates + superseded + accepted), sum(accepted) "
        "from demo_ops.loads"
    )
    assert read == rest
    assert accepted == home.value("select count(*) from demo_chat.chat_sessions")
    assert not list((home.root / "lake" / "_loads").glob("*.tmp"))
    assert_all_is_finished(home)


def assert_all_is_finished(home: Home) -> None:
    """No scope is open, and readers have what the working file has."""
    assert home.value("select count(*) filter (kind = 'done') from demo_ops.run_scope", working=True) == 1
    assert home.dump(working=True) == home.dump()


def assert_logged_since(home: Home, moment: float) -> None:
    """Every asset with dates has been logged, since that moment, on every date that the second file touches."""
    touched = {day.isoformat() for day in (FIRST + timedelta(days=days) for days in range(DAYS))}
    assets = [
        "lake/chat",
        "chat/chat_sessions",
        "chat/responses",
        "semantic/sessions",
        "kpi/daily",
        "kpi/message_costs",
    ]
    with open_instance(home.settings) as instance:
        for asset in assets:
            wanted = dg.AssetRecordsFilter(dg.AssetKey(asset.split("/")), after_timestamp=moment)
            logged = {record.partition_key for record in instance.fetch_materializations(wanted, limit=500).records}
            assert logged >= touched, f"{asset}: {sorted(touched - logged)} were never logged"


@pytest.fixture
def delivered(half: Home, lines: list[bytes], tmp_path: Path) -> Home:
    """Half of the feed is published, the other half has just been delivered."""
    home = half.copy_to(tmp_path / "home")
    home.write("second.jsonl", b"\n".join(lines[1::2]) + b"\n")
    return home


@pytest.mark.long
@pytest.mark.timeout(200)
@pytest.mark.parametrize("point", PUBLISH_POINTS, ids=lambda point: point.name)
def test_a_killed_publish(point: Point, delivered: Home, half: Home, refreshed: Home) -> None:
    began = time.time()
    _, said = killed_run(delivered, point)
    assert_nothing_runs_on(delivered)
    assert "Traceback" not in said
    # Readers see the publish before, or this one: nothing in between.
    assert_same(delivered.dump(), (refreshed if point.reader == "new" else half).dump())
    delivered.publish()
    assert_as_never_killed(delivered, refreshed)
    assert_logged_since(delivered, began)


@pytest.mark.long
@pytest.mark.timeout(200)
@pytest.mark.parametrize("point", BACKFILL_POINTS, ids=lambda point: point.name)
def test_a_killed_backfill(point: Point, refreshed: Home, tmp_path: Path) -> None:
    home = refreshed.copy_to(tmp_path / "home")
    # Something to mend, so that it shows which of the tables the backfill has made anew.
    with duckdb.connect(str(home.root / "warehouse.duckdb.working")) as connection:
        connection.execute(f"update demo_chat.responses set model = 'wrong' where event_date = date '{FIRST}'")
        connection.execute(f"update demo_kpi.daily set numerator = 999 where event_date = date '{FIRST}'")
    killed_run(home, point, *DATES)
    assert_nothing_runs_on(home)
    assert_same(home.dump(), refreshed.dump())
    begun = home.value("select count(*) filter (kind = 'done') = 0 from demo_ops.run_scope", working=True)
    assert begun is (point.step in ("build", "events") or point.what == "after the commit") & (
        point.what != "after the scope is finished"
    )
    # No load is pending. What the backfill has begun is finished all the same, before readers see any of it.
    home.publish()
    if "before" in point.what and "transaction" in point.step:
        home.backfill(FIRST, FIRST + timedelta(days=1))
    assert_same(home.dump(), refreshed.dump())
    assert_all_is_finished(home)


@pytest.mark.long
@pytest.mark.timeout(250)
def test_killed_in_every_stage_one_after_another(delivered: Home, half: Home, refreshed: Home) -> None:
    for name in STAGES:
        killed_run(delivered, next(point for point in PUBLISH_POINTS if point.name == name))
        assert_nothing_runs_on(delivered)
    assert_same(delivered.dump(), half.dump())
    delivered.publish()
    assert_as_never_killed(delivered, refreshed)


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", range(3))
def test_killed_again_and_again(seed: int, delivered: Home, refreshed: Home) -> None:
    rnd = random.Random(seed)
    # In the order of a run: what one left behind is what the next one meets.
    for place in sorted(rnd.sample(range(len(PUBLISH_POINTS) - 8), 4)):
        if not (PUBLISH_POINTS[place].step == "ingest" and read_manifests(delivered.settings.lake)[1:]):
            killed_run(delivered, PUBLISH_POINTS[place])
            assert_nothing_runs_on(delivered)
    delivered.publish()
    assert_as_never_killed(delivered, refreshed)


@pytest.mark.long
def test_a_backfill_after_an_interrupted_publish(delivered: Home, refreshed: Home) -> None:
    delivered.interrupted_publish()
    delivered.backfill(FIRST, FIRST + timedelta(days=2))
    delivered.publish()
    assert_as_never_killed(delivered, refreshed)
