"""What the raw tables hold, where dlt is no measure: values, identity, what is kept whole (rasa spec, section 2)."""

import ast
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from unpack.rasa_builder import deliver, finish, publish_all, rows

from chat_platform.dbt.project import PROJECT_DIR
from chat_platform.settings import Settings
from chat_platform.unpack.events import new_unpacker
from chat_platform.unpack.tables import READ, ROOT_SYSTEM, Level
from chat_platform.warehouse.connection import open_warehouse

DAY = 1_770_000_000.0
Event = dict[str, Any]


def event(kind: str, **payload: Any) -> Event:
    return {"event": kind, "timestamp": DAY, "sender_id": "s-1", **payload}


def load(settings: Settings, *loads: list[Event]) -> None:
    for number, events in enumerate(loads):
        deliver(settings, f"{number}.jsonl", events)
        publish_all(settings)
        finish(settings)


def values_of(settings: Settings, table: str) -> list[dict[str, Any]]:
    """Rows without the columns of the system, nulls left out, in the order in which they came."""
    places = {row["_dlt_id"]: (row["source_file"], row["position"]) for row in rows(settings, "event")}
    found = rows(settings, table)
    found.sort(key=lambda row: places.get(row["_dlt_id"], places.get(row.get("_dlt_root_id"))))
    hidden = {"sender_id", "timestamp", "event"}
    return [
        {name: value for name, value in row.items() if value is not None and name not in hidden and name[:5] != "_dlt_"}
        for row in found
    ]


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse_settings(request: pytest.FixtureRequest, make_settings: Callable[..., Settings]) -> Settings:
    if request.param == "postgres":
        return make_settings(warehouse=request.getfixturevalue("postgres"))
    return make_settings()


def test_an_event_type_may_be_called_like_a_column_of_all_events(warehouse_settings: Settings) -> None:
    settings = warehouse_settings
    load(settings, [event("user")])
    if settings.is_postgres:
        # As it was made before.
        with open_warehouse(settings) as warehouse:
            schema = settings.schema_name("event")
            warehouse.native(f"create index event_sender_key on {schema}.event (sender_key)")
    for number in (1, 2):
        deliver(settings, f"more{number}.jsonl", [event(kind, v=number) for kind in ("sender_key", "_dlt_load_id")])
        publish_all(settings)
        finish(settings)
    assert values_of(settings, "event_sender_key") == [{"v": 1}, {"v": 2}]


MIXED: list[Any] = [5, True, "7", "07", "hello", 2.5, 3.0, None, "2026-01-08T09:00:00Z", 2**70, -1]


def test_values_of_many_types_lose_nothing(warehouse_settings: Settings) -> None:
    settings = warehouse_settings
    load(settings, [event("x", v=value) for value in MIXED])
    assert values_of(settings, "event_x") == [
        {"v": 5}, {"v__v_bool": True}, {"v": 7}, {"v__v_text": "07"}, {"v__v_text": "hello"}, {"v__v_double": 2.5},
        {"v": 3}, {}, {"v__v_text": "2026-01-08T09:00:00Z"}, {"v__v_text": str(2**70)}, {"v": -1},
    ]  # fmt: skip


def test_the_first_value_decides_also_over_loads(warehouse_settings: Settings) -> None:
    settings = warehouse_settings
    load(
        settings, [event("x", v=None), event("x", v="2026-01-08T09:00:00+02:00")], [event("x", v="a"), event("x", v=5)]
    )
    first, second, third, fourth = values_of(settings, "event_x")
    assert (first, third, fourth) == ({}, {"v__v_text": "a"}, {"v__v_bigint": 5})
    assert second["v"].astimezone(UTC) == datetime(2026, 1, 8, 7, tzinfo=UTC)


