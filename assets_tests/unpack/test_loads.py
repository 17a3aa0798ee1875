"""Loads of the raw tables: pending, repeated, interrupted, in any order, two prefixes (rasa spec, section 3)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orders import orders_of
from unpack.rasa_builder import deliver, finish, publish_all, rows, take

from chat_platform.errors import WarehouseError
from chat_platform.publish.rasa import publish
from chat_platform.settings import Settings
from chat_platform.unpack.tables import Unpacker
from chat_platform.warehouse.connection import open_warehouse

DAY = 1_770_000_000.0
Event = dict[str, Any]
# What depends on how the events were cut into loads and files.
CUT = {
    "_dlt_id",
    "_dlt_load_id",
    "_dlt_parent_id",
    "_dlt_root_id",
    "delivery",
    "source_file",
    "line_number",
    "position",
}


def event(kind: str, seconds: float = 0, sender: str = "s-1", **payload: Any) -> Event:
    return {"event": kind, "timestamp": DAY + seconds, "sender_id": sender, **payload}


EVENTS = [
    event("user", 1, text="hi", parse_data={"intent": {"name": "greet", "confidence": 0.5}, "entities": []}),
    event("user", 2, text="there", parse_data={"intent": {"name": "greet"}, "entities": [{"entity": "e", "value": 5}]}),
    event("slot", 86400 * 2, name="a", value=True),
    event("slot", 3, "s-2", name="a", value="text"),
    event("bot", 4, "s-2", text="hello", data={"buttons": [{"title": "yes"}, {"title": "no"}]}),
    event("odd", 5, "s-3", k=["x", None]),
]


def state(settings: Settings, *, lineage: bool = True) -> dict[str, list[str]]:
    """All rows of all raw tables as text, sorted; a value stands under its name without its type's variant."""
    with open_warehouse(settings) as warehouse:
        schema = settings.schema_name("event")
        names = warehouse.execute(
            "select table_name from information_schema.tables where table_schema = $1 and table_name like 'event%'",
            [schema],
        ).fetchall()
    found = {}
    for (table,) in names:
        kept = []
        for row in rows(settings, table):
            values = {
                name.split("__v_")[0]: str(value).lower()
                for name, value in row.items()
                if value is not None and (lineage or name not in CUT)
            }
            kept.append(repr(sorted(values.items(), key=lambda item: item[0])))
        found[table] = sorted(kept)
    return {table: kept for table, kept in found.items() if kept}


def statuses(settings: Settings) -> list[tuple[str, int]]:
    with open_warehouse(settings) as warehouse:
        return warehouse.execute(
            f"select schema_name, status from {warehouse.name('event._loads')} order by all"
        ).fetchall()


def scope(settings: Settings, kind: str) -> set[str]:
    with open_warehouse(settings) as warehouse:
        return {
            value
            for (value,) in warehouse.execute(
                f"select value from {warehouse.name('ops.run_scope')} where source = 'rasa' and kind = $1", [kind]
            ).fetchall()
        }


@pytest.mark.parametrize("order", orders_of(3))
def test_any_split_and_order_of_loads_gives_the_same_rows(
    make_settings: Callable[..., Settings], order: tuple[int, ...]
) -> None:
    whole = make_settings("whole")
    deliver(whole, "all.jsonl", EVENTS)
    publish_all(whole)
    expected = state(whole, lineage=False)
    assert sum(map(len, expected.values())) == 6 + 6 + 1 + 2 + 2
    split = make_settings("split")
    parts = [EVENTS[:1] + EVENTS[4:5], EVENTS[1:3], [*EVENTS[3:4], *EVENTS[5:]]]
    for place, number in enumerate(order):
        deliver(split, f"{number}.jsonl", parts[number])
        publish_all(split, f"run-{place}")
        if place != 1:
            finish(split)
    assert state(split, lineage=False) == expected


def test_a_load_is_pending_until_it_has_status_1(settings: Settings) -> None:
    take(settings, "a.jsonl", EVENTS[:3])
    first = publish(settings, "run-1")
    assert first is not None
    assert statuses(settings) == [("rasa", 0)]
    before = state(settings)
    # The run failed behind the raw tables: the next one takes the load again and ends in the same state.
    second = publish(settings, "run-2")
    assert second is not None
    assert (second.load_ids, second.rows) == (first.load_ids, first.rows)
    assert state(settings) == before
    assert statuses(settings) == [("rasa", 0)]
    finish(settings)
    assert statuses(settings) == [("rasa", 0), ("rasa", 1)]
    assert publish(settings, "run-3") is None
    assert state(settings) == before


def test_a_pending_load_is_joined_by_the_next(settings: Settings) -> None:
    take(settings, "a.jsonl", EVENTS[:3])
    publish(settings, "run-1")
    take(settings, "b.jsonl", EVENTS[3:])
    both = publish(settings, "run-2")
    assert both is not None
    assert len(both.load_ids) == 2
    assert len(rows(settings, "event")) == len(EVENTS)
    assert scope(settings, "load") == set(both.load_ids)
    assert scope(settings, "conversation") == {"s-1", "s-2", "s-3"}


def test_the_scope_names_senders_and_all_their_dates(settings: Settings) -> None:
    deliver(settings, "a.jsonl", EVENTS)
    publish_all(settings)
    assert scope(settings, "date") == {"2026-02-02", "2026-02-04"}
    finish(settings)
    deliver(settings, "b.jsonl", [event("user", 86400 * 3, "s-1"), event("user", 86400 * 9, "s-4")])
    done = publish_all(settings, "run-2")
    assert done is not None
    assert scope(settings, "conversation") == {"s-1", "s-4"}
    assert scope(settings, "date") == {"2026-02-02", "2026-02-04", "2026-02-05", "2026-02-11"}
    assert scope(settings, "done") == set()
    assert done.senders == 2


