"""Every KPI of the chat source, on every date, against a calculation in plain Python from the files."""

import copy
import hashlib
import json
import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from chat_reference import Cells, Classified, Message, kpis, lines_of, read_message, read_messages
from homes import TEST_KEY, Home

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC without a zone, as in the tables


@pytest.fixture(scope="session", params=[pytest.param("real", marks=pytest.mark.long), "sample"])
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


@cache
def delivered(path: Path) -> tuple[dict[int, tuple[int, bytes]], str]:
    """Lines of a delivered file by byte offset, each with its number; and the sha256 of the file's bytes."""
    found, offset = {}, 0
    for number, line in enumerate(lines_of(path), 1):
        found[offset] = (number, line)
        offset += len(line) + 1
    return found, hashlib.sha256(path.read_bytes()).hexdigest()


def trace(home: Home, where: str) -> list[tuple[bytes, Classified | None]]:
    """The delivered lines of the messages that match `where`, each with what the classifier said of it."""
    files = {
        (load_id, name): digest
        for load_id, name, digest in home.query("select load_id, source_file, sha256 from demo_ops.load_files")
    }
    found = []
    for load_id, name, line_number, offset, *label in home.query(
        "select s.load_id, s.source_file, s.line_number, s.byte_offset, q.domain_category, q.domain_confidence, "
        "q.intent_type, q.intent_confidence "
        "from demo_kpi.message_costs as m "
        "inner join demo_chat.chat_sessions as s on m.interaction_id = s.session_id "
        f"left join demo_chat.query_classifications as q on s.session_id = q.session_id where {where}"
    ):
        lines, digest = delivered(home.root / "landing" / name)
        assert files[load_id, name] == digest
        number, line = lines[offset]
        assert number == line_number
        found.append((line, tuple(label) if label[0] is not None else None))
    return found


# Cells of these dimensions are about some of the messages of a date; all others are about every one of them.
NARROWED = {
    "thread": "m.thread_id", "user": "m.user_id", "model": "m.model", "domain_category": "m.domain_category",
    "intent_type": "m.intent_type", "site": "m.site",
}  # fmt: skip
MIXES = {"domain_mix", "intent_mix"}


def behind(day: date, kpi: str, dimension: str, label: str) -> str:
    """Which messages a cell is made of."""
    last = day
    if kpi.endswith("_week"):
        last = day + timedelta(days=6)
    elif kpi.endswith("_month"):
        last = (day + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    where = f"m.event_date between date '{day}' and date '{last}'"
    if dimension in NARROWED and kpi not in MIXES:
        column = NARROWED[dimension]
        where += f" and {column} is null" if label == "none" else f" and {column} = '{label}'"
    return where


@pytest.mark.parametrize("each", [1, pytest.param(8, marks=pytest.mark.long)])
def test_from_a_cell_to_its_lines_and_back(each: int, recounted: tuple[Home, list[Message], Cells]) -> None:
    """Some cells of every KPI and dimension: the lines found, and nothing else, give the same number again."""
    home, messages, _ = recounted
    of_kind: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for cell, numbers in sorted(found_cells(home).items()):
        of_kind[cell[1], cell[2]].append((cell, numbers))
    rnd = random.Random(11)
    kept = {json.dumps(message.raw, sort_keys=True) for message in messages}
    read = cache(lambda line: read_message(line, TEST_KEY))
    tried = lines = 0
    for cells in of_kind.values():
        for cell, numbers in rnd.sample(cells, min(each, len(cells))):
            traced = trace(home, behind(date.fromisoformat(cell[0]), *cell[1:]))
            assert len({line for line, _ in traced}) == len(traced)
            again = []
            for line, label in traced:
                message = copy.copy(read(line))
                assert message is not None
                assert json.dumps(message.raw, sort_keys=True) in kept, "an older version, or none that counts"
                message.label = label
                again.append(message)
            counted = kpis(again)[cell]
            assert counted[:2] == numbers[:2], cell
            assert same_value(numbers[2], counted[2]), cell
            tried, lines = tried + 1, lines + len(traced)
    assert tried >= each * 60
    assert lines > 10 * tried
