"""Real loads, all the way: the counts that lie beside them were made by other code, in plain Python."""

import gzip
import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from homes import REAL_FILES, Home, assert_same

ORDERS = list(itertools.permutations((1, 2, 3)))
LINES = ("lines", "blank", "rejected", "duplicates", "accepted")


@pytest.fixture(scope="session")
def expected(shared: Path) -> dict[str, Any]:
    counts: dict[str, Any] = json.loads((shared / "real" / "chat" / "expected_counts.json").read_text())
    return counts


def deliver(home: Home, shared: Path, name: str) -> None:
    shutil.copyfile(shared / "real" / "chat" / name, home.landing / name)


def assert_counts(home: Home, expected: dict[str, Any], *, working: bool = False) -> None:
    def value(sql: str) -> Any:
        return home.value(sql, working=working)

    for table, rows in expected["tables"].items():
        assert value(f"select count(*) from demo_chat.{table}") == rows, table
    for table in expected["tables"]:
        found = home.query(f"select event_date, count(*) from demo_chat.{table} group by 1", working=working)
        by_date = {day: tables[table] for day, tables in expected["by_date"].items() if table in tables}
        assert {day.isoformat(): rows for day, rows in found} == by_date, table
    sessions = "from demo_chat.chat_sessions"
    assert value(f"select sum(typeless_steps) {sessions}") == expected["typeless_steps"]
    of_agents = f"select count(*) {sessions} where agent_steps > 0 and task_completion_reason ="
    assert value(f"{of_agents} 'agent_succeeded' and task_completed") == expected["status"]["agent_succeeded"]
    assert value(f"{of_agents} 'agent_failed' and not task_completed") == expected["status"]["agent_failed"]
    assert value(f"select count(*) {sessions} where not has_response") == expected["status"]["no_response"]
    cost = value("select sum(total_cost) from demo_chat.usage_metrics")
    assert float(cost) == pytest.approx(expected["total_cost"], abs=1e-6)
    ((lines, blank, rejected, duplicates, superseded, accepted),) = home.query(
        "select sum(lines_read), sum(blank), sum(rejected), sum(duplicates), sum(superseded), sum(accepted) "
        "from demo_ops.loads",
        working=working,
    )
    assert (lines, blank, rejected, duplicates, accepted) == tuple(expected[name] for name in LINES)
    assert superseded == 0
    assert value("select count(*) from demo_ops.superseded_messages") == 0


def test_counts_of_all_files_at_once(real: Home, expected: dict[str, Any]) -> None:
    assert_counts(real, expected)
    assert real.query("select count(*) from demo_ops.loads") == [(1,)]


def test_kpis_add_up_to_the_counts(real: Home, expected: dict[str, Any]) -> None:
    def total(kpi: str) -> float:
        return float(real.value(f"select sum(numerator) from demo_kpi.daily where kpi = '{kpi}' and dimension = 'all'"))

    assert total("messages") == expected["accepted"]
    assert total("total_cost") == pytest.approx(expected["total_cost"], abs=1e-6)
    assert total("tool_calls") == expected["tables"]["tool_usage"]
    assert total("searches") == expected["tables"]["web_searches"]
    assert total("no_response_rate") == expected["status"]["no_response"]
    assert total("agent_task_completion_rate") == expected["status"]["agent_succeeded"]
    by_date = {
        day.isoformat(): messages
        for day, messages in real.query(
            "select event_date, cast(value as int) from demo_kpi.daily where kpi = 'messages' and dimension = 'all'"
        )
    }
    assert by_date == {day: tables["chat_sessions"] for day, tables in expected["by_date"].items()}


def test_semantic_tables_hold_every_message_once(real: Home, expected: dict[str, Any]) -> None:
    assert real.value("select count(distinct interaction_id) from demo_semantic.interactions") == expected["accepted"]
    assert real.value("select count(*) from demo_semantic.interactions") == expected["accepted"]
    assert real.value("select count(*) from demo_semantic.bot_messages") == expected["tables"]["responses"]
    assert real.value("select count(*) from demo_semantic.story_actions") == expected["tables"]["tool_usage"]
    assert real.value("select count(*) from demo_kpi.message_costs") == expected["accepted"]
    assert real.value("select sum(interactions_count) from demo_semantic.sessions") == expected["accepted"]