def test_a_run_that_dies_while_it_writes_leaves_no_rows_and_no_status(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(settings, "a.jsonl", EVENTS[:3])
    publish(settings, "run-1")
    finish(settings)
    before = state(settings)
    take(settings, "b.jsonl", EVENTS[3:])
    insert = Unpacker.insert

    def dies(self: Unpacker) -> None:
        self._inserts[3:] = ["select error('stop')"]
        insert(self)

    with monkeypatch.context() as patch:
        patch.setattr(Unpacker, "insert", dies)
        with pytest.raises(WarehouseError):
            publish(settings, "run-2")
    assert state(settings) == before
    assert statuses(settings) == [("rasa", 0), ("rasa", 1)]
    publish(settings, "run-3")
    assert len(rows(settings, "event")) == len(EVENTS)


@pytest.mark.parametrize("kept", ["no column", "no value in a file"])
def test_a_lake_without_structures_gives_the_same_tables(
    kept: str, settings: Settings, make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    """As lakes were before they had structures, and as files are in which a person was erased."""
    other = make_settings(home=tmp_path / "without")
    take(settings, "a.jsonl", EVENTS)
    paths = take(other, "a.jsonl", EVENTS).paths(other.lake)
    assert len(paths) > 1
    for path in paths if kept == "no column" else paths[:1]:
        table = pq.read_table(path, partitioning=None)
        assert table["structure"].null_count == 0
        place = table.column_names.index("structure")
        nothing = pa.nulls(len(table), pa.string())
        table = table.drop(["structure"]) if kept == "no column" else table.set_column(place, "structure", nothing)
        pq.write_table(table, path)
    for each in (settings, other):
        publish(each, "run")
    assert state(other) == state(settings)


def test_a_line_of_a_lake_that_does_not_tell_trackers_is_a_delivery(
    settings: Settings, make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    other = make_settings(home=tmp_path / "without")
    take(settings, "a.jsonl", EVENTS)
    for path in take(other, "a.jsonl", EVENTS).paths(other.lake):
        pq.write_table(pq.read_table(path, partitioning=None).drop(["is_tracker"]), path)
    for each in (settings, other):
        publish(each, "run")
    assert state(other, lineage=False) == state(settings, lineage=False)
    assert {row["delivery"] for row in rows(settings, "event")} == {None}
    deliveries = [row["delivery"] for row in rows(other, "event")]
    assert None not in deliveries
    assert len(set(deliveries)) == len(EVENTS)


def test_loads_and_their_lines_are_recorded(settings: Settings) -> None:
    deliver(settings, "a.jsonl", [*EVENTS, {"event": "user"}])
    publish_all(settings)
    with open_warehouse(settings) as warehouse:
        (found,) = warehouse.execute(
            "select source, files, lines_read, blank, rejected, duplicates, superseded, accepted "
            f"from {warehouse.name('ops.loads')}"
        ).fetchall()
    assert found == ("rasa", 1, 7, 0, 1, 0, 0, 6)


def test_two_prefixes_do_not_touch_each_other(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    one = make_settings("one", warehouse=str(tmp_path / "both.duckdb"), prefix="one")
    two = make_settings("two", warehouse=str(tmp_path / "both.duckdb"), prefix="two")
    deliver(one, "a.jsonl", EVENTS[:3])
    publish_all(one)
    before = state(one)
    deliver(two, "a.jsonl", EVENTS[2:])
    publish_all(two)
    finish(two)
    assert state(one) == before
    assert statuses(one) == [("rasa", 0)]
    assert len(rows(two, "event")) == 4
    assert publish(two, "run-2") is None
    assert publish(one, "run-2") is not None


def test_tables_that_dlt_made_are_filled_further_and_kept(settings: Settings) -> None:
    with open_warehouse(settings) as warehouse:
        warehouse.execute(
            "create table demo_event.event_user (text varchar, x bigint, _dlt_id varchar, _dlt_load_id varchar)"
        )
        warehouse.execute("insert into demo_event.event_user values ('old', 1, 'abc', '1700000000.5')")
    deliver(settings, "a.jsonl", [event("user", text="new", x="no number")])
    publish_all(settings)
    publish_all(settings)
    found = sorted(rows(settings, "event_user"), key=lambda row: str(row["text"]))
    assert [(row["text"], row["x"], row["x__v_text"]) for row in found] == [
        ("new", None, "no number"),
        ("old", 1, None),
    ]


def test_chat_and_rasa_share_one_scope(settings: Settings) -> None:
    from lake.chat_builder import message
    from lake.chat_builder import publish_all as publish_chat
    from lake.chat_builder import take as take_chat

    take_chat(settings, "a.jsonl", [message("r-1")])
    publish_chat(settings)
    deliver(settings, "a.jsonl", EVENTS)
    done = publish_all(settings, "run-1")
    assert done is not None
    with open_warehouse(settings) as warehouse:
        found = dict(
            warehouse.execute(
                f"select source, count(*) from {warehouse.name('ops.run_scope')} where kind = 'load' group by 1"
            ).fetchall()
        )
    assert found == {"chat": 1, "rasa": 1}


def test_the_working_file_holds_no_other_schema(settings: Settings) -> None:
    deliver(settings, "a.jsonl", EVENTS)
    publish_all(settings)
    with duckdb.connect(str(settings.working_file), read_only=True) as connection:
        schemas = {
            name
            for (name,) in connection.execute("select distinct table_schema from information_schema.tables").fetchall()
        }
    assert schemas <= {"demo_event", "demo_chat", "demo_voice", "demo_kpi", "demo_ops"}