@pytest.mark.parametrize("way", ["asc", "desc"])
def test_what_arrived_first_decides_however_events_lie(settings: Settings, way: str) -> None:
    # Of so many rows the threads work on a part each. The first event lies at the end, or at the beginning.
    with open_warehouse(settings) as warehouse:
        unpacker = new_unpacker(warehouse)
        warehouse.execute(
            f"""
            create temp table unpacked_events as
            select
                cast(range as varchar) as _dlt_id, 'l' as _dlt_load_id, 's' as sender_id, 0.0 as timestamp,
                'x' as event,
                case when range < 75000 then 'rasa/1.jsonl' else 'rasa/2.jsonl' end as source_file,
                -- In the second file all places are before those of the first; three events come of one line.
                case when range < 75000 then 1000000 + range // 3 else range // 3 end as byte_offset,
                range % 3 + 1 as position,
                case
                    when range < 1 then '{{"v": "a", "w": ["a", 5], "t": "2026-01-08T09:00:00Z", "n": [[7, "a"]]}}'
                    else '{{"v": 5, "w": [5, "a"], "t": "later", "n": [["a", 7]]}}'
                end::json as data
            from range(150000)
            order by range {way}
            """
        )
        unpacker.unpack(Level("event_x", ("event_x",), "unpacked_events", ROOT_SYSTEM))
        assert unpacker.catalogue["event_x"]["v"] == "text"
        assert unpacker.catalogue["event_x"]["t"] == "timestamp"
        assert unpacker.catalogue["event_x"]["t__v_text"] == "text"
        assert unpacker.catalogue["event_x__w"]["value"] == "text"
        assert unpacker.catalogue["event_x__n__list"]["value"] == "bigint"


def test_what_was_said_stays_as_it_was_said(warehouse_settings: Settings) -> None:
    settings = warehouse_settings
    said = "2026-01-08T09:00:00+02:00"
    user = event("user", text=said, parse_data={"text": said})
    load(settings, [user, event("bot", text=said, metadata={"at": said})], [event("user", text="olá")])
    assert values_of(settings, "event_user") == [{"text": said, "parse_data__text": said}, {"text": "olá"}]
    (bot,) = values_of(settings, "event_bot")
    assert bot["text"] == said
    assert isinstance(bot["metadata__at"], datetime), "elsewhere a time is one"


