"""Locks between processes. They are held on files and freed by the kernel when the holder dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from chat_platform.errors import ChatPlatformError, LockedError

# Longer than any publish seen; a run that waits longer has met a process that hangs.
PATIENCE_SECONDS = 3600.0


@contextmanager
def locked(folder: Path, name: str, timeout: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold `<folder>/<name>.lock`.

    Raises LockedError after `timeout` seconds of waiting, ChatPlatformError where there can be no such file.
    """
    path = folder / f"{name}.lock"
    lock = FileLock(path, timeout=timeout)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise LockedError(
            f"Another run has held the lock {path} for {timeout:.0f} seconds; wait for it or end it."
        ) from None
    except OSError as error:
        raise ChatPlatformError(
            f"The lock {path} cannot be taken: {(error.strerror or 'unknown error').lower()}. "
            "Locks lie in CHAT_PLATFORM_HOME, which has to be writable."
        ) from None
    try:
        yield
    finally:
        lock.release()


def is_free(folder: Path, name: str) -> bool:
    """True where nobody holds the lock at this moment."""
    try:
        with locked(folder, name, timeout=0):
            return True
    except LockedError:
        return False
