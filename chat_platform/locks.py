"""Locks between processes. They are held on files and freed by the kernel when the holder dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from chat_platform.errors import LockedError

# Longer than any publish seen; a run that waits longer has met a process that hangs.
PATIENCE_SECONDS = 3600.0


@contextmanager
def locked(folder: Path, name: str, timeout: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold `<folder>/<name>.lock`. Raises LockedError after `timeout` seconds of waiting."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / f"{name}.lock", timeout=timeout):
            yield
    except Timeout:
        raise LockedError(
            f"Another run has held the lock {folder / name}.lock for {timeout:.0f} seconds; wait for it or end it."
        ) from None


def is_free(folder: Path, name: str) -> bool:
    """True where nobody holds the lock at this moment."""
    try:
        with locked(folder, name, timeout=0):
            return True
    except LockedError:
        return False
