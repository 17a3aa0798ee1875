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
from typing import Any

from chat_platform.locks import locked

LOCKS_VARIABLE = "CHAT_PLATFORM_LOCKS"
_PR_SET_PDEATHSIG = 1
# What says where a warehouse is, and not what is in it: no model asks for it.
_PLACE = frozenset({"path", "host", "port", "user", "sslmode", "sslcert", "sslkey", "sslrootcert"})


def _end_with_parent() -> None:
    parent = os.getppid()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # The parent died before the kernel was asked to tell.
        sys.exit(1)


def _parse_alike() -> None:
    """Where the warehouse is does not count as part of the project: one that was moved need not be parsed anew."""
    from dbt.adapters.contracts.connection import Credentials

    info = Credentials.connection_info

    def connection_info(self: Credentials, *, with_aliases: bool = False) -> list[tuple[str, Any]]:
        return [(name, value) for name, value in info(self, with_aliases=with_aliases) if name not in _PLACE]

    Credentials.connection_info = connection_info


def _leave_out() -> None:
    """Spare a build what it would do for nobody: a quarter of its time.

    `parse` has come before, has written the manifest and held the project file against its schema. Events below the
    level of every log would be put into words for each of them; the calls of the platform log at level info. Where a
    model reads ephemeral ones, dbt looks for its first `with` only, and that needs no tree of everything in it.
    """
    from dbt.contracts.project import Project, ProjectFlags
    from dbt.parser import manifest
    from dbt.task import runnable
    from dbt_common.events.base_types import EventLevel
    from dbt_common.events.event_manager import EventManager
    from sqlparse import sql
    from sqlparse.engine import grouping

    def nothing(*_: object, **__: object) -> None:
        """Leave it as it is."""

    def parentheses(statement: sql.Statement) -> sql.Statement:
        """All that matters of the tree: a `with` within them is not the first one."""
        grouping.group_parenthesis(statement)  # type: ignore[no-untyped-call]
        return statement

    fire = EventManager.fire_event

    def fire_event(self: EventManager, e: Any, level: EventLevel | None = None, *others: Any, **named: Any) -> None:
        if (level or e.level_tag()) != EventLevel.DEBUG or EventLevel.DEBUG in (log.level for log in self.loggers):
            fire(self, e, level, *others, **named)

    for owner, name, instead in (
        (manifest, "write_manifest", nothing),
        (runnable, "write_manifest", nothing),
        (Project, "validate", nothing),
        (ProjectFlags, "validate", nothing),
        (grouping, "group", parentheses),
        (EventManager, "fire_event", fire_event),
    ):
        if not hasattr(owner, name):
            raise AttributeError(f"dbt has no {name} in {owner} any more")
        setattr(owner, name, instead)


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

    _parse_alike()
    folder = os.environ.get(LOCKS_VARIABLE)
    if folder is None or (len(sys.argv) > 1 and sys.argv[1] == "parse"):
        cli()
        return
    _leave_out()
    with locked(Path(folder), "warehouse"):
        cli()
