"""Every KPI of the chat source, on every date, against a calculation in plain Python from the files."""

import hashlib
import json
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from chat_reference import Cells, Message, kpis, lines_of, micros_of, read_messages
from homes import TEST_KEY, Home

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC without a zone, as in the tables


@pytest.fixture(scope="session", params=["real", "sample"])
def recounted(request: pytest.FixtureRequest) -> tuple[Home, list[Message], Cells]:
    home: Home = request.getfixturevalue(request.param)
    messages = read_messages(sorted(home.landing.glob("*.gz")), TEST_KEY)
    # A message is recognised by thread and time, so that ids are no part of the comparison.
    labels = {
        (thread, (moment - EPOCH) // timedelta(microseconds=1)): rest
        for thread, moment, *rest in home.query(
            "select thread_id, event_timestamp, domain_category, domain_confidence, intent_type, intent_confidence "
            "from demo_chat.query_classifications"
        )
    }
    for message in messages:
        if message.query is not None:
            message.label = tuple(labels.pop((message.thread, message.micros)))
    assert not labels, "each query is classified once"
    return home, messages, kpis(messages)


def found_cells(home: Home) -> Cells:
    return {
        (day.isoformat(), kpi, dimension, label): (over, under, value)
        for day, kpi, dimension, label, over, under, value in home.query(
            "select event_date, kpi, dimension, dimension_value, numerator, denominator, value "
            "from demo_kpi.daily where source = 'chat'"
        )
    }


def same_value(found: float | None, expected: float | None) -> bool:
    """Percentiles are stored with 6 digits; everything else is one division of exact numbers."""
    if found is None or expected is None:
        return found is expected
    return found == pytest.approx(expected, rel=1e-12, abs=1e-6)


def test_every_kpi_on_every_date(recounted: tuple[Home, list[Message], Cells]) -> None:
    home, _, expected = recounted
    found = found_cells(home)
    names = {key[1] for key in expected}
    assert names == {kpi for (kpi,) in home.query("select kpi from demo_kpi.definitions where source = 'chat'")}
    assert len(names) >= 45
    assert set(found) == set(expected)
    wrong = [
        (key, found[key], expected[key])
        for key in expected
        if found[key][:2] != expected[key][:2] or not same_value(found[key][2], expected[key][2])
    ]
    assert wrong == []


def test_the_calculation_has_something_to_say(recounted: tuple[Home, list[Message], Cells]) -> None:
    _, messages, expected = recounted
    some = {(kpi, dimension) for (_, kpi, dimension, _), (over, _, value) in expected.items() if over or value}
    for kpi, dimension in (
        ("cost_per_completed_task", "all"),
        ("cost_per_completed_task", "domain_category"),
        ("agent_task_completion_rate", "site"),
        ("no_response_rate", "reason"),
        ("active_users_week", "all"),
        ("active_users_month", "all"),
        ("latency_p99_ms", "all"),
        ("total_cost", "user"),
        ("total_cost", "thread"),
        ("messages_per_user_distribution", "bucket"),
        ("results_per_search", "all"),
        ("domain_abstention_rate", "all"),
    ):
        assert (kpi, dimension) in some
    assert len({message.date for message in messages}) >= 10


def test_weeks_and_months_are_not_sums_of_days(recounted: tuple[Home, list[Message], Cells]) -> None:
    home, messages, _ = recounted
    users = {message.user for message in messages if message.user}
    months = {message.date.replace(day=1) for message in messages}
    monthly = home.value("select sum(value) from demo_kpi.daily where kpi = 'active_users_month'")
    daily = home.value("select sum(value) from demo_kpi.daily where kpi = 'active_users_day'")
    assert len(users) <= monthly <= len(users) * len(months)
    assert monthly < daily


def test_a_kpi_is_final_by_the_watermark_of_the_feed(recounted: tuple[Home, list[Message], Cells]) -> None:
    home, messages, _ = recounted
    watermark = datetime.fromtimestamp(max(message.micros for message in messages) / 1e6, UTC).replace(tzinfo=None)
    last_day = watermark.date()
    for day, final in home.query("select event_date, is_final from demo_kpi.chat_daily order by 1"):
        assert final == (day < last_day)
    weekly = home.query("select event_date, is_final from demo_kpi.daily where kpi = 'threads_week' order by 1")
    for monday, final in weekly:
        assert monday.weekday() == 0
        assert final == (monday + timedelta(days=7) <= last_day)


def test_the_wide_view_is_the_long_table(recounted: tuple[Home, list[Message], Cells]) -> None:
    home, _, expected = recounted
    for day, messages, users, cost, per_task, refused, p95 in home.query(
        "select event_date, messages, known_users, total_cost, cost_per_completed_task, no_response_rate, "
        "latency_p95_ms from demo_kpi.chat_daily"
    ):
        for kpi, value in (
            ("messages", messages),
            ("active_users_day", users),
            ("total_cost", cost),
            ("cost_per_completed_task", per_task),
            ("no_response_rate", refused),
            ("latency_p95_ms", p95),
        ):
            assert same_value(value, expected[(day.isoformat(), kpi, "all", "all")][2]), (day, kpi)


def trace(home: Home, where: str) -> list[tuple[str, dict[str, Any]]]:
    """The delivered lines behind the cost rows that match `where`: ids, and messages read from landing."""
    rows = home.query(
        "select costs.interaction_id, sessions.load_id, sessions.source_file, sessions.line_number, "
        "sessions.byte_offset "
        "from demo_kpi.message_costs as costs "
        "inner join demo_chat.chat_sessions as sessions on costs.interaction_id = sessions.session_id "
        f"where {where}"
    )
    files = {
        (load_id, name): digest
        for load_id, name, digest in home.query("select load_id, source_file, sha256 from demo_ops.load_files")
    }
    found = []
    for session_id, load_id, name, line_number, offset in rows:
        path = home.root / "landing" / name
        assert files[(load_id, name)] == sha256(path)
        line = lines_of(path)[line_number - 1]
        whole = b"\n".join(lines_of(path))
        assert whole[offset : offset + len(line)] == line
        found.append((session_id, json.loads(line)))
    return found


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_from_a_kpi_to_the_lines_and_back(recounted: tuple[Home, list[Message], Cells]) -> None:
    home, messages, _ = recounted
    cells = home.query(
        "select event_date, kpi, dimension, dimension_value, numerator from demo_kpi.daily "
        "where kpi in ('total_cost', 'searches') and numerator > 0 and dimension in ('all', 'thread', 'model') "
        "and dimension_value <> 'none' order by 1, 2, 3, 4"
    )
    rnd = random.Random(11)
    chosen = [
        cell
        for kpi in ("total_cost", "searches")
        for whole in (True, False)
        if (of_kind := [cell for cell in cells if cell[1] == kpi and (cell[2] == "all") is whole])
        for cell in rnd.sample(of_kind, 4)
    ]
    by_thread_and_time = {(message.thread, message.micros): message for message in messages}
    seen: dict[str, int] = defaultdict(int)
    for day, kpi, dimension, label, numerator in chosen:
        column = {"thread": "costs.thread_id", "model": "costs.model"}.get(dimension)
        narrowed = f" and {column} = '{label}'" if column else ""
        lines = trace(home, f"costs.event_date = date '{day}'{narrowed}")
        assert len({session_id for session_id, _ in lines}) == len(lines) > 0
        total = Decimal(0)
        for _, raw in lines:
            micros = micros_of(raw["@timestamp"])
            candidates = {message.thread for message in messages if message.micros == micros}
            (message,) = (by_thread_and_time[(thread, micros)] for thread in candidates)
            assert message.raw == raw, "the line is the one that stays, not an older version"
            assert message.date == day
            total += message.cost("total_cost") if kpi == "total_cost" else len(message.searches)
            seen[kpi] += 1
        assert total == numerator
    assert seen["total_cost"] > 50
    assert seen["searches"] > 50
