"""Loads of the rasa source out of the lake into `{prefix}_event`: the table of all events, and those of their types."""

import re
from collections.abc import Iterable

import pyarrow as pa

from chat_platform.lake.manifest import Manifest
from chat_platform.sql import load_sql
from chat_platform.unpack import naming
from chat_platform.unpack.shapes import quoted
from chat_platform.unpack.tables import ROOT_SYSTEM, UNPACKED, Columns, Level, Unpacker
from chat_platform.warehouse.connection import Warehouse

_PACKAGE = "chat_platform.unpack"
EVENT = "event"
# One row an event of any type: who, when, what, where it came from, and all that its order depends on.
EVENT_COLUMNS: Columns = {
    "_dlt_id": "text",
    "_dlt_load_id": "text",
    "sender_id": "text",
    "timestamp": "double",
    "event": "text",
    "environment": "text",
    "model_id": "text",
    "session_id": "text",
    "sender_key": "text",
    "event_date": "date",
    "order_time": "double",
    "position": "bigint",
    "delivery": "text",
    "content_hash": "text",
    "source_file": "text",
    "line_number": "bigint",
}
# As long as dlt makes them on each of the two.
MAX_NAME = {"postgres": 63, "duckdb": 65536}


def new_unpacker(warehouse: Warehouse) -> Unpacker:
    """An unpacker for the warehouse; names are as long as it allows."""
    return Unpacker(warehouse, MAX_NAME["postgres" if warehouse.settings.is_postgres else "duckdb"])


def ensure_events(unpacker: Unpacker) -> None:
    """Make the table of all events where there is none: who has no event yet has an empty one."""
    unpacker.ensure(EVENT, EVENT_COLUMNS)
    if unpacker.warehouse.settings.is_postgres:
        # What is looked up of few among many rows: the senders of a run, and the rows of a load that is taken again.
        for column in ("sender_key", "_dlt_load_id"):
            # Tables and indexes share their names, and `event_...` is for the types of events.
            unpacker.warehouse.native(
                f"create index if not exists events_by_{column} on {unpacker.name(EVENT)} ({quoted(column)})"
            )
            if (earlier := f"event_{column}") not in unpacker.catalogue:
                unpacker.warehouse.native(f"drop index if exists {unpacker.name(earlier)}")


def unpack_load(unpacker: Unpacker, manifest: Manifest) -> None:
    """Read the events of one load and make what their tables lack; the rows go in with `unpacker.insert`."""
    warehouse = unpacker.warehouse
    files = manifest.paths(warehouse.settings.lake)
    if not files:
        return
    warehouse.execute("set variable load_files = $1", [files])
    found = warehouse.execute(load_sql(_PACKAGE, "structures")).fetchall()
    tables = {event: naming.path(f"{EVENT}_{event}", unpacker.max_name) for event, _ in found}
    names = sorted(set(tables.values()))
    numbers = pa.table({"event": list(tables), "table_number": [names.index(table) for table in tables.values()]})
    warehouse.connection.register("event_tables", numbers)
    warehouse.execute(load_sql(_PACKAGE, "events"))
    warehouse.connection.unregister("event_tables")
    columns = ", ".join(quoted(name) for name in EVENT_COLUMNS)
    unpacker.insert_later(EVENT, EVENT_COLUMNS, f"select {columns} from {UNPACKED}")
    structures: dict[str, list[str]] = {}
    for event, structure in found:
        structures.setdefault(tables[event], []).append(structure)
    for table, shapes in structures.items():
        source = f"(select * from {UNPACKED} where table_number = {names.index(table)})"
        unpacker.unpack(Level(table, (table,), source, ROOT_SYSTEM, structures=tuple(dict.fromkeys(shapes))))


def delete_load(unpacker: Unpacker, load_id: str) -> None:
    """Delete all rows of a load, in the transaction that is open. Tables that dlt filled are left alone."""
    if not re.fullmatch(r"[0-9a-f]{32}", load_id):
        raise ValueError(f"{load_id!r} is not the id of a load")
    warehouse = unpacker.warehouse
    tables = {
        name: columns for name, columns in unpacker.catalogue.items() if name == EVENT or name.startswith(f"{EVENT}_")
    }
    if EVENT not in tables:
        return
    events = f"select _dlt_id from {unpacker.name(EVENT)} where _dlt_load_id = '{load_id}'"
    for name in _children_first(tables):
        if "_dlt_root_id" in tables[name]:
            warehouse.native(f"delete from {unpacker.name(name)} where _dlt_root_id in ({events})")
        if "_dlt_load_id" in tables[name]:
            warehouse.native(f"delete from {unpacker.name(name)} where _dlt_load_id = '{load_id}'")


def _children_first(tables: dict[str, Columns]) -> Iterable[str]:
    return sorted(tables, key=lambda name: ("_dlt_root_id" not in tables[name], name == EVENT, name))
