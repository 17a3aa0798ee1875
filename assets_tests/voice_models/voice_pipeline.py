"""The SQL of the models as dbt compiles it, run on made-up feeds in memory: quick enough for thousands of feeds.

dbt is started once for a refresh of everything and once for an increment; what they compile is run here in the same
order. That dbt itself replaces the rows of a scope in the same way is tested with dbt.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from voice_warehouse import OTHERS, TABLES, Event, Row, VoiceWarehouse, typed

LEFT_OUT = {"published_loads"}


@dataclass(frozen=True)
class Model:
    """One model as compiled: its relation, how it is made, and by which scope its rows are replaced."""

    name: str
    relation: str
    materialized: str
    strategy: str
    sql: str


def compiled(folder: Path) -> list[Model]:
    """Models of a dbt target folder in the order in which they are built."""
    nodes = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    waiting = {name: node for name, node in nodes.items() if node["resource_type"] == "model"}
    made: list[Model] = []
    done: set[str] = set()
    while waiting:
        ready = [name for name, node in waiting.items() if not (set(node["depends_on"]["nodes"]) & set(waiting))]
        for name in sorted(ready):
            node = waiting.pop(name)
            done.add(name)
            config = node["config"]
            if config["materialized"] != "ephemeral" and node["name"] not in LEFT_OUT:
                made.append(
                    Model(
                        node["name"], node["relation_name"], config["materialized"],
                        config.get("incremental_strategy") or "", node["compiled_code"],
                    )
                )  # fmt: skip
    return made


class Pipeline:
    """The models as compiled for everything (`whole`) and for an increment (`partial`)."""

    def __init__(self, warehouse: VoiceWarehouse) -> None:
        self.whole: list[Model] = []
        self.partial: list[Model] = []
        self.definitions = warehouse.rows("definitions")

    def new(self) -> "World":
        """An empty warehouse in memory."""
        return World(self)


class World:
    """One warehouse in memory."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.events: dict[str, Event] = {}
        self.connection = duckdb.connect()
        self.connection.execute("attach ':memory:' as warehouse; use warehouse; set timezone = 'UTC'; set threads = 1")
        for layer in ("voice", "ops", "event", "kpi", "staging", "semantic"):
            self.connection.execute(f"create schema bot_{layer}")
        for name, columns in {**{f"voice.{name}": columns for name, columns in TABLES.items()}, **OTHERS}.items():
            spelled = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            self.connection.execute(f"create table bot_{name} ({spelled})")
        self._insert("bot_kpi.definitions", pipeline.definitions, create=True)
        self.built = False

    def _insert(self, table: str, rows: list[Row], *, create: bool = False) -> None:
        if rows:
            columns = list({name: None for row in rows for name in row})
            incoming = pa.table({name: pa.array([row.get(name) for row in rows]) for name in columns})
            self.connection.register("incoming", incoming)
            if create:
                self.connection.execute(f"create table {table} as select * from incoming")
            else:
                spelled = ", ".join(f'"{name}"' for name in columns)
                self.connection.execute(f"insert into {table} ({spelled}) select {spelled} from incoming")

    def load(self, events: Iterable[Event]) -> None:
        """A load: replaces the calls that it touches, and rebuilds what hangs on them."""
        new = {event["key"]: event for event in events}
        self.events |= new
        touched = {event["correlationId"] for event in new.values()}
        self.connection.execute("delete from bot_ops.run_scope")
        named = {"run_id": "t", "mode": "publish", "source": "voice", "kind": "call"}
        self._insert("bot_ops.run_scope", [{**named, "value": call} for call in sorted(touched)])
        rows = typed(event for event in self.events.values() if event["correlationId"] in touched)
        for table, found in rows.items():
            self.connection.execute(
                f"delete from bot_voice.{table} where call_id in (select value from bot_ops.run_scope)"
            )
            place = {"load_id": "load", "source_file": "x", "line_number": 1}
            self._insert(f"bot_voice.{table}", [{**place, **_naive(row)} for row in found])
        self._build()

    def _build(self) -> None:
        for model in self.pipeline.partial if self.built else self.pipeline.whole:
            if model.materialized == "view":
                if not self.built:
                    self.connection.execute(f"create view {model.relation} as {model.sql}")
            elif model.materialized == "incremental" and self.built:
                scope = "scope_conversations" if model.strategy == "replace_conversations" else "scope_dates"
                key = "conversation_id" if model.strategy == "replace_conversations" else "event_date"
                self.connection.execute(f"create or replace temp table fresh as {model.sql}")
                keys = f"(select (source, {key}) from bot_ops.{scope})"
                self.connection.execute(f"delete from {model.relation} where (source, {key}) in {keys}")
                self.connection.execute(f"insert into {model.relation} by name from fresh")
            else:
                self.connection.execute(f"create or replace table {model.relation} as {model.sql}")
        self.built = True

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Rows of a table or view of the layer kpi."""
        found = self.connection.execute(f"select * from bot_kpi.{table}")
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of the tables that people read, sorted."""
        tables = self.connection.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_schema in ('bot_kpi', 'bot_semantic') and table_name <> 'definitions'"
        ).fetchall()
        return {
            table: sorted(self.connection.execute(f"select * from {schema}.{table}").fetchall(), key=repr)
            for schema, table in tables
        }


def _naive(row: Row) -> Row:
    return {
        name: value.replace(tzinfo=None) if getattr(value, "tzinfo", None) else value for name, value in row.items()
    }
