"""Loads of the voice source: any split, order and repetition of the same lines gives the same tables (invariants 1
to 4).
"""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from homes import assert_same
from hypothesis import HealthCheck, example, given
from hypothesis import settings as runs
from hypothesis import strategies as st
from voice.voice_builder import (
    FIRST_DATE,
    PHONE,
    changed,
    conserved,
    deliver,
    dump,
    event,
    finish,
    line,
    load,
    query,
    take,
    value,
    without,
)

from chat_platform.errors import WarehouseError
from chat_platform.lake.ingest import ingest
from chat_platform.publish import voice as publishing
from chat_platform.publish.voice import backfill, open_scope, publish
from chat_platform.settings import Settings, load_settings

START, AGENT, CUSTOMER = "CustomerInitiatedCall", "AgentTalkedCustomer", "CustomerTalkedAgent"
SOLVED, ENDED, API, TRANSFER = "AgentSolvedRequest", "CustomerCallEnded", "AgentCalledAPI", "AgentTransferedCustomer"
DAY = 86400


def _lines() -> list[bytes]:
    """Events of a few calls with everything that makes an order matter: repeats, rivals, shared ids, midnights."""
    shared = event(CUSTOMER, 1, 9)["id"]
    items: list[Any] = [
        event(START, 1, 5),
        changed(event(AGENT, 1, 6), "context.agent.dialogType", "REJ"),
        event(CUSTOMER, 1, 9),
        event(API, 1, 10, id=shared),
        event(TRANSFER, 1, 12),
        changed(event(ENDED, 1, 15), "context.customer.reason", TRANSFER),
        # A call over midnight, whose start comes from a clock of its own and twice.
        event(START, 2, 15 * 3600 - 10),
        event(START, 2, 15 * 3600 - 30),
        changed(event(AGENT, 2, 15 * 3600 + 30), "context.agent.scriptPoint", "7"),
        changed(event(SOLVED, 2, 15 * 3600 + 60), "context.customer.identifiers", []),
        event(ENDED, 2, 15 * 3600 + 90),
        # The same id in other calls, on other days.
        event(API, 3, DAY, id=shared),
        event("AgentBargedIn", 3, 2 * DAY, id=shared),
        event("CustomerAnsweredSurvey", 1, 3 * DAY),
        event(ENDED, 4, 40),
        # Rivals: one key, several contents; and one key twice in another spelling.
        *(changed(event(AGENT, 5, 20), "context.agent.text", text) for text in ("a", "b", "c")),
        event(AGENT, 5, 30),
        dict(reversed(list(event(AGENT, 5, 30).items()))),
        changed(event(SOLVED, 5, 40), "context.customer.identifiers", [{"key": "phone", "value": f"+55{PHONE}"}]),
        event(SOLVED, 5, 40),
        changed(event(START, 5, 10), "context.customer.listenedDataUsage", True),
        # The same said in another way, of which there is a warning or another text.
        event(AGENT, 5, 30, version="1"),
        event("AgentTransferredCustomer", 1, 12, id=event(TRANSFER, 1, 12)["id"], context=event(TRANSFER)["context"]),
        dict(reversed(list(event("AgentBargedIn", 3, 2 * DAY, id=shared).items()))),
    ]
    refused = [b"{", without(event(AGENT, 1, 70), "when"), b"", event(AGENT, 1, 71, version="x")]
    return [line(item) for item in items + refused]


LINES = _lines()
ORDERS = st.lists(st.sampled_from(range(len(LINES))), max_size=12).flatmap(
    lambda repeated: st.permutations([*range(len(LINES)), *repeated])
)


@st.composite
def _deliveries(draw: st.DrawFn) -> list[list[int]]:
    """The lines, some of them repeatedly, in any order, cut into one to four loads."""
    order = list(draw(ORDERS))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=3)))
    return [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True) if start < end]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Any:
    settings = _home(tmp_path_factory.mktemp("expected"))
    load(settings, "all.jsonl", LINES)
    conserved(settings)
    assert value(settings, "select count(*) from voice.warnings where warning = 'id_collision'") == 3
    # Two of the three rivals lose; two spellings of a phone, a type, a version or the order of keys are one content.
    assert query(settings, "select superseded, duplicates from ops.loads") == [(2, 5)]
    return dump(settings)


def _home(root: Path, **overrides: Any) -> Settings:
    key = "a key for tests, 32 characters!!"
    return load_settings({}, home=root, pseudonym_key=key, first_date=FIRST_DATE, **overrides)


def _check(root: Path, expected: Any, deliveries: list[list[int]], killed: set[int], again: bool) -> None:
    settings = _home(root)
    for number, places in enumerate(deliveries):
        take(settings, f"{number}.jsonl", [LINES[place] for place in places])
        publish(settings, f"run-{number}")
        # A run that was killed before dbt had ended leaves its load pending: the next one takes it again.
        if number not in killed or number == len(deliveries) - 1:
            finish(settings)
        conserved(settings)
    assert_same(dump(settings), expected)
    lines_read, accepted = query(settings, "select sum(lines_read), sum(accepted) from ops.loads")[0]
    assert lines_read == sum(map(len, deliveries))
    assert accepted == len(expected["events"])
    if sum(map(len, deliveries)) == len(LINES):
        assert query(settings, "select sum(superseded), sum(duplicates) from ops.loads") == [(2, 5)]
    if again:
        days = query(settings, "select distinct event_date from voice.events order by event_date")
        for (day,) in days[::-2]:
            backfill(settings, [day], "backfill")
        assert_same(dump(settings), expected)
        conserved(settings)


