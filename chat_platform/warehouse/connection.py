"""A DuckDB worker with the warehouse attached as `wh` and in use, so that `demo_chat.responses` means the same
on a DuckDB file and on Postgres.

Rows move by DuckDB on both. Where Postgres has to work by itself (DDL, DELETE, looking up a few of many rows), the
statement goes through `native`, inside the same transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import duckdb
from duckdb_extensions import import_extension

from chat_platform.errors import WarehouseError
from chat_platform.locks import locked
from chat_platform.settings import Settings
from chat_platform.warehouse.schema import Table, tables

# How the file of a warehouse is laid out. DuckDB's own choice is the oldest layout that it knows, and to pack texts for
# that takes a third longer; this one is read by every DuckDB from 1.4 on.
STORAGE_VERSION = "v1.4.0"


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load a DuckDB extension from its PyPI package; nothing is downloaded."""
    try:
        connection.execute(f"load {name}")
    except duckdb.Error:
        import_extension(name)
        connection.execute(f"load {name}")


class Warehouse:
    """An open warehouse. Use `open_warehouse`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
        self.connection = connection
        self.settings = settings

    def name(self, table: str) -> str:
        """`ops.loads` → `demo_ops.loads`. Raises KeyError for a table that is not the platform's."""
        known = tables()[table]
        return f"{self.settings.schema_name(known.layer)}.{known.name}"

    def execute(self, sql: str, parameters: Any = None) -> duckdb.DuckDBPyConnection:
        """Run a statement in DuckDB; values are bound."""
        return self.connection.execute(sql, parameters)

    def native(self, sql: str) -> None:
        """Run a statement in the warehouse itself, in the transaction that is open. It holds no values."""
        if self.settings.is_postgres:
            self.connection.execute("call postgres_execute('wh', $1)", [sql])
        else:
            self.connection.execute(sql)

    def native_rows(self, sql: str) -> str:
        """A relation that holds what the warehouse itself answers to `sql`, which holds no values."""
        if self.settings.is_postgres:
            return "postgres_query('wh', '" + sql.replace("'", "''") + "')"
        return f"({sql})"

    def insert(self, table: str, select: str, parameters: Any = None) -> None:
        """Insert what `select` gives, by name of column; every column of the table has to be in it."""
        columns = ", ".join(f'"{name}"' for name in tables()[table].column_names)
        self.execute(f"insert into {self.name(table)} ({columns}) select {columns} from ({select})", parameters)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self.connection.execute("begin")
        try:
            yield
        except BaseException:
            # The connection may be the thing that broke; the first error is the one to tell.
            with suppress(duckdb.Error):
                self.connection.execute("rollback")
            raise
        self.connection.execute("commit")

    def create_tables(self) -> None:
        """Make schemas, tables and (Postgres) indexes that are missing. What is there stays as it is."""
        statements = [
            f"create schema if not exists {self.settings.schema_name(layer)}"
            for layer in dict.fromkeys(table.layer for table in tables().values())
        ]
        for key, table in tables().items():
            columns = ", ".join(f'"{name}" {kind}' for name, kind in table.columns)
            statements.append(f"create table if not exists {self.name(key)} ({columns})")
            if self.settings.is_postgres:
                statements += [self._index(key, table, column) for column in table.keys]
        with self.transaction():
            for statement in statements:
                self.native(statement)
        if self.settings.is_postgres:
            self.connection.execute("call pg_clear_cache()")

    def _index(self, key: str, table: Table, column: str) -> str:
        return f"create index if not exists {table.name}_{column} on {self.name(key)} ({column})"


@contextmanager
def open_warehouse(settings: Settings, *, create: bool = True) -> Iterator[Warehouse]:
    """The warehouse for writing, under its lock; tables are made when missing.

    Raises WarehouseError in words of our own: a driver's text may hold data or a password.
    """
    with locked(settings.locks, "warehouse"), _reworded(settings):
        temporary = settings.home / "tmp"
        temporary.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = duckdb.connect(config={"temp_directory": str(temporary), "memory_limit": "1GB"})
        try:
            connection.execute("set timezone = 'UTC'")
            if settings.is_postgres:
                load_extension(connection, "postgres_scanner")
                connection.execute(f"attach '{_quoted(settings.warehouse)}' as wh (type postgres)")
            else:
                settings.working_file.parent.mkdir(parents=True, exist_ok=True)
                file = _quoted(str(settings.working_file))
                connection.execute(f"attach '{file}' as wh (storage_version '{STORAGE_VERSION}')")
            connection.execute("use wh")
            warehouse = Warehouse(connection, settings)
            if create:
                warehouse.create_tables()
            yield warehouse
        finally:
            connection.close()


@contextmanager
def open_published(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse for reading only: the last complete publish. A reader never stops a run.

    Raises WarehouseError where nothing has been published yet.
    """
    with _reworded(settings):
        if settings.is_postgres:
            connection = duckdb.connect()
            load_extension(connection, "postgres_scanner")
            connection.execute(f"attach '{_quoted(settings.warehouse)}' as wh (type postgres, read_only)")
            connection.execute("use wh")
        elif settings.warehouse_file.is_file():
            # Opened, not attached under another name: the views in it name the database as dbt knew it.
            connection = duckdb.connect(settings.warehouse, read_only=True)
        else:
            raise WarehouseError(
                f"Nothing has been published to {settings.warehouse_label} yet; put files into "
                f"{settings.landing} and type: chat-platform run"
            )
        try:
            yield connection
        finally:
            connection.close()


def _quoted(text: str) -> str:
    return text.replace("'", "''")


# Marks in a driver's text, and what they mean in words of our own.
_CAUSES = (
    ("no space left", "no space is left on the device"),
    ("could not set lock", "another program has its working file open; close it there"),
    ("permission denied", "permission is denied"),
    ("read-only file system", "the file system is read-only"),
    ("file too large", "the file may not grow any further"),
    ("password authentication failed", "user or password are refused"),
    ("unable to connect", "no server answers there"),
    ("does not exist", "the database or a table does not exist"),
    ("not a valid duckdb database", "the file is not a DuckDB database"),
    ("cannot be lowered", f"another program wrote the file in a newer layout than {STORAGE_VERSION} of DuckDB"),
)


def known_cause(text: str) -> str | None:
    """What a driver's text means, in words of our own; None where it is no known one. The text may hold data."""
    return next((words for mark, words in _CAUSES if mark in text.lower()), None)


def cause_of(error: Exception) -> str:
    """The same for an error; its kind where the cause is not known."""
    return known_cause(str(error)) or f"an error of kind {type(error).__name__}"


@contextmanager
def _reworded(settings: Settings) -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise WarehouseError(f"The warehouse {settings.warehouse_label} cannot be used: {cause_of(error)}.") from None
