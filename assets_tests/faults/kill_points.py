"""Where a run can be killed: one point or more in every step, from the first look at landing to the last event."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from homes import Home, executable

from chat_platform.settings import Settings

HOOK = Path(__file__).with_name("kill_hook")
LOADING = Path(__file__).with_name("loading.py")
RUN, DBT = "chat-platform", "chat-platform-dbt"


@dataclass(frozen=True)
class Point:
    """A place in a process: a call of `function` (the one with `text` in its arguments), or a file that is written.

    `victim`: the process itself (self), all of the run (all), or the run that started this dbt (parent).
    `reader`: what readers see afterwards, the publish before (old) or this one (new).
    """

    step: str
    what: str
    module: str = ""
    function: str = ""
    when: str = "before"
    text: str = ""
    call: int = 1
    pattern: str = ""
    process: str = RUN
    victim: str = "self"
    reader: str = "old"

    @property
    def name(self) -> str:
        """For reports and for ids of tests."""
        return f"{self.step}: {self.what}"


def _ours(step: str, what: str, place: str, when: str, **more: str | int) -> Point:
    module, _, function = place.partition(":")
    return Point(step, what, f"chat_platform.{module}", function, when, **more)  # type: ignore[arg-type]


def _in_dbt(what: str, text: str, when: str, victim: str) -> Point:
    place = ("dbt.adapters.duckdb.environments.local", "DuckDBCursorWrapper.execute")
    return Point("build", what, *place, when, text, process=DBT, victim=victim)


_SCAN, _INGEST, _PUBLISH = "landing.files:scan", "lake.ingest:_Load", "publish.chat:_Rebuild"
# How dbt begins to replace the rows of a table, and a whole one.
_REPLACE = 'delete from "warehouse"."demo_'
_MAKE = 'create or replace table "warehouse"."demo_'
_STATUS = 'insert into "warehouse"."demo_event"."_loads"'
# What both ways to run have in common, from the models to the snapshot.
_ENDING = (
    Point("build", "before dbt reads anything", "chat_platform.locks", "locked", "before", process=DBT),
    _in_dbt("the run, as dbt makes the scope", _MAKE + 'ops"."scope_dates"', "after", "parent"),
    _in_dbt(
        "dbt alone, before sessions are replaced",
        _REPLACE + 'semantic"."sessions"',
        "before",
        "self",
    ),
    _in_dbt("dbt alone, before that is committed", _REPLACE + 'semantic"."sessions"', "after", "self"),
    _in_dbt("the run, while costs are replaced", _REPLACE + 'kpi"."message_costs"', "after", "parent"),
    _in_dbt("all at once, before the daily KPIs", _REPLACE + 'kpi"."daily"', "before", "all"),
    _in_dbt("all at once, while a table is made anew", _MAKE + 'kpi"."chat_daily"', "after", "all"),
    _in_dbt(
        "dbt alone, while the ledger is written",
        _REPLACE + 'ops"."partition_ledger"',
        "after",
        "self",
    ),
    _in_dbt("dbt alone, before the status is committed", _STATUS, "after", "self"),
    _ours("events", "before any date of the models is logged", "assets.steps:ledger_of_scope", "before"),
    _ours("events", "before the scope is finished", "publish.scope:finish", "before"),
    _ours("events", "after the scope is finished", "publish.scope:finish", "after"),
    _ours("snapshot", "before the copy", "warehouse.snapshot:publish_snapshot", "before"),
    Point("snapshot", "in the middle of the copy", pattern="warehouse.duckdb.next"),
    Point("snapshot", "before the rename", "pathlib", "Path.replace", "before", "warehouse.duckdb.next"),
    Point("snapshot", "after the rename", "pathlib", "Path.replace", "after", "warehouse.duckdb.next", reader="new"),
)
PUBLISH_POINTS = (
    _ours("scan", "before the look at landing", _SCAN, "before"),
    _ours("scan", "after the look at landing", _SCAN, "after"),
    _ours("prepare", "before the classifier", "classifier.current:ensure_current", "before"),
    _ours("ingest", "after a chunk is typed", "lake.typing:type_lines", "after"),
    Point("ingest", "while parts are written", pattern="lake/chat/event_date=*/*.parquet"),
    _ours("ingest", "between parts and refused lines", f"{_INGEST}._write_rejects", "before"),
    _ours("ingest", "between refused lines and manifest", "lake.manifest:put_manifest", "before"),
    Point("ingest", "before the manifest's rename", "pathlib", "Path.replace", "before", "_loads"),
    Point("ingest", "after the manifest's rename", "pathlib", "Path.replace", "after", "_loads"),
    _ours("publish transaction", "after status 0", "publish.chat:pending_loads", "after"),
    _ours("publish transaction", "before rows are replaced", f"{_PUBLISH}._replace_rows", "before"),
    _ours("publish transaction", "after rows are replaced", f"{_PUBLISH}._record_loads", "before"),
    _ours("publish transaction", "before the scope", f"{_PUBLISH}._write_scope", "before"),
    _ours("publish transaction", "before the commit", f"{_PUBLISH}._write_scope", "after", victim="all"),
    _ours("publish transaction", "after the commit", f"{_PUBLISH}._publication", "before"),
    *_ENDING,
    Point(
        "events", "while dates are logged", "dagster", "OpExecutionContext.log_event", "after", "['kpi', 'daily']", 2
    ),
)
BACKFILL_POINTS = (
    _ours("publish transaction", "before rows are replaced", f"{_PUBLISH}._replace_rows", "before"),
    _ours("publish transaction", "before the commit", f"{_PUBLISH}._write_scope", "after"),
    _ours("publish transaction", "after the commit", f"{_PUBLISH}._publication", "before", victim="all"),
    *(point for point in _ENDING if "the status" not in point.what),
)

_WAREHOUSE, _UNPACKER, _CALLS = "warehouse.connection:Warehouse", "unpack.tables:Unpacker", "publish.voice:_Rebuild"


def _loading(source: str) -> tuple[Point, ...]:
    """Of the sources whose lines are all looked at closely."""
    return (
        _ours("ingest", "after a chunk is typed", f"lake.{source}:type_events", "after"),
        Point("ingest", "while parts are written", pattern=f"lake/{source}/event_date=*/*.parquet"),
        Point("ingest", "before the manifest's rename", "pathlib", "Path.replace", "before", "_loads"),
        Point("ingest", "after the manifest's rename", "pathlib", "Path.replace", "after", "_loads"),
    )


# From the models to the snapshot, as far as the sources differ in what they meet there.
_LATER = tuple(
    point
    for point in _ENDING
    if point.step != "build" or "sessions" in point.what or "daily" in point.what or "the status" in point.what
)
_SCOPE = (
    _ours("publish transaction", "before the scope", "publish.scope:Scope.open", "before"),
    _ours("publish transaction", "before the scope is committed", "publish.rasa:_add_dates", "after", victim="all"),
)
SOURCE_POINTS = {
    "rasa": (
        *_loading("rasa"),
        _ours("unpack", "before the events are read", "unpack.events:unpack_load", "before"),
        _ours("unpack", "after the first of several new columns", f"{_UNPACKER}._native", "after", text="add column"),
        _ours("unpack", "between two new tables", f"{_UNPACKER}._native", "before", text="create table", call=2),
        _ours("unpack", "before the transaction", "unpack.events:delete_load", "before"),
        _ours("unpack", "in the midst of the rows", f"{_WAREHOUSE}.execute", "before", text='event"."event_user" ('),
        _ours("unpack", "between rows and status 0", "publish.loads:record_load", "before"),
        _ours("unpack", "after status 0, before the commit", "publish.loads:record_load", "after", victim="all"),
        _ours("unpack", "after the commit", f"{_UNPACKER}.clear", "before"),
        *_SCOPE,
        *_LATER,
    ),
    "voice": (
        *_loading("voice"),
        _ours("publish transaction", "before rows are replaced", f"{_CALLS}._replace_rows", "before"),
        _ours("publish transaction", "between two tables", f"{_WAREHOUSE}.insert", "before", text="voice.turns"),
        _ours("publish transaction", "after rows are replaced", f"{_CALLS}._record_loads", "before"),
        _ours("publish transaction", "before the scope", f"{_CALLS}._write_scope", "before"),
        _ours("publish transaction", "before the commit", f"{_CALLS}._write_scope", "after", victim="all"),
        _ours("publish transaction", "after the commit", f"{_CALLS}._publication", "before"),
        *_LATER,
    ),
}
SOURCE_BACKFILL_POINTS = {
    "rasa": (*_SCOPE, *(point for point in _LATER if "the status" not in point.what)),
    "voice": (
        *(point for point in SOURCE_POINTS["voice"] if "transaction" in point.step and "after rows" not in point.what),
        *(point for point in _LATER if "the status" not in point.what),
    ),
}


def killed_run(home: Home, point: Point, *arguments: str) -> tuple[int, str]:
    """Exit code and standard error of a run that comes to the point. Fails where it never got there."""
    done = _killed([executable(RUN), "run", *arguments], point, home.root, home.environment)
    # A dbt that was killed alone is a failure of the run, which says so; everything else is the end of it.
    assert done.returncode == (1 if point.process == DBT and point.victim == "self" else -signal.SIGKILL), done.stderr
    return done.returncode, done.stderr


def killed_loading(settings: Settings, source: str, point: Point) -> None:
    """The same for `loading.py`."""
    point = replace(point, process=str(LOADING))
    key = settings.require_key("a test")
    command = [sys.executable, str(LOADING), source, str(settings.home), key]
    done = _killed(command, point, settings.home, dict(os.environ))
    assert done.returncode == -signal.SIGKILL, done.stderr


def _killed(
    command: list[str], point: Point, root: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    mark = root / "killed"
    mark.unlink(missing_ok=True)
    armed = {**asdict(point), "name": point.name, "folder": str(root)}
    armed_with = {"PYTHONPATH": str(HOOK), "KILL_AT": json.dumps(armed), "KILL_MARK": str(mark)}
    done = subprocess.run(
        command,
        env={**environment, **armed_with},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        timeout=300,
        check=False,
        cwd=root,
    )
    assert mark.is_file(), f"the run never came to {point.name}:\n{done.stderr}"
    assert mark.read_text() == f"{point.name} in {Path(point.process).name}"
    return done


def processes_of(home: Home) -> list[int]:
    """Processes, other than this one, that were started for this home."""
    mark = f"CHAT_PLATFORM_HOME={home.root}\0".encode()
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit() and int(place.name) != os.getpid():
            try:
                if mark in (place / "environ").read_bytes() + b"\0":
                    found.append(int(place.name))
            except OSError:
                continue
    return found


def assert_nothing_runs_on(home: Home) -> None:
    """No process of the home is left after some seconds."""
    deadline = time.monotonic() + 5
    while left := processes_of(home):
        assert time.monotonic() < deadline, f"processes {left} go on writing"
        time.sleep(0.05)
