"""The same of Rasa events and of phone calls: killed at any place, then run again, as if never killed."""

import json
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from homes import Dump, Home, Homes, assert_same
from kill_points import (
    SOURCE_BACKFILL_POINTS,
    SOURCE_POINTS,
    Point,
    assert_nothing_runs_on,
    killed_loading,
    killed_run,
)
from loading import fill_tables

from chat_platform.instance import open_instance
from chat_platform.sample.rasa import generate_rasa
from chat_platform.sample.voice import generate_voice
from chat_platform.settings import Settings
from chat_platform.warehouse.connection import open_warehouse

FIRST, DAYS = date(2026, 3, 29), 4
DATES = ("--from", FIRST.isoformat(), "--to", (FIRST + timedelta(days=1)).isoformat())
ROWS = {"rasa": "event.event", "voice": "voice.events"}
LOGGED = {
    "rasa": ("lake/rasa", "event/event", "semantic/sessions", "kpi/daily"),
    "voice": ("lake/voice", "voice/calls", "voice/turns", "semantic/sessions", "kpi/daily"),
}
# Deleted, added or changed, so that it shows which of the tables a backfill has made anew.
SPOILT = {
    "rasa": ("update demo_semantic.sessions set interactions_count = 999", "delete from demo_kpi.daily"),
    "voice": ("update demo_voice.calls set outcome = 'wrong'", "delete from demo_kpi.daily"),
}


def everything(home: Home, *, working: bool = False) -> Dump:
    """All tables but the one that says when loads came."""
    found = home.dump(("event", "voice", "semantic", "kpi"), working=working)
    del found["event._loads"]
    return found


def deliver(root: Path, source: str, rest: int) -> None:
    """Every second file of a feed; with the second half a type of event, and keys, that the first has not."""
    folder = root / "landing" / source
    if source == "rasa":
        generate_rasa(folder, events=500, seed=3, first_date=FIRST, days=DAYS, defect_rate=0.05)
    else:
        generate_voice(folder, events=400, seed=3, first_date=FIRST, days=DAYS, defect_rate=0.1)
    files = sorted(folder.iterdir())
    assert len(files) >= DAYS
    for path in files[1 - rest :: 2]:
        path.unlink()
    if source == "rasa" and rest:
        event = {"event": "odd", "timestamp": 1774800000.5, "sender_id": "odd", "marks": [{"mark": 1}, {"mark": 2}]}
        user = {**event, "event": "user", "text": "hi", "metadata": {"shade": 1, "tone": {"a": True, "b": ["x"]}}}
        (folder / "odd.jsonl").write_text(f"{json.dumps(event)}\n{json.dumps(user)}\n")


@pytest.fixture(scope="module")
def finished(homes: Homes, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int], Home]:
    """Homes of a source with the first half of its feed published, or both halves one after another."""
    made: dict[tuple[str, int], Home] = {}

    def make(source: str, halves: int) -> Home:
        if (source, halves) not in made:
            root = tmp_path_factory.mktemp(source) / "home"

            def fill(home: Home) -> None:
                for rest in range(halves):
                    deliver(home.root, source, rest)
                    home.publish()

            made[source, halves] = homes.finished(f"{source}-{halves}", root, fill, source)
        return made[source, halves]

    return make


def cases(points: dict[str, tuple[Point, ...]]) -> pytest.MarkDecorator:
    """A case for each place of each source."""
    found = [pytest.param(source, point, id=f"{source}-{point.name}") for source in points for point in points[source]]
    return pytest.mark.parametrize(("source", "point"), found)


def assert_as_never_killed(home: Home, source: str, expected: Home) -> None:
    assert_same(everything(home), everything(expected))
    loads = home.query("select load_id, sum(status), count(*) from demo_event._loads group by 1")
    assert [row[1:] for row in loads] == [(1, 2), (1, 2)], "one row of status 0, one of status 1"
    ((read, rest, accepted),) = home.query(
        "select sum(lines_read), sum(blank + rejected + duplicates + superseded + accepted), sum(accepted) "
        "from demo_ops.loads"
    )
    assert read == rest
    assert accepted == home.value(f"select count(*) from demo_{ROWS[source]}")
    assert not list((home.root / "lake" / "_loads").glob("*.tmp"))
    assert_all_is_finished(home)


def assert_all_is_finished(home: Home) -> None:
    assert home.value("select count(*) filter (kind = 'done') from demo_ops.run_scope", working=True) == 1
    assert_same(everything(home, working=True), everything(home))


