"""The Dagster instance below the home, shared by the command line and the UI."""

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError

from chat_platform.errors import ChatPlatformError
from chat_platform.settings import Settings

# No pool limits: a limit outlives the process that holds it, and the next run waits for ever. Writers take a lock
# that the kernel frees. Runs restart after a crash of their process only; bad data does not get better by itself.
DAGSTER_YAML = """\
nux:
  enabled: false
telemetry:
  enabled: false
run_monitoring:
  enabled: true
run_retries:
  enabled: true
  max_retries: 2
  retry_on_asset_or_op_failure: false
python_logs:
  python_log_level: INFO
event_log_storage:
  module: chat_platform.instance
  class: EventLog
"""


# One file a run, and a server sees many of them.
_KEPT_ENGINES = 8


class EventLog(SqliteEventLogStorage):
    """Dagster's own records in SQLite, in the same files: an engine and a connection for the index and the last runs.

    Dagster makes both for each event, and compiles every statement anew: a third of the time of a backfill.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._found: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No settings: the records lie where Dagster puts them, below DAGSTER_HOME."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> "EventLog":
        """As Dagster makes a storage from its dagster.yaml."""
        return cls(str(Path(os.environ["DAGSTER_HOME"]) / "history" / "runs"), inst_data, **config_value)

    def has_table(self, table_name: str) -> bool:
        """Whether a table is there. What was once found is not looked for again with the next event."""
        return self._finds(table_name, lambda: super(EventLog, self).has_table(table_name))

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        look = super()._has_asset_key_col_on_connection
        return self._finds(f"asset_keys.{column_name}", lambda: look(conn, column_name))

    def _finds(self, name: str, look: Callable[[], bool]) -> bool:
        if name not in self._found and look():
            self._found.add(name)
        return name in self._found

    def store_event(self, event: dg.EventLogEntry) -> None:
        """As Dagster does it. Who follows a run in the UI is told when its file changes, which an open one does not."""
        super().store_event(event)
        os.utime(self.path_for_shard(event.run_id))

    def wipe(self) -> None:
        """As Dagster does it: the files of all runs go, so none may stay open."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """As Dagster does it; what is in the write-ahead logs goes into the files."""
        self._close()
        super().dispose()

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            if shard not in self._engines:
                self._engines[shard] = self._new_engine(shard)
                if len(self._engines) > _KEPT_ENGINES:
                    self._engines.popitem(last=False)[1].dispose()
            self._engines.move_to_end(shard)
            engine = self._engines[shard]
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _new_engine(self, shard: str) -> Engine:
        engine = create_engine(
            self.conn_string_for_shard(shard),
            poolclass=QueuePool,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
        )

        @event.listens_for(engine, "connect")
        def _(connection: Any, _record: object) -> None:
            # With a write-ahead log, as Dagster has it, nothing that was committed goes with the process; the last
            # events may go with the power.
            connection.execute("pragma synchronous = normal")

        return engine


def prepare_instance(settings: Settings) -> None:
    """Make the Dagster home with its dagster.yaml; one that is there stays as it is.

    Raises ChatPlatformError where it cannot be written.
    """
    try:
        settings.dagster_home.mkdir(parents=True, exist_ok=True)
        path = settings.dagster_home / "dagster.yaml"
        if not path.exists():
            path.write_text(DAGSTER_YAML, encoding="utf-8")
    except OSError as error:
        raise _unusable(settings, (error.strerror or "unknown error").lower()) from None


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance of these settings. Raises ChatPlatformError where its records cannot be read or written."""
    prepare_instance(settings)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    try:
        with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
            yield instance
    except DBAPIError as error:
        # Nothing else here speaks to a database by this way, and its words are SQLite's own: no data.
        raise _unusable(settings, str(error.orig)) from None


def _unusable(settings: Settings, cause: str) -> ChatPlatformError:
    return ChatPlatformError(
        f"Dagster's records in {settings.dagster_home} cannot be used: {cause}. Make room there, or make it writable, "
        "or set CHAT_PLATFORM_DAGSTER_HOME to another folder; then run again."
    )