def test_refused_lines_are_kept_with_their_place(real: Home, shared: Path, expected: dict[str, Any]) -> None:
    from chat_platform.status import refused_lines

    refused = refused_lines(real.settings, "chat")
    assert len(refused) == expected["rejected"]
    for row in refused:
        data = gzip.decompress((shared / "real" / row["source_file"].replace("chat/", "chat/", 1)).read_bytes())
        assert data[row["byte_offset"] :].startswith(row["raw_line"])
        assert data[: row["byte_offset"]].count(b"\n") + 1 == row["line_number"]


def test_a_second_run_changes_nothing(real: Home, expected: dict[str, Any], tmp_path: Path) -> None:
    home = real.copy_to(tmp_path / "again")
    before = home.dump()
    home.publish()
    assert_same(home.dump(), before)
    assert_counts(home, expected)


@pytest.mark.long
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "".join(map(str, order)))
def test_files_one_by_one_in_any_order(
    order: tuple[int, ...], real: Home, new_home: Callable[..., Home], shared: Path, expected: dict[str, Any]
) -> None:
    home = new_home()
    for number in order:
        deliver(home, shared, REAL_FILES[number - 1])
        home.publish_without_dbt()
    assert_counts(home, expected, working=True)
    assert_same(home.dump(["chat"], working=True), real.dump(["chat"]))
    assert home.value("select count(*) from demo_ops.loads", working=True) == 3


@pytest.mark.long
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "".join(map(str, order)))
def test_full_runs_in_any_order(
    order: tuple[int, ...],
    real: Home,
    new_home: Callable[..., Home],
    shared: Path,
    expected: dict[str, Any],
) -> None:
    home = new_home()
    for number in order:
        deliver(home, shared, REAL_FILES[number - 1])
        home.publish()
    assert_counts(home, expected)
    assert_same(home.dump(), real.dump())


@pytest.mark.long
def test_a_file_split_in_two_and_delivered_again(
    real: Home, new_home: Callable[..., Home], shared: Path, expected: dict[str, Any]
) -> None:
    home = new_home()
    lines = gzip.decompress((shared / "real" / "chat" / REAL_FILES[1]).read_bytes()).splitlines(keepends=True)
    home.write("second-b.jsonl", b"".join(lines[150:]))
    deliver(home, shared, REAL_FILES[2])
    home.publish_without_dbt()
    home.write("second-a.jsonl", b"".join(lines[:150]))
    deliver(home, shared, REAL_FILES[0])
    home.publish_without_dbt()
    assert_counts(home, expected, working=True)
    assert_same(home.dump(["chat"], working=True), real.dump(["chat"]))
    # The whole file once more: every good line of it is a duplicate, no table changes.
    deliver(home, shared, REAL_FILES[1])
    home.publish_without_dbt()
    assert_same(home.dump(["chat"], working=True), real.dump(["chat"]))
    ((read, blank, rejected, duplicates, accepted),) = home.query(
        "select lines_read, blank, rejected, duplicates, accepted from demo_ops.loads "
        "order by load_sequence desc limit 1",
        working=True,
    )
    assert (read, accepted) == (len(lines), 0)
    assert duplicates == read - blank - rejected


@pytest.mark.long
def test_postgres_holds_the_same_values(
    real: Home, new_home: Callable[..., Home], postgres: str, shared: Path, expected: dict[str, Any]
) -> None:
    home = new_home("postgres", warehouse=postgres)
    deliver(home, shared, REAL_FILES[2])
    home.publish()
    deliver(home, shared, REAL_FILES[1])
    deliver(home, shared, REAL_FILES[0])
    home.publish()
    assert_counts(home, expected)
    assert_same(home.dump(), real.dump())
    before = home.dump()
    home.publish()
    assert_same(home.dump(), before)