def test_what_fills_a_slot_stays_one_value(warehouse_settings: Settings) -> None:
    settings = warehouse_settings
    fillings: list[Any] = [{"a": [1, {"b": None}]}, "text", ["x", 2], 5, "2026-01-08T09:00:00Z", True]
    load(settings, [event("slot", name="n", value=value) for value in fillings])
    found = values_of(settings, "event_slot")

    def parsed(value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    assert parsed(found[0]["value"]) == fillings[0]
    assert parsed(found[2]["value"]) == fillings[2]
    assert [row.get("value__v_text") for row in found] == [None, "text", None, None, "2026-01-08T09:00:00Z", None]
    assert (found[3]["value__v_bigint"], found[5]["value__v_bool"]) == (5, True)
    with open_warehouse(settings) as warehouse:
        tables = warehouse.execute(
            "select count(*) from information_schema.tables where table_name like 'event_slot__%'"
        ).fetchone()
    assert tables == (0,)


def test_lists_become_tables_that_lead_back(warehouse_settings: Settings) -> None:
    settings = warehouse_settings
    load(settings, [event("x", n=1, a=[{"b": [True, None]}, 5, [6, [7]]]), event("x", n=2, a=[])])
    (first, _) = sorted(rows(settings, "event_x"), key=lambda row: int(row["n"]))
    children = sorted(rows(settings, "event_x__a"), key=lambda row: int(row["_dlt_list_idx"]))
    assert [(row["_dlt_parent_id"], row["_dlt_root_id"]) for row in children] == [(first["_dlt_id"],) * 2] * 3
    assert [row["value"] for row in children] == [None, 5, None]
    inner = sorted(rows(settings, "event_x__a__b"), key=lambda row: int(row["_dlt_list_idx"]))
    assert [(row["_dlt_parent_id"], row["_dlt_root_id"], row["value"]) for row in inner] == [
        (children[0]["_dlt_id"], first["_dlt_id"], True), (children[0]["_dlt_id"], first["_dlt_id"], None),
    ]  # fmt: skip
    (listed,) = (row for row in rows(settings, "event_x__a__list") if row["value"] == 6)
    assert listed["_dlt_parent_id"] == children[2]["_dlt_id"]
    assert [row["value"] for row in rows(settings, "event_x__a__list__list")] == [7]


def test_the_table_of_all_events_joins_those_of_the_types(warehouse_settings: Settings) -> None:
    settings = warehouse_settings
    load(
        settings,
        [event("user", text="a"), {"sender_id": "s-2", "events": [{"event": "user", "timestamp": 1770000001}]}],
    )
    everything = {row["_dlt_id"]: row for row in rows(settings, "event")}
    typed = {row["_dlt_id"]: row for row in rows(settings, "event_user")}
    assert set(everything) == set(typed)
    assert len(everything) == 2
    for ident, row in typed.items():
        for name in ("sender_id", "timestamp", "event", "_dlt_load_id"):
            assert row[name] == everything[ident][name]
    assert {row["sender_id"] for row in typed.values()} == {"s-1", "s-2"}
    line, tracker = sorted(everything.values(), key=lambda row: row["line_number"])
    assert line["delivery"] is None
    assert len(tracker["delivery"]) == 32


def test_names_that_are_reserved_long_odd_or_equal(warehouse_settings: Settings) -> None:
    settings = warehouse_settings
    long = "a_very_long_key_" * 8
    payload = {
        "select": 1, "order": 2, "user": 3, "_dlt_id": "mine", "Sender ID": "theirs", "": 4, " ": 5, 'q"u': 6,
        f"{long}1": 7, f"{long}2": 8, "aB": 9, "a_b": 10, "ção": {"x": 11}, "group": [{"table": 12}],
    }  # fmt: skip
    load(settings, [event("x", **payload)])
    (found,) = values_of(settings, "event_x")
    assert (found["select"], found["order"], found["user"], found["q_u"]) == (1, 2, 3, 6)
    assert found["_dlt_id__v_text" if "_dlt_id__v_text" in found else "sender_id__v_text"] in {"mine", "theirs"}
    # Of two keys with one name the later one stays, as in dlt.
    assert (found["a_b"], found["_empty"]) == (10, 5)
    longs = [value for name, value in found.items() if name.startswith("a_very_long")]
    assert sorted(longs) == [7, 8]
    assert all(len(name) <= 63 for name in found) or not settings.is_postgres
    (row,) = rows(settings, "event_x")
    assert row["_dlt_id__v_text"] == "mine"
    assert row["_dlt_id"] != "mine"
    assert rows(settings, "event_x__group")[0]["table"] == 12


def test_numbers_beyond_their_types(settings: Settings) -> None:
    raw = (
        b'{"event": "x", "timestamp": 1770000000, "sender_id": "s", "a": 9223372036854775808, "b": 1e400, "c": 5, '
        b'"d": 1.5}\n'
        b'{"event": "x", "timestamp": 1770000000, "sender_id": "s", "a": 1, "b": 0.5, "c": 123456789012345678901234, '
        b'"d": -9223372036854775808}\n'
    )
    deliver(settings, "a.jsonl", raw)
    publish_all(settings)
    first, second = values_of(settings, "event_x")
    assert first == {"a": "9223372036854775808", "b": "1e400", "c": 5, "d": 1.5}
    wide = {"c__v_text": "123456789012345678901234", "d__v_bigint": -9223372036854775808}
    assert second == {"a": "1", "b": "0.5", **wide}


def test_deep_nesting_is_unfolded_to_a_limit_and_kept_below(settings: Settings) -> None:
    deep: Any = {"end": 1}
    for _ in range(400):
        deep = {"k": deep}
    wide: Any = 5
    for _ in range(60):
        wide = [wide]
    load(settings, [event("x", deep=deep, wide=wide)])
    (row,) = rows(settings, "event_x")
    (kept,) = (value for name, value in row.items() if name.startswith("deep"))
    assert kept.count("k") == 400 - 100
    with open_warehouse(settings) as warehouse:
        tables = warehouse.execute(
            "select count(*) from information_schema.tables where table_name like 'event_x__wide%'"
        ).fetchone()
    assert tables == (60,)


def test_a_table_grows_to_a_limit_and_keeps_the_rest(warehouse_settings: Settings) -> None:
    settings = warehouse_settings
    ids = {f"id{number:04d}": number for number in range(1000)}
    load(settings, [event("x", **ids), event("x", id0001=7)], [event("x", new="a", id0002=8)])
    first, second, third = values_of(settings, "event_x")
    more = json.loads(first.pop("_more")) if isinstance(first["_more"], str) else first.pop("_more")
    assert {**first, **more} == ids
    assert len(first) == 400
    assert second == {"id0001": 7}
    assert third["id0002"] == 8
    assert "new" not in third
    assert (json.loads(third["_more"]) if isinstance(third["_more"], str) else third["_more"]) == {"new": "a"}


def test_what_the_models_read_is_a_column_in_a_table_of_any_width(warehouse_settings: Settings) -> None:
    """Keys that come last of many, and in a later load; a variant of one, and the column of a setting."""
    settings = warehouse_settings.model_copy(update={"rasa_user_id": "metadata__customer"})
    ids = {f"id{number:04d}": number for number in range(500)}
    read = {"text": "hi", "parse_data": {"intent": {"name": "greet"}}, "metadata": {"customer": "c", "other": 1}}
    later = event("user", message_id="m", parse_data={"intent": {"name": 5, "confidence": 0.5}}, last=1)
    odd = event("user", parse_data={"intent": {"confidence": "high"}})
    load(settings, [event("user", **ids, **read)], [later], [odd])
    first, second, third = values_of(settings, "event_user")
    assert (first["text"], first["parse_data__intent__name"], first["metadata__customer"]) == ("hi", "greet", "c")
    assert "metadata__other" not in first
    assert (second["message_id"], second["parse_data__intent__confidence"]) == ("m", 0.5)
    assert second["parse_data__intent__name"] == "5"
    assert "last" not in second
    assert third["parse_data__intent__confidence__v_text"] == "high"


def test_the_columns_that_the_models_read_are_those_of_the_models() -> None:
    found: dict[str, set[str]] = {}
    for path in (PROJECT_DIR / "models" / "staging" / "rasa").glob("*.sql"):
        for call in re.findall(r"events_of_types(\(.*?\)) }}", path.read_text(encoding="utf-8"), re.DOTALL):
            types, fields = ast.literal_eval(call)
            names = {name for _, given in fields.values() for name in ([given] if isinstance(given, str) else given)}
            for kind in types:
                found.setdefault(kind, set()).update(names)
    assert found == READ


def test_what_is_null_or_empty_everywhere_makes_nothing(settings: Settings) -> None:
    load(settings, [event("x", a=None, b=[], c={}, d={"e": None, "f": {}}, g=[{}])])
    assert values_of(settings, "event_x") == [{}]
    assert len(rows(settings, "event_x__g")) == 1


def test_unknown_events_have_tables_of_their_own(settings: Settings) -> None:
    load(settings, [event("mcp tool-executed", tool="a"), event("Ünknown", x=1), event("event", y=2)])
    assert values_of(settings, "event_mcp_tool_executed") == [{"tool": "a"}]
    assert values_of(settings, "event_nknown") == [{"x": 1}]
    assert values_of(settings, "event_event") == [{"y": 2}]
