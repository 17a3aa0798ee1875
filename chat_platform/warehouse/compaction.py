"""Writing the warehouse anew, so that nothing of what was deleted is left in its files."""

import shutil
from contextlib import closing, suppress

import duckdb

from chat_platform.errors import WarehouseError
from chat_platform.locks import locked
from chat_platform.settings import Settings
from chat_platform.warehouse.connection import STORAGE_VERSION, cause_of, load_extension


def compact(settings: Settings) -> None:
    """DuckDB: copy everything that stands into a fresh file and swap it in. Postgres: rewrite the tables.

    Deleted rows live on in the blocks of a database until they are written over. Raises WarehouseError.
    """
    with locked(settings.locks, "warehouse"):
        try:
            if settings.is_postgres:
                _rewrite_tables(settings)
            else:
                _copy_file(settings)
        except (duckdb.Error, OSError) as error:
            raise WarehouseError(
                f"The warehouse {settings.warehouse_label} cannot be written anew: {cause_of(error)}."
            ) from None


def _copy_file(settings: Settings) -> None:
    working = settings.working_file
    # The same name up to the first dot: views name the database by it.
    fresh = working.with_name(working.name + ".fresh")
    fresh.unlink(missing_ok=True)
    with closing(duckdb.connect(config={"memory_limit": "1GB"})) as connection:
        for path, name in ((working, "old"), (fresh, "fresh")):
            quoted = str(path).replace("'", "''")
            connection.execute(f"attach '{quoted}' as {name} (storage_version '{STORAGE_VERSION}')")
        connection.execute("copy from database old to fresh")
        connection.execute("checkpoint fresh")
    fresh.replace(working)
    for leftover in (settings.home / "tmp").glob("*"):
        with suppress(OSError):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


def _rewrite_tables(settings: Settings) -> None:
    """Rewrite the tables of the platform's schemas with their statistics, which quote values."""
    with closing(duckdb.connect()) as connection:
        load_extension(connection, "postgres_scanner")
        quoted = settings.warehouse.replace("'", "''")
        connection.execute(f"attach '{quoted}' as wh (type postgres)")
        tables = connection.execute(
            "select schemaname, tablename from postgres_query('wh', "
            "'select schemaname, tablename from pg_tables') where starts_with(schemaname, $1) order by all",
            [settings.prefix + "_"],
        ).fetchall()
        for schema, table in tables:
            connection.execute(
                "call postgres_execute('wh', $1, use_transaction => false)",
                [f'vacuum (full, analyze) "{schema}"."{table}"'],
            )