@pytest.mark.parametrize(
    "examples",
    [pytest.param(3, id="few"), pytest.param(300, id="many", marks=[pytest.mark.long, pytest.mark.timeout(7200)])],
)
def test_any_split_order_and_repetition_gives_the_same_tables(
    examples: int, expected: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    @runs(
        max_examples=examples, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(_deliveries(), st.sets(st.integers(0, 3)), st.booleans())
    @example([[*range(len(LINES))][start::6] for start in range(6)][::-1], {1, 2}, True)
    def check(deliveries: list[list[int]], killed: set[int], again: bool) -> None:
        _check(tmp_path_factory.mktemp("home"), expected, deliveries, killed, again)

    check()


def test_postgres_holds_the_same(postgres: str, tmp_path: Path, expected: Any) -> None:
    settings = _home(tmp_path, warehouse=postgres)
    half = len(LINES) // 2
    for name, lines in (("a", LINES[half:]), ("b", LINES[:half]), ("c", LINES[::3])):
        load(settings, f"{name}.jsonl", lines, finished=name != "a")
        conserved(settings)
    assert_same(dump(settings), expected)
    backfill(settings, [day for (day,) in query(settings, "select distinct event_date from voice.calls")], "again")
    assert_same(dump(settings), expected)
    conserved(settings)


def test_a_run_that_breaks_leaves_all_or_nothing(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, expected: Any
) -> None:
    settings = make_settings(first_date=FIRST_DATE)
    load(settings, "a.jsonl", LINES[::2])
    before = dump(settings)
    take(settings, "b.jsonl", LINES[1::2])

    def broken(*_: Any, **__: Any) -> None:
        raise OSError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "record_verdicts", broken)
        with pytest.raises(WarehouseError):
            publish(settings, "broken")
    assert dump(settings) == before
    publish(settings, "whole")
    assert_same(dump(settings), expected)


def test_a_line_that_is_lost_on_the_way_to_its_table_is_not_accepted(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(first_date=FIRST_DATE)
    load_sql = publishing.load_sql

    def losing(package: str, name: str, **values: str) -> str:
        return load_sql(package, name, **values) + (
            " where event_type <> 'AgentCalledAPI'" if name == "voice/fresh" else ""
        )

    monkeypatch.setattr(publishing, "load_sql", losing)
    load(settings, "a.jsonl", [event(START, 1, 5), event(API, 1, 10), event(ENDED, 1, 15)])
    assert query(settings, "select lines_read, accepted from ops.loads") == [(3, 2)]


def _scope(settings: Settings) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for kind, name in query(settings, "select kind, value from ops.run_scope where source = 'voice'"):
        found.setdefault(kind, set()).add(name)
    return found


def test_the_scope_names_touched_calls_and_all_their_dates(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(first_date=FIRST_DATE)
    load(settings, "a.jsonl", [event(START, 1), event(AGENT, 1, 2 * DAY), event(START, 2, DAY)])
    load(settings, "b.jsonl", [event(ENDED, 1, 3 * DAY), event(START, 2, DAY)], finished=False)
    call = event(START, 1)["correlationId"]
    found = _scope(settings)
    assert found["call"] == {call}
    assert found["date"] == {"2018-06-13", "2018-06-15", "2018-06-16"}
    assert len(found["load"]) == 1
    assert set(found) == {"call", "date", "load"}
    # The run was not finished: what the next one touches is joined with it.
    load(settings, "c.jsonl", [event(START, 3, 5 * DAY)])
    assert len(_scope(settings)["call"]) == 2
    assert "2018-06-15" in _scope(settings)["date"]


def test_a_backfill_takes_the_calls_of_its_dates_and_leaves_loads_alone(
    make_settings: Callable[..., Settings],
) -> None:
    settings = make_settings(first_date=FIRST_DATE)
    load(settings, "a.jsonl", [event(START, 1), event(AGENT, 1, 2 * DAY), event(START, 2, DAY)])
    query(settings, "update voice.turns set text = 'spoilt'")
    statuses = "select count(*) from ops.loads"
    before = value(settings, statuses)
    done = backfill(settings, [date(2018, 6, 13)], "again")
    assert done.calls == 1
    assert query(settings, "select distinct text from voice.turns") == [("Olá",)]
    assert value(settings, statuses) == before
    assert _scope(settings)["date"] == {"2018-06-13", "2018-06-15"}
    finish(settings)
    open_scope(settings, [date(2018, 6, 14), date(2018, 6, 20)], "models")
    assert _scope(settings) == {"call": {event(START, 2)["correlationId"]}, "date": {"2018-06-14", "2018-06-20"}}
    # A date on which nothing stands is made anew from nothing.
    assert backfill(settings, [date(2018, 7, 1)], "nothing").calls == 0


def test_a_load_of_refused_lines_only_is_published(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(first_date=FIRST_DATE)
    done = load(settings, "a.jsonl", [b"{", b"no"])
    assert (done.calls, done.dates) == (0, ())
    conserved(settings)
    load(settings, "b.jsonl", [event()])
    load(settings, "c.jsonl", [b"{", b"nothing"])
    conserved(settings)
    assert publish(settings, "again") is None


def test_an_array_of_events_is_as_good_as_lines(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(first_date=FIRST_DATE)
    items = [event(START, 1), event(AGENT, 1, 1), event(AGENT, 1, 1)]
    deliver(settings, "array.json", json.dumps(items).encode())
    ingest(settings, "voice")
    publish(settings, "run")
    conserved(settings)
    assert query(settings, "select duplicates, accepted from ops.loads") == [(1, 2)]
