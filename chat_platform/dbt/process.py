"""The dbt command as the platform starts it: under the warehouse lock, and never longer than its parent lives.

Dagster starts this instead of `dbt`. A run that is killed takes its dbt with it (Linux), and where it does not,
the lock keeps the next run waiting until that dbt has ended: the kernel frees it, whatever happens.
"""

import ctypes
import gc
import os
import signal
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from chat_platform.locks import locked

LOCKS_VARIABLE = "CHAT_PLATFORM_LOCKS"
_PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    parent = os.getppid()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # The parent died before the kernel was asked to tell.
        sys.exit(1)


def _write_no_manifest() -> None:
    """`parse` has written it, and what is read of a build are its results: twice more takes half a second."""
    from dbt.parser import manifest
    from dbt.task import runnable

    def nothing(*_: object, **__: object) -> None:
        """Leave the manifest as it is."""

    for module in (manifest, runnable):
        vars(module)["write_manifest"] = nothing


def main() -> None:
    """Run dbt with the arguments of this process."""
    if sys.argv[1:] == ["--version"]:
        # Dagster asks before every call; dbt's own answer takes seconds and looks for news on the network.
        print(f"dbt-core {version('dbt-core')}")  # noqa: T201 - the answer is this process's output
        return
    _end_with_parent()
    # A process of seconds: what it would look for as garbage is the project, which stays to the end.
    gc.disable()
    from dbt.cli.main import cli

    folder = os.environ.get(LOCKS_VARIABLE)
    if folder is None or (len(sys.argv) > 1 and sys.argv[1] == "parse"):
        cli()
        return
    _write_no_manifest()
    with locked(Path(folder), "warehouse"):
        cli()
