"""The file that people read: a whole copy of the working file, swapped in by rename after each publish."""

import os
import shutil

import duckdb

from chat_platform.errors import WarehouseError
from chat_platform.locks import locked
from chat_platform.settings import Settings


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
            shutil.copyfile(working, temporary)
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            temporary.replace(target)
        except (duckdb.Error, OSError) as error:
            temporary.unlink(missing_ok=True)
            raise WarehouseError(
                f"The snapshot {target} cannot be written ({type(error).__name__}); readers keep the one before."
            ) from None
    return target.stat().st_size


def snapshot_is_current(settings: Settings) -> bool:
    """False where the working file was written after the snapshot was taken, as by a run that was interrupted."""
    if settings.is_postgres or not settings.working_file.is_file():
        return True
    if not settings.warehouse_file.is_file():
        return False
    return settings.warehouse_file.stat().st_mtime_ns >= settings.working_file.stat().st_mtime_ns
