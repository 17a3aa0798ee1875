"""The raw tables are those that dlt makes of the same events (rasa spec, section 2)."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as runs
from hypothesis import strategies as st
from unpack.dlt_oracle import Event, dlt_tables, platform_tables
from unpack.dlt_oracle import exact_dlt as exact_dlt
from unpack.rasa_builder import deliver, publish_all

from chat_platform.settings import load_settings
from chat_platform.unpack import naming

KEY = "a key for tests, 32 characters!!"
NOW = 1_770_000_000.5

ODD_KEYS = (
    "a", "b", "name", "Name", "userName", "user_name", "order", "select", "end", "value", "list", "a b", "a-b", "a.b",
    "a__b", "ação", "5th", "_x", "x_", "__y", 'quo"te', "it's", "sl/ash", "til~de", "+*@|", "k" * 40, "Long Key " * 9,
)  # fmt: skip
TEXTS = ("", "hello", "7", "07", "1.5", "1.50", "yes", "true", "t", "1e3", " 5", "0x1F", "nan", "2026-01-08",
         "2026-01-08T09:00:00Z", "2026-01-08 09:00:00.25+02:00", "2026-01-08T09:00", "09:00", "ação ✓", "{}", "[1]",
         "20260108", "2026-W02-4", "P1D", "2026")  # fmt: skip
plain_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-3, 3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from((0.5, 1.0, -2.25)),
    st.sampled_from(TEXTS),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00", max_codepoint=0xEFFF), max_size=8),
)
keys = st.one_of(st.sampled_from(ODD_KEYS[:6]), st.sampled_from(ODD_KEYS))


def objects(values: st.SearchStrategy[Any], size: int = 4) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(keys, values, max_size=size)


values = st.recursive(plain_scalars, lambda inner: st.one_of(objects(inner), st.lists(inner, max_size=3)), max_leaves=8)
event_sets = st.lists(objects(values, 5), min_size=1, max_size=5)


def numbered(sets: list[list[dict[str, Any]]]) -> list[Event]:
    """Sets as events: each set is a type of its own, so that one run measures many."""
    return [
        {**payload, "event": f"set{number:02d}", "timestamp": NOW + place, "sender_id": "s-1"}
        for number, payloads in enumerate(sets)
        for place, payload in enumerate(payloads)
    ]


def has_shared_table(payloads: list[dict[str, Any]]) -> bool:
    """True where lists at two different places get one table.

    All their rows are kept. dlt loses one of two such lists in one object, and where a list in a list meets a list in
    an object the order of arrival, which decides on types, is by place here.
    """
    places: dict[str, set[tuple[str, ...]]] = {}

    def walk(item: Any, names: tuple[str, ...], place: tuple[str, ...]) -> None:
        for key, value in item.items():
            inside(value, (*names, naming.path(key, 65536)), (*place, key))

    def inside(value: Any, names: tuple[str, ...], place: tuple[str, ...]) -> None:
        if isinstance(value, dict):
            walk(value, names, place)
        elif isinstance(value, list):
            places.setdefault("__".join(names), set()).add(place)
            for element in value:
                if isinstance(element, dict):
                    walk(element, names, (*place, "[]"))
                elif isinstance(element, list):
                    inside(element, (*names, "list"), (*place, "[]", "list"))

    for payload in payloads:
        walk(payload, (), ())
    return any(len(found) > 1 for found in places.values())


def check(loads: list[list[Event]], max_name: int | None = None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings({}, home=Path(folder) / "home", pseudonym_key=KEY)
        for number, events in enumerate(loads):
            deliver(settings, f"{number}.jsonl", events)
            publish_all(settings)
        expected = dlt_tables(loads, Path(folder), max_name) if loads else {}
        found = platform_tables(settings)
        assert set(found) == set(expected)
        for table, (columns, rows) in expected.items():
            assert found[table] == (columns, rows), table


def test_the_real_tracker_gives_the_tables_of_dlt(shared: Path) -> None:
    lines = (shared / "real" / "rasa" / "2888158124550630_tracker.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    # What was filled into a slot stays one value here: dlt takes lists apart.
    events = [event for event in events if not (event["event"] == "slot" and isinstance(event["value"], list))]
    assert len(events) == 649
    check([events])
    check([events[:100], events[100:400], events[400:]])


def generated(examples: int) -> int:
    """Measure generated sets in one load or two; how many were measured."""
    measured = 0

    # Without shrinking: a failing example names its table, and dlt takes a second for each try.
    @runs(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )
    @given(sets=st.lists(event_sets, min_size=12, max_size=12), cut=st.integers(0, 40))
    def measure(sets: list[list[dict[str, Any]]], cut: int) -> None:
        nonlocal measured
        fitting = [payloads for payloads in sets if not has_shared_table(payloads)]
        measured += len(fitting)
        events = numbered(fitting)
        check([part for part in (events[:cut], events[cut:]) if part])

    measure()
    return measured


def test_generated_events_give_the_tables_of_dlt(exact_dlt: None) -> None:
    assert generated(4) >= 30


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_many_generated_events_give_the_tables_of_dlt(exact_dlt: None) -> None:
    assert generated(40) >= 300
