"""The file that people read: a whole copy of the working file, swapped in by rename after each publish."""

import os
import shutil
from contextlib import suppress

import duckdb

from chat_platform.errors import WarehouseError
from chat_platform.locks import locked
from chat_platform.settings import Settings
from chat_platform.warehouse.connection import cause_of


def publish_snapshot(settings: Settings) -> int:
    """Swap in a copy of the working file; bytes copied. Nothing to do (0) where the warehouse is a server.

    Readers that hold the old file keep it; a new reader finds the old or the new one, never half of it.
    """
    if settings.is_postgres:
        return 0
    working, target = settings.working_file, settings.warehouse_file
    temporary = target.with_name(target.name + ".next")
    with locked(settings.locks, "warehouse"):
        try:
            # What the write-ahead log still holds has to be in the file before it is copied.
            with duckdb.connect(str(working)) as connection:
                connection.execute("checkpoint")
            # With its time: the two are compared by it, and no clock is asked.
            shutil.copy2(working, temporary)
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            temporary.replace(target)
        except (duckdb.Error, OSError) as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise WarehouseError(
                f"The snapshot {target} cannot be written: {cause_of(error)}. Readers keep the one before; "
                "the next run writes it."
            ) from None
    return target.stat().st_size


def snapshot_is_current(settings: Settings) -> bool:
    """False where the working file is another than the snapshot was taken of, as after a run that was interrupted."""
    if settings.is_postgres or not settings.working_file.is_file():
        return True
    if not settings.warehouse_file.is_file():
        return False
    taken, working = settings.warehouse_file.stat(), settings.working_file.stat()
    return (taken.st_size, taken.st_mtime_ns) == (working.st_size, working.st_mtime_ns)
