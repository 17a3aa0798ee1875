"""What runs leave in Dagster and in the ledger, and runs of a part of the graph; on a real instance."""

import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from homes import FEED, Home, assert_same, compiled_models, each_with_each

from chat_platform.definitions import build_defs
from chat_platform.instance import open_instance
from chat_platform.publish.chat import CHAT_TABLES

FIRST, DAYS = FEED["first_date"], FEED["days"]
DATES = [FIRST + timedelta(days=days) for days in range(DAYS)]
SEMANTIC = ("bot_messages", "conversations", "interactions", "sessions", "story_actions", "user_messages")
TABLES = {
    **{f"chat/{table}": f"demo_chat.{table}" for table in CHAT_TABLES},
    **{f"semantic/{table}": f"demo_semantic.{table}" for table in SEMANTIC},
    "kpi/daily": "demo_kpi.daily",
    "kpi/message_costs": "demo_kpi.message_costs",
}

Logged = dict[str, dict[str, list[dict[str, Any]]]]


def logged_by(home: Home, run_id: str) -> Logged:
    """Materialisations of a run: asset → date (or empty) → metadata of each."""
    found: Logged = defaultdict(lambda: defaultdict(list))
    with open_instance(home.settings) as instance:
        records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION, limit=5000)
    for record in records.records:
        event = record.event_log_entry.dagster_event
        assert event is not None
        data = event.step_materialization_data.materialization
        metadata = {name: value.value for name, value in data.metadata.items()}
        found[data.asset_key.to_user_string()][data.partition or ""].append(metadata)
    return found


def last_run(home: Home) -> dg.DagsterRun:
    with open_instance(home.settings) as instance:
        return instance.get_runs(limit=1)[0]


def rows_by_date(home: Home, table: str) -> dict[str, int]:
    found = home.query(f"select event_date, count(*) from {table} group by 1")
    return {day.isoformat(): rows for day, rows in found}


def partitioned(home: Home) -> set[str]:
    graph = build_defs(home.settings).resolve_asset_graph()
    return {key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).partitions_def}


def test_a_publish_logs_each_asset_once_for_each_date(half: Home) -> None:
    run = last_run(half)
    assert run.job_name == "publish"
    assert run.status is dg.DagsterRunStatus.SUCCESS
    logged = logged_by(half, run.run_id)
    by_date = partitioned(half)
    assert by_date - {"kpi/chat_daily"} == {*TABLES, "lake/chat"}
    for asset, table in TABLES.items():
        there = rows_by_date(half, table)
        told = {day: metadata[0]["rows"] for day, metadata in logged[asset].items()}
        assert {day: rows for day, rows in told.items() if rows} == there, asset
        assert all(len(metadata) == 1 for metadata in logged[asset].values()), asset
    assert set(logged["lake/chat"]) == {day.isoformat() for day in DATES}
    assert set(logged["kpi/chat_daily"]) == set(logged["kpi/daily"]), "a view of that table"
    for asset, dates in logged.items():
        # Nothing without a date where there are dates, nothing with one where there are none.
        assert (set(dates) == {""}) is (asset not in by_date), asset
    whole = {"chat/domain_classifications", "classifier/domain_intent_model", "published/snapshot", "ops/loads"}
    assert whole | {"event/_loads", "ops/run_scope", "semantic/users", "landing/chat"} <= set(logged)


def test_the_ledger_has_a_row_for_each_asset_and_date_with_its_run(half: Home) -> None:
    ledger = half.query(
        "select asset, event_date, row_count, loads, run_id, model_version, watermark from demo_ops.partition_ledger"
    )
    expected = {
        (asset, day): rows for asset, table in TABLES.items() for day, rows in rows_by_date(half, table).items()
    }
    assert {(asset, day.isoformat()): rows for asset, day, rows, *_ in ledger if asset in TABLES} == expected
    assert {asset for asset, *_ in ledger} == {*TABLES, "semantic/users"}
    watermark = half.value("select max(event_timestamp) from demo_chat.chat_sessions")
    models = half.query("select distinct model_version from demo_chat.query_classifications")
    for _, day, _, loads, run_id, model, mark in ledger:
        assert run_id == last_run(half).run_id
        assert mark >= watermark
        if day in DATES:
            assert loads == 1
            assert (model,) in models


@pytest.fixture(scope="module")
def late(half: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dg.DagsterRun]:
    """A copy of that home after one more message without a thread, for the second date."""
    home = half.copy_to(tmp_path_factory.mktemp("late") / "home")
    message = {
        "@timestamp": datetime.combine(DATES[1], time(12), UTC).timestamp(),
        "request_body": {"messages": [{"role": "user", "content": "a late question"}]},
        "response_body": "",
    }
    home.write("late.jsonl", json.dumps(message).encode() + b"\n")
    home.publish()
    return home, last_run(home)


def test_a_late_message_touches_its_own_date_only(late: tuple[Home, dg.DagsterRun], half: Home) -> None:
    home, run = late
    day = DATES[1]
    logged = logged_by(home, run.run_id)
    for table in CHAT_TABLES:
        assert set(logged[f"chat/{table}"]) == {day.isoformat()}
    assert set(logged["lake/chat"]) == {day.isoformat()}
    # KPIs are also made anew where a period was or is open, and where those of its week and month stand.
    may_be = {day, day - timedelta(days=day.weekday()), day.replace(day=1)}
    may_be |= {open_day for (open_day,) in half.query("select event_date from demo_kpi.daily where not is_final")}
    told = set(logged["kpi/daily"])
    assert day.isoformat() in told
    assert told <= {one.isoformat() for one in may_be} < {one.isoformat() for one in [*DATES, *may_be]}
    before, after = half.dump(["kpi"])["kpi.message_costs"], home.dump(["kpi"])["kpi.message_costs"]
    assert len(after) == len(before) + 1


