"""dlt on the same events: the tables, columns, types and row counts that the raw tables are measured by.

Where the platform differs from dlt on purpose, `DIFFERENCES` says how and why, and changes dlt to match: what is left
has to be equal.
"""

import json
import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from chat_platform.settings import Settings
from chat_platform.warehouse.connection import open_warehouse

Event = dict[str, Any]
# Table → columns with their types, and the number of rows.
Tables = dict[str, tuple[dict[str, str], int]]

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"


def _exact(to_type: str, convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A coercion that refuses what would not read the same afterwards."""

    def coerce(value: Any) -> Any:
        made = convert(value)
        if _as_text(made) != _as_text(value) or (isinstance(made, float) and not math.isfinite(made)):
            raise ValueError(f"{value!r} is not the same as {to_type}")
        return made

    return coerce


def _as_text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _never(value: Any) -> Any:
    raise ValueError(value)


def _iso(value: str) -> Any:
    from dlt.common.schema.detections import is_iso_timestamp
    from dlt.common.time import ensure_datetime

    if is_iso_timestamp(str, value) is None:
        raise ValueError(value)
    return ensure_datetime(value)


# (type of the column, type of the value) → what the platform does. All are of one kind: dlt puts a value into a column
# of another type where it can be read as that type at all; the platform only where it is the same afterwards, so that
# what staging reads does not depend on which value came first.
DIFFERENCES: dict[tuple[str, str], Callable[[Any], Any]] = {
    # dlt: 5 becomes true, also in the other order of arrival.
    ("bool", "bigint"): _never,
    ("bool", "double"): _never,
    # dlt: "yes", "t" and "1" become true; here only "true" and "false" are truth values.
    ("bool", "text"): _exact("bool", {"true": True, "false": False}.__getitem__),
    # dlt: "05", " 5" and "0x5" become 5; "1e3" and "1.50" become another number's text; "nan" fails the load.
    ("bigint", "text"): _exact("bigint", int),
    ("double", "text"): _exact("double", float),
    # dlt: numbers become a moment after 1970, a date becomes its midnight.
    ("timestamp", "bigint"): _never,
    ("timestamp", "double"): _never,
    ("timestamp", "text"): _iso,
    ("double", "bigint"): _exact("double", float),
    ("bigint", "double"): _exact("bigint", int),
}


@pytest.fixture
def exact_dlt(monkeypatch: pytest.MonkeyPatch) -> None:
    """dlt with the differences taken out."""
    from dlt.common.data_types import type_helpers
    from dlt.normalize.items_normalizers.jsonl import JsonLItemsNormalizer

    def refusing_key(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def coerce(value: Any) -> Any:
            try:
                return convert(value)
            except (KeyError, OverflowError):
                raise ValueError(value) from None

        return coerce

    for types, convert in DIFFERENCES.items():
        monkeypatch.setitem(type_helpers._COERCE_DISPATCH, types, refusing_key(convert))
    infer = JsonLItemsNormalizer._infer_column_type

    def text_stays_text(self: Any, value: Any, name: str, skip_preferred: bool = False) -> Any:
        # dlt: a text in a variant column is a time where it looks like one, and the next text that does not fails the
        # load. Here such a column holds text.
        return "text" if skip_preferred and isinstance(value, str) else infer(self, value, name, skip_preferred)

    monkeypatch.setattr(JsonLItemsNormalizer, "_infer_column_type", text_stays_text)


def dlt_tables(loads: Iterable[list[Event]], folder: Path, max_name: int | None = None) -> Tables:
    """What dlt makes of the events, one run a load: `event` and one table an event type, from the root downwards."""
    import dlt

    database = folder / "dlt.duckdb"
    options = {} if max_name is None else {"max_identifier_length": max_name}
    pipeline = dlt.pipeline(
        "oracle",
        destination=dlt.destinations.duckdb(str(database), **options),
        dataset_name="demo_event",
        pipelines_dir=str(folder / "pipelines"),
    )

    @dlt.source(root_key=True, name="demo_event")
    def rasa(events: list[Event]) -> Any:
        @dlt.resource(name="events")
        def rows() -> Any:
            for event in events:
                yield dlt.mark.with_table_name(event, f"event_{event['event']}")

        return rows

    for events in loads:
        pipeline.run(rasa(json.loads(json.dumps(events))))
    with duckdb.connect(str(database), read_only=True) as connection:
        return _tables(connection, "demo_event")


def platform_tables(settings: Settings) -> Tables:
    """The raw tables of the platform but for `event`, which dlt does not make by itself."""
    with open_warehouse(settings) as warehouse:
        found = _tables(warehouse.connection, settings.schema_name("event"))
    return {table: shape for table, shape in found.items() if table != "event"}


def _tables(connection: duckdb.DuckDBPyConnection, schema: str) -> Tables:
    columns: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "select table_name, column_name, data_type from information_schema.columns "
        "where table_schema = $1 and table_name like 'event%'",
        [schema],
    ).fetchall():
        columns.setdefault(table, {})[column] = kind
    counts = {}
    for table in columns:
        (counts[table],) = connection.execute(f'select count(*) from "{schema}"."{table}"').fetchone() or (0,)
    return {table: (columns[table], counts[table]) for table in columns}
