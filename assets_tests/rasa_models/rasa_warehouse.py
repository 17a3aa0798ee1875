"""Raw tables of Rasa as the platform unpacks them, made small and by hand, and dbt beside them, alone."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
from rasa_reference import Delivery, Event, content_hash

from chat_platform.dbt.project import PROJECT_DIR

LINK = Path(tempfile.gettempdir()) / f"rasa-warehouse-{os.getpid()}"
atexit.register(LINK.unlink, missing_ok=True)
# What dbt parsed with the same variables before.
PARSED: dict[str, Path] = {}
# Columns of the type tables, with where their values are in an event.
TYPE_COLUMNS: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "user": {
        "text": ("varchar", ("text",)),
        "parse_data__intent__name": ("varchar", ("parse_data", "intent", "name")),
        "parse_data__intent__confidence": ("double precision", ("parse_data", "intent", "confidence")),
        "input_channel": ("varchar", ("input_channel",)),
        "message_id": ("varchar", ("message_id",)),
        "metadata__user_id": ("varchar", ("metadata", "user_id")),
    },
    "bot": {"text": ("varchar", ("text",)), "metadata__utter_action": ("varchar", ("metadata", "utter_action"))},
    "action": {
        "name": ("varchar", ("name",)),
        "policy": ("varchar", ("policy",)),
        "confidence": ("double precision", ("confidence",)),
    },
    "slot": {
        "name": ("varchar", ("name",)),
        "value": ("varchar", ("value",)),
        "value__v_bigint": ("bigint", ("value",)),
    },
    "active_loop": {"name": ("varchar", ("name",))},
    "session_started": {"metadata__user_id": ("varchar", ("metadata", "user_id"))},
    "flow_completed": {"flow_id": ("varchar", ("flow_id",))},
    "flow_started": {"flow_id": ("varchar", ("flow_id",))},
}
EVENT_COLUMNS = {
    "_dlt_id": "varchar", "_dlt_load_id": "varchar", "sender_id": "varchar", "event": "varchar",
    "timestamp": "double precision", "order_time": "double precision", "position": "bigint", "delivery": "varchar",
    "content_hash": "varchar", "model_id": "varchar", "environment": "varchar",
    "session_id": "varchar", "sender_key": "varchar",
}  # fmt: skip
LOAD_COLUMNS = {
    "load_id": "varchar", "schema_name": "varchar", "status": "integer", "inserted_at": "timestamp",
    "schema_version_hash": "varchar",
}  # fmt: skip


def _at(event: Event, path: Sequence[str]) -> Any:
    value: Any = event
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def raw_rows(deliveries: Iterable[Delivery]) -> dict[str, list[dict[str, Any]]]:
    """Rows of the raw tables."""
    rows: dict[str, list[dict[str, Any]]] = {"event": []}
    for delivery in deliveries:
        latest = float("-inf")
        for position, event in enumerate(delivery.events):
            latest = max(latest, event["timestamp"])
            row_id = f"{delivery.load}/{delivery.name}/{position}"
            rows["event"].append(
                {
                    "_dlt_id": row_id,
                    "_dlt_load_id": delivery.load,
                    "sender_id": event["sender_id"],
                    "event": event["event"],
                    "timestamp": event["timestamp"],
                    "order_time": latest if delivery.is_tracker else event["timestamp"],
                    "position": position,
                    "delivery": delivery.name if delivery.is_tracker else None,
                    "content_hash": content_hash(event),
                    "model_id": _at(event, ("metadata", "model_id")),
                    "environment": _at(event, ("metadata", "rasa_environment")),
                    "session_id": _at(event, ("metadata", "session_id")),
                    "sender_key": event["sender_id"].removesuffix("@example.com"),
                }
            )
            if event["event"] in TYPE_COLUMNS:
                row: dict[str, Any] = {"_dlt_id": row_id, "_dlt_load_id": delivery.load}
                for column, (kind, path) in TYPE_COLUMNS[event["event"]].items():
                    value = _at(event, path)
                    fits = isinstance(value, str) if kind == "varchar" else isinstance(value, int | float)
                    row[column] = value if fits else None
                rows.setdefault(f"event_{event['event']}", []).append(row)
    return rows


class RasaWarehouse:
    """A DuckDB file or a Postgres database with raw events in `{prefix}_event`."""

    def __init__(self, folder: Path, postgres: str | None = None) -> None:
        self.folder = folder
        self.file = folder / "warehouse.duckdb"
        self.postgres = postgres
        folder.mkdir(parents=True, exist_ok=True)

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement; its rows."""
        if self.postgres is None:
            with closing(duckdb.connect(str(self.file))) as connection:
                return list(connection.execute(statement).fetchall())
        import psycopg2

        with closing(psycopg2.connect(self.postgres)) as server:
            server.autocommit = True
            with server.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall()) if cursor.description else []

    def fill(self, prefix: str, deliveries: Iterable[Delivery]) -> None:
        """Append raw rows; their loads are not complete before `complete`."""
        rows = raw_rows(deliveries)
        tables = {"event": EVENT_COLUMNS, "_loads": LOAD_COLUMNS} | {
            f"event_{kind}": {"_dlt_id": "varchar", "_dlt_load_id": "varchar"} | {c: t for c, (t, _) in columns.items()}
            for kind, columns in TYPE_COLUMNS.items()
            if f"event_{kind}" in rows
        }
        self.execute(f"create schema if not exists {prefix}_event")
        # DuckDB reads the rows from a file, for Postgres too: quick, and no value is put into a statement
        path = self.folder / "rows.json"
        with closing(duckdb.connect() if self.postgres else duckdb.connect(str(self.file))) as connection:
            place = f"{prefix}_event"
            if self.postgres is not None:
                import_postgres(connection, self.postgres)
                place = f"server.{place}"
            for table, columns in tables.items():
                spelled = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
                self.execute(f"create table if not exists {prefix}_event.{table} ({spelled})") if self.postgres else (
                    connection.execute(f"create table if not exists {place}.{table} ({spelled})")
                )
                if table in rows:
                    path.write_text("\n".join(map(json.dumps, rows[table])), encoding="utf-8")
                    read = ", ".join(f"'{name}': '{kind.replace(' precision', '')}'" for name, kind in columns.items())
                    if self.postgres is not None:
                        connection.execute("call pg_clear_cache()")
                    connection.execute(
                        f"insert into {place}.{table} select * from read_json('{path}', columns={{{read}}})"
                    )

    def complete(self, prefix: str, *loads: str) -> None:
        """Say that loads are complete."""
        for load in loads:
            self.execute(
                f"insert into {prefix}_event._loads values ('{load}', 'rasa', 0, timestamp '2026-01-01 00:00:00', 'v1')"
            )

    def environment(self) -> dict[str, str]:
        """Environment of dbt alone: where the warehouse is, and nothing of the platform."""
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("CHAT_PLATFORM_", "DBT_", "PG_"))
        }
        own = {
            "CHAT_PLATFORM_SOURCES": "rasa",
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "target"),
            "PYTHONWARNINGS": "ignore",
        }
        if self.postgres is None:
            # By a name that all have in turn: where the path of the database changes, dbt parses anew.
            LINK.unlink(missing_ok=True)
            LINK.symlink_to(self.folder)
            return {**kept, **own, "CHAT_PLATFORM_DUCKDB_FILE": str(LINK / self.file.name)}
        parts = urlsplit(self.postgres)
        host = dict(item.split("=", 1) for item in parts.query.split("&") if item).get("host", parts.hostname or "")
        return {
            **kept,
            **own,
            "CHAT_PLATFORM_DBT_TARGET": "postgres",
            "PG_HOST": host.replace("%2F", "/"),
            "PG_PORT": str(parts.port or 5432),
            "PG_USER": parts.username or "postgres",
            "PG_PASSWORD": parts.password or "",
            "PG_DATABASE": parts.path.strip("/"),
        }

    def dbt(self, *arguments: str, prefix: str | None = None, **variables: Any) -> subprocess.CompletedProcess[str]:
        """dbt as the README says it is started."""
        values = ({"source_schema_prefix": prefix} if prefix else {}) | variables
        given = ["--vars", json.dumps(values)] if values else []
        cache = self.folder / "target" / "partial_parse.msgpack"
        parsed = PARSED.setdefault(f"{given} {self.postgres}", cache)
        if parsed.is_file() and not cache.is_file():
            cache.parent.mkdir(exist_ok=True)
            shutil.copyfile(parsed, cache)
        return subprocess.run(
            [str(Path(sys.executable).with_name("dbt")), *arguments, "--profiles-dir", ".", *given],
            env=self.environment(),
            cwd=PROJECT_DIR,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def run(self, *arguments: str, prefix: str, **variables: Any) -> str:
        """The same, and it succeeds; what dbt said."""
        done = self.dbt(*arguments, prefix=prefix, **variables)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        return done.stdout

    def dump(self, prefix: str, *, without: Iterable[str] = ("load_id",)) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of the semantic and KPI tables, sorted."""
        found = {}
        columns: dict[str, list[str]] = {}
        for schema, table, column in self.execute(
            "select table_schema, table_name, column_name from information_schema.columns "
            f"where table_schema in ('{prefix}_semantic', '{prefix}_kpi') order by 1, 2, ordinal_position"
        ):
            columns.setdefault(f"{schema}.{table}", []).append(column)
        for name, names in columns.items():
            kept = ", ".join(f'"{column}"' for column in names if column not in without)
            rows = self.execute(f"select {kept} from {name}")
            found[name.removeprefix(prefix)] = sorted((tuple(map(_plain, row)) for row in rows), key=repr)
        return found


def _plain(value: Any) -> Any:
    from decimal import Decimal

    return value.normalize() + 0 if isinstance(value, Decimal) else value


def import_postgres(connection: duckdb.DuckDBPyConnection, address: str) -> None:
    """Attach a Postgres as `server`."""
    from duckdb_extensions import import_extension

    import_extension("postgres_scanner")
    connection.execute("load postgres_scanner")
    connection.execute(f"attach '{address}' as server (type postgres)")