def test_no_model_compares_each_row_with_each(late: tuple[Home, dg.DagsterRun]) -> None:
    home, _ = late
    with duckdb.connect(str(home.root / "warehouse.duckdb"), read_only=True) as connection:
        assert each_with_each(connection, compiled_models(home.root / "dbt")) == []


def test_a_backfill_logs_each_date_with_its_own_rows(late: tuple[Home, dg.DagsterRun], tmp_path: Path) -> None:
    source, _ = late
    home = source.copy_to(tmp_path / "home")
    before = home.dump()
    earlier = dict(home.query("select event_date, max(run_id) from demo_ops.partition_ledger group by 1"))
    result = home.backfill(DATES[1], DATES[2])
    assert_same(home.dump(), before)
    finished = "select count(*) filter (kind = 'done') from demo_ops.run_scope"
    assert home.value(finished, working=True) == 1, "the whole graph was made: nothing is left to the next run"
    logged = logged_by(home, result.run_id)
    wanted = {DATES[1].isoformat(), DATES[2].isoformat()}
    by_date = partitioned(home)
    assert set(logged) >= by_date
    for asset in by_date:
        assert set(logged[asset]) == wanted, asset
        assert all(len(metadata) == 1 for metadata in logged[asset].values())
    for asset, table in TABLES.items():
        there = rows_by_date(home, table)
        for day in wanted:
            assert logged[asset][day][0].get("rows", 0) == there.get(day, 0), (asset, day)
    messages = logged["chat/chat_sessions"]
    assert len({messages[day][0]["rows"] for day in wanted}) == 2, "each date has its own number"
    for day, run_ids in _runs_in_ledger(home).items():
        assert len(run_ids) == 1
        if day in DATES[1:3]:
            assert run_ids == {result.run_id}
        elif day == DATES[0]:
            assert run_ids <= {result.run_id, earlier[day]}


def _runs_in_ledger(home: Home) -> dict[date, set[str]]:
    found: dict[date, set[str]] = defaultdict(set)
    for day, run_id in home.query("select event_date, run_id from demo_ops.partition_ledger"):
        found[day].add(run_id)
    return found


@pytest.mark.long
def test_kpis_of_one_date_alone(half: Home, tmp_path: Path) -> None:
    home = half.copy_to(tmp_path / "home")
    good = home.dump(working=True)
    day, other = DATES[2], DATES[1]
    spoil(home, f"update demo_kpi.daily set numerator = 999 where event_date in (date '{day}', date '{other}')")
    key = dg.AssetKey(["kpi", "daily"])
    with open_instance(home.settings) as instance:
        job = build_defs(home.settings).resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(
            instance=instance, asset_selection=[key], partition_key=day.isoformat(), raise_on_error=False
        )
    assert result.success
    logged = logged_by(home, result.run_id)
    assert set(logged) == {"kpi/daily"}
    assert set(logged["kpi/daily"]) == {day.isoformat()}
    modes = home.query("select distinct run_id, mode from demo_ops.run_scope", working=True)
    assert (result.run_id, "backfill") in modes
    repaired = home.dump(working=True)
    spoilt = {row for row in repaired["kpi.daily"] if row not in set(good["kpi.daily"])}
    # The other date is repaired with it only where a conversation lies on both.
    assert {row[0] for row in spoilt} <= {other}
    for table in good.keys() - {"kpi.daily", "kpi.chat_daily"}:
        assert repaired[table] == good[table], table


def spoil(home: Home, statement: str) -> None:
    import duckdb

    with duckdb.connect(str(home.root / "warehouse.duckdb.working")) as connection:
        connection.execute(statement)


@pytest.mark.parametrize("mended", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_failing_test_keeps_loads_pending_and_readers_on_the_old_snapshot(
    mended: bool, half: Home, lines: list[bytes], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    home = half.copy_to(tmp_path / "home")
    snapshot = (home.root / "warehouse.duckdb").read_bytes()
    # A load that does not add up; no run touches the counts of an earlier load but for superseded lines.
    spoil(home, "update demo_ops.loads set blank = blank + 1")
    home.write("second.jsonl", b"\n".join(lines[1::2]) + b"\n")
    said = home.command("run")
    assert said.returncode == 1
    assert "loads_conserve_lines" in said.stderr
    assert "Traceback" not in said.stderr
    run = last_run(home)
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert (home.root / "warehouse.duckdb").read_bytes() == snapshot
    pending = home.query("select load_id from demo_event._loads group by load_id having max(status) = 0", working=True)
    assert len(pending) == 1
    assert not logged_by(home, run.run_id).get("published/snapshot")
    if not mended:
        return
    spoil(home, "update demo_ops.loads set blank = blank - 1 where load_sequence = 1")
    home.publish()
    assert_same(home.dump(), request.getfixturevalue("refreshed").dump())
    states = Counter(status for (status,) in home.query("select status from demo_event._loads"))
    assert states == {0: 2, 1: 2}