def assert_logged_since(home: Home, source: str, moment: float) -> None:
    """Every asset with dates has been logged, since that moment, on every date of the second half."""
    load = home.query("select load_id from demo_ops.loads order by load_sequence")[-1][0]
    column = "_dlt_load_id" if source == "rasa" else "load_id"
    days = home.query(f"select distinct event_date from demo_{ROWS[source]} where {column} = '{load}'")
    touched = {str(day) for (day,) in days}
    assert len(touched) > 1
    with open_instance(home.settings) as instance:
        for asset in LOGGED[source]:
            wanted = dg.AssetRecordsFilter(dg.AssetKey(asset.split("/")), after_timestamp=moment)
            logged = {record.partition_key for record in instance.fetch_materializations(wanted, limit=500).records}
            assert logged >= touched, f"{asset}: {sorted(touched - logged)} were never logged"


def tables_of(settings: Settings) -> dict[str, list[str]]:
    """All rows of the tables that a source fills itself, and the status of its loads."""
    with open_warehouse(settings) as warehouse:
        names = warehouse.execute(
            "select table_schema || '.' || table_name from information_schema.tables "
            "where table_schema in ('demo_event', 'demo_voice') and table_name <> '_loads'"
        ).fetchall()
        selects = {name: f"select * from {name}" for (name,) in names}
        selects["loads"] = "select load_id, status from demo_event._loads"
        selects["counts"] = "select load_id, duplicates, superseded, accepted from demo_ops.loads"
        return {name: sorted(map(repr, warehouse.execute(each).fetchall())) for name, each in selects.items()}


@pytest.mark.long
@cases(
    {
        source: tuple(point for point in points if point.step in ("ingest", "unpack", "publish transaction"))
        for source, points in SOURCE_POINTS.items()
    }
)
def test_killed_on_the_way_to_the_tables(
    source: str, point: Point, make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    """Without dbt, so that the first load is pending too and is taken again."""
    killed, whole = (make_settings(home=name) for name in ("killed", "whole"))
    for rest in range(2):
        for settings in (killed, whole):
            deliver(settings.home, source, rest)
            if rest and settings is killed:
                killed_loading(killed, source, point)
            fill_tables(source, settings)
    found, expected = tables_of(killed), tables_of(whole)
    assert found == expected
    assert len(expected["loads"]) == 2
    assert all(rows for name, rows in expected.items() if name == f"demo_{ROWS[source]}")


@pytest.mark.long
@pytest.mark.timeout(900)
@cases(SOURCE_POINTS)
def test_a_killed_publish(source: str, point: Point, finished: Callable[[str, int], Home], tmp_path: Path) -> None:
    half, whole = finished(source, 1), finished(source, 2)
    home = half.copy_to(tmp_path / "home")
    deliver(home.root, source, 1)
    began = time.time()
    _, said = killed_run(home, point)
    assert_nothing_runs_on(home)
    assert "Traceback" not in said
    # Readers see the publish before, or this one: nothing in between.
    assert_same(everything(home), everything(whole if point.reader == "new" else half))
    home.publish()
    assert_as_never_killed(home, source, whole)
    assert_logged_since(home, source, began)


@pytest.mark.long
@pytest.mark.timeout(900)
@cases(SOURCE_BACKFILL_POINTS)
def test_a_killed_backfill(source: str, point: Point, finished: Callable[[str, int], Home], tmp_path: Path) -> None:
    whole = finished(source, 2)
    home = whole.copy_to(tmp_path / "home")
    with duckdb.connect(str(home.root / "warehouse.duckdb.working")) as connection:
        for statement in SPOILT[source]:
            connection.execute(f"{statement} where event_date = date '{FIRST}'")
    killed_run(home, point, *DATES)
    assert_nothing_runs_on(home)
    assert_same(everything(home), everything(whole))
    begun = home.value("select count(*) filter (kind = 'done') = 0 from demo_ops.run_scope", working=True)
    is_after = point.step == "snapshot" or point.what == "after the scope is finished"
    assert begun is not (is_after or ("transaction" in point.step and point.what != "after the commit"))
    # No load is pending. What the backfill has begun is finished all the same, before readers see any of it.
    home.publish()
    if not begun and not is_after:
        home.backfill(FIRST, FIRST + timedelta(days=1))
    assert_same(everything(home), everything(whole))
    assert_all_is_finished(home)
