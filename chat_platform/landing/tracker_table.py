"""The `events` table of a Rasa SQLTrackerStore in Postgres: what is new in it becomes a file in landing.

Rows are known by their id. Ids are given out before they are committed, so one may turn up below others that have been
read; those that were not there are asked for again in the next runs.

A tracker in the file has, beside its `events`, the `event_ids` of the store and the `order_times` of the events: the
greatest time of the sender up to each. Both are of the store, not of the file, so it makes no difference how the rows
are shared out over files and lines.
"""

import gzip
import hashlib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import duckdb
from pydantic import BaseModel

from chat_platform.contracts import rasa
from chat_platform.errors import LandingError
from chat_platform.landing.files import make_folder
from chat_platform.partitions import last_date
from chat_platform.settings import ENV_PREFIX, Settings
from chat_platform.sql import load_sql
from chat_platform.warehouse.connection import cause_of, load_extension

# How far below the greatest id a missing one is waited for, and how long: no transaction of a bot lasts so long.
WINDOW = 10_000
PATIENCE = timedelta(days=7)


class _State(BaseModel):
    """How far a table has been read: files written, greatest id, ids below it that were not there, and since when."""

    files: int = 0
    last_id: int = 0
    missing: dict[int, datetime] = {}


def collect(settings: Settings) -> Path | None:
    """Write the new rows of the store to `landing/rasa/tracker_store/`, as trackers; the file, None without any.

    Where it is killed it reads the same rows again, into the file of the same name. Raises LandingError in words of our
    own where the store cannot be read, and where it is not the one that was read before.
    """
    if settings.rasa_tracker_store is None:
        return None
    address = settings.rasa_tracker_store.get_secret_value()
    parts = urlsplit(address)
    # Another database is read from its beginning.
    name = hashlib.sha256(f"{parts.hostname} {parts.port} {parts.path} {parts.query}".encode()).hexdigest()[:8]
    folder = settings.landing / "rasa" / "tracker_store"
    state_file = folder / f".{name}.json"
    try:
        make_folder(settings.landing, "rasa", "tracker_store")
        state = _State.model_validate_json(state_file.read_bytes()) if state_file.is_file() else _State()
        with duckdb.connect() as connection:
            last_id = _read(connection, address, state, _accepted_times(settings))
            if last_id < state.last_id:
                raise LandingError(
                    f"{ENV_PREFIX}RASA_TRACKER_STORE: its table holds ids up to {last_id}, and ids up to "
                    f"{state.last_id} were read before: it was emptied, or is another one. Delete {state_file} to read "
                    "it from the beginning."
                )
            if connection.execute("select count(*) from found").fetchone() == (0,):
                return None
            target = folder / f"{name}-{state.files + 1:06d}.jsonl.gz"
            _write(connection, target)
            missing = _missing(connection, state, last_id)
        after = _State(files=state.files + 1, last_id=last_id, missing=missing)
        _put(state_file, after.model_dump_json().encode())
    except (duckdb.Error, OSError) as error:
        raise LandingError(f"{ENV_PREFIX}RASA_TRACKER_STORE cannot be read: {cause_of(error)}.") from None
    return target


def _accepted_times(settings: Settings) -> tuple[float, float]:
    """Unix seconds between which events are taken: a refused one moves no other."""
    zone = settings.time_zone(rasa.SOURCE)
    dates: tuple[date, date] = (settings.first_date, last_date(zone, datetime.now(UTC)) + timedelta(days=1))
    first, end = (datetime.combine(day, time.min, ZoneInfo(zone)).timestamp() for day in dates)
    return first, end


def _read(connection: duckdb.DuckDBPyConnection, address: str, state: _State, accepted: tuple[float, float]) -> int:
    """Table `found` of the rows that have not been read, and of those that go with them; the greatest id there is."""
    load_extension(connection, "postgres_scanner")
    quoted = address.replace("'", "''")
    connection.execute(f"attach '{quoted}' as store (type postgres, read_only)")
    # Asked in one statement, so that rows and greatest id are of one moment.
    wanted = load_sql(
        __package__, "new_rows", last_id=str(state.last_id), missing=",".join(map(str, state.missing)),
        first_time=repr(accepted[0]), end_time=repr(accepted[1]),
    )  # fmt: skip
    connection.execute("create temp table found as select * from postgres_query('store', $1)", [wanted])
    (last_id,) = connection.execute("select coalesce(max(id), 0) from found").fetchone() or (0,)
    if last_id <= state.last_id:
        ((last_id,),) = connection.execute(
            "select * from postgres_query('store', 'select coalesce(max(id), 0) from events')"
        ).fetchall()
        # What came in between is for the next time.
        last_id = min(last_id, state.last_id)
    return int(last_id)


def _write(connection: duckdb.DuckDBPyConnection, target: Path) -> None:
    """Put the file of trackers."""
    temporary = target.with_name(target.name + ".part")
    trackers = connection.execute(load_sql(__package__, "trackers")).to_arrow_reader()
    with gzip.GzipFile(temporary, "wb", compresslevel=1, mtime=0) as stream:
        for batch in trackers:
            stream.write("".join(f"{line}\n" for line in batch["line"].to_pylist()).encode())
    temporary.replace(target)


def _missing(connection: duckdb.DuckDBPyConnection, state: _State, last_id: int) -> dict[int, datetime]:
    """Ids that are still waited for."""
    now = datetime.now(UTC)
    first = max(state.last_id, last_id - WINDOW) + 1
    new = {
        number: now
        for (number,) in connection.execute(
            "select range from range($1, $2) where range not in (select id from found)", [first, last_id]
        ).fetchall()
    }
    came = {number for (number,) in connection.execute("select id from found").fetchall()} if state.missing else set()
    waiting = {number: since for number, since in state.missing.items() if number not in came}
    return {**{number: since for number, since in waiting.items() if now - since < PATIENCE}, **new}


def _put(path: Path, data: bytes) -> None:
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(data)
    temporary.replace(path)
