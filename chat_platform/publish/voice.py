"""The voice tables: pending loads, or dates anew, from the lake into `{prefix}_voice`, and the scope for dbt.

Whole calls are replaced, in all tables, in one transaction. What stands of a call that a new event touches is taken
over as it is; a backfill makes its calls from the lake alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from chat_platform.contracts import voice
from chat_platform.lake import manifest as manifests
from chat_platform.lake.manifest import Manifest
from chat_platform.publish.keys import use_keys
from chat_platform.publish.loads import record_verdicts, unpublished
from chat_platform.publish.scope import Scope, is_open
from chat_platform.settings import Settings
from chat_platform.sql import load_sql
from chat_platform.warehouse.connection import Warehouse, open_warehouse
from chat_platform.warehouse.schema import tables

_PACKAGE = "chat_platform.publish"
VOICE_TABLES = (
    "events", "calls", "turns", "api_calls", "solutions", "transfers", "surveys", "custom_events", "warnings",
)  # fmt: skip
# Tables whose rows are events and hold nothing that other events of the call decide.
_OWN_ROWS = ("events", "turns", "api_calls", "surveys", "custom_events")
# Texts of an event and the bytes that their columns hold; the content of a custom event is the last.
TEXTS = {
    **dict.fromkeys(
        (
            "event_type", "through", "robot_version", "reason", "dialog_type", "script_point", "intent", "top_intent",
            "last_solution", "api_name",
        ),
        256,
    ),
    "scale": 64,
    **dict.fromkeys(
        ("captured_text", "cleansed_text", "agent_text", "command", "uri", "previous_solutions", "content"), 65535
    ),
}  # fmt: skip
# The last of them.
JSON_TEXTS = ("previous_solutions", "content")
_KEY_COLUMNS = "event_key, content_hash, call_id, load_id, source_file, line_number"
_ID_COLUMNS = "event_id, event_key, call_id, event_type, event_timestamp, event_date, load_id, source_file, line_number"


@dataclass(frozen=True)
class Publication:
    """What a run rebuilt. `rows`: table → date → rows that stand there now."""

    mode: str
    load_ids: tuple[str, ...]
    dates: tuple[date, ...]
    calls: int
    rows: dict[str, dict[date, int]]


def pending_loads(warehouse: Warehouse) -> list[Manifest]:
    """Loads of the lake that no run has published, in the order of arrival."""
    return unpublished(warehouse, voice.SOURCE)


def publish(settings: Settings, run_id: str) -> Publication | None:
    """Take all pending loads into the voice tables and open the scope for dbt; None where nothing is pending.

    The loads stay pending until dbt has rebuilt the scope: killed before, the same loads are taken again and end in
    the same tables. In a run that publishes chat messages too, this has to be the later of the two.
    """
    with open_warehouse(settings) as warehouse:
        use_keys(warehouse)
        pending = pending_loads(warehouse)
        if not pending and not is_open(warehouse):
            return None
        return _Rebuild(warehouse, run_id, "publish", pending, frozenset()).run()


def backfill(settings: Settings, dates: Iterable[date], run_id: str) -> Publication:
    """Make the calls with an event on one of `dates` anew from the lake. The status of loads stays as it is.

    Reads the loads that stand in the tables: all published ones, and one whose publish was interrupted.
    """
    with open_warehouse(settings) as warehouse:
        use_keys(warehouse)
        taken = {
            load_id for (load_id,) in warehouse.execute(f"select load_id from {warehouse.name('ops.loads')}").fetchall()
        }
        known = manifests.read_manifests(settings.lake, voice.SOURCE)
        standing = [item for item in known if item.load_id in taken]
        return _Rebuild(warehouse, run_id, "backfill", standing, frozenset(dates)).run()


def open_scope(settings: Settings, dates: Iterable[date], run_id: str) -> None:
    """Open the scope for a run that starts at the dbt models: calls with an event on a date, and all their dates."""
    with open_warehouse(settings) as warehouse:
        _Rebuild(warehouse, run_id, "backfill", [], frozenset(dates)).scope_only()


class _Rebuild:
    """One rebuild: loads whole (publish), or the calls of some dates (backfill)."""

    def __init__(
        self, warehouse: Warehouse, run_id: str, mode: str, loads: list[Manifest], dates: frozenset[date]
    ) -> None:
        self.warehouse = warehouse
        self.mode = mode
        self.loads = loads
        self.scope = Scope(warehouse, voice.SOURCE, run_id, mode)
        self.events = warehouse.name("voice.events")
        self.given_dates = dates
        warehouse.connection.register("given_dates", pa.table({"event_date": pa.array(sorted(dates), pa.date32())}))
        load_ids = pa.table({"load_id": pa.array([item.load_id for item in loads], pa.string())})
        warehouse.connection.register("run_loads", load_ids)
        # The first load ever has nothing to be compared with.
        self.anything_stands = warehouse.execute(f"select 1 from {self.events} limit 1").fetchone() is not None

    def run(self) -> Publication:
        warehouse = self.warehouse
        warehouse.execute(load_sql("chat_platform.lake", "macros"))
        warehouse.execute(load_sql(_PACKAGE, "macros"))
        if self.mode == "publish":
            self._read_lake(None)
        else:
            self._touch_dates()
            self._read_lake(self._dates_of_touched())
        self._decide()
        if self.mode == "publish" or not self.has_files:
            # Without files there is nothing to make calls of: they stay as they are.
            touched = "distinct call_id from fresh" if self.has_files else "call_id from new_keys"
            warehouse.execute(f"create or replace temp table touched as select {touched}")
        if self.has_files:
            self._keep()
            self._derive()
        with warehouse.transaction():
            self._replace_rows()
            if self.mode == "publish":
                self._record_loads()
            self._write_scope()
        return self._publication()

    def scope_only(self) -> None:
        """Write the scope of the dates from what stands in the tables."""
        self._touch_dates()
        self._dates_of_touched()
        with self.warehouse.transaction():
            self._write_scope()

    def _standing(self, table: str, columns: str, key: str, keys: str) -> str:
        """Relation of the standing rows of a table whose `key` is in the temp table `keys`, which has it too."""
        name = self.warehouse.name(f"voice.{table}")
        if not self.anything_stands:
            return f"(select {columns} from {name} where false)"
        if not self.warehouse.settings.is_postgres:
            return f"(select {columns} from {name} where {key} in (select {key} from {keys}))"
        # The server cannot see tables of the worker: it gets the values, and looks the rows up itself.
        return self.warehouse.native_rows(f"select {columns} from {name} where {key} in {self._noted(key, keys)}")

    def _noted(self, key: str, keys: str) -> str:
        """Subquery of the values of `keys` for the server."""
        self.warehouse.execute(
            f"delete from {self.scope.table} where source = $1 and kind = $2", [voice.SOURCE, keys[:16]]
        )
        self.scope.add(keys[:16], f"select {key} as value from {keys}")
        return self.scope.values(keys[:16])

    def _in(self, key: str, keys: str) -> str:
        """The same for a statement that runs in the warehouse itself."""
        if self.warehouse.settings.is_postgres:
            return self._noted(key, keys)
        return f"(select {key} from {keys})"

    def _touch_dates(self) -> None:
        """Table `touched`: calls with an event on a given date, in the tables or in the lake."""
        warehouse = self.warehouse
        files = [path for item in self.loads for path in item.paths(warehouse.settings.lake, set(self.given_dates))]
        standing = warehouse.native_rows(f"select distinct call_id, event_date from {self.events}")
        select = f"select distinct call_id from {standing} where event_date in (select event_date from given_dates)"
        if files:
            warehouse.execute("set variable lake_files = $1", [files])
            select += " union select distinct call_id from read_parquet(getvariable('lake_files'))"
        warehouse.execute(f"create or replace temp table touched as {select}")

    def _dates_of_touched(self) -> set[date]:
        """Dates on which the touched calls have events; table `touched_dates`."""
        standing = self._standing("events", "distinct event_date", "call_id", "touched")
        self.warehouse.execute(
            "create or replace temp table touched_dates as "
            f"select event_date from {standing} union select event_date from given_dates"
        )
        return {day for (day,) in self.warehouse.execute("select event_date from touched_dates").fetchall()}

    def _read_lake(self, dates: set[date] | None) -> None:
        """Table `new_keys`: what the lake holds, of the given dates and touched calls only if there are dates.

        In the first load ever only what stands there more than once.
        """
        warehouse = self.warehouse
        lake = warehouse.settings.lake
        files = [path for item in self.loads for path in item.paths(lake, dates)]
        warehouse.execute("set variable lake_files = $1", [files])
        self.has_files = bool(files)
        # Files of one contract have the same columns; to match them by name takes as long as to read a few.
        by_name = len({item.contract_version for item in self.loads}) > 1
        self.lake_rows = f"read_parquet(getvariable('lake_files'), union_by_name => {by_name}) as lake"
        if files:
            only = "" if dates is None else "semi join touched on lake.call_id = touched.call_id"
            if dates is None and not self.anything_stands:
                # A line alone under its key has nothing to be compared with.
                repeated = f"select event_key from {self.lake_rows} group by event_key having count(*) > 1"
                only = f"semi join ({repeated}) as repeated on lake.event_key = repeated.event_key"
            keys = f"select {_KEY_COLUMNS}, load_sequence, byte_offset from {self.lake_rows} {only}"
        else:
            keys = f"select {_KEY_COLUMNS}, 0 as load_sequence, 0 as byte_offset from {self.events} limit 0"
        warehouse.execute(f"create or replace temp table new_keys as {keys}")

    def _decide(self) -> None:
        """Tables `verdicts` and `fresh`: which lines stand for their keys, and which of the lake come to stand."""
        warehouse = self.warehouse
        if self.mode == "publish" and self.anything_stands:
            warehouse.execute("create or replace temp table new_calls as select distinct call_id from new_keys")
            standing = self._standing("events", _KEY_COLUMNS, "call_id", "new_calls")
            # What this run reads from the lake again is not known beforehand: a run that is repeated finds itself.
            known = f"select * from {standing} where load_id not in (select load_id from run_loads)"
        else:
            known = f"select {_KEY_COLUMNS} from {self.events} limit 0"
        warehouse.execute(f"create or replace temp table known_keys as {known}")
        warehouse.execute(load_sql(_PACKAGE, "voice/lines"))
        if not self.has_files:
            return
        lost = "select load_sequence, source_file, byte_offset from verdicts where is_new and verdict <> 'accepted'"
        only = [] if self.mode == "publish" else ["lake.call_id in (select call_id from touched)"]
        if warehouse.execute(f"{lost} limit 1").fetchone():
            only.append(f"(lake.load_sequence, lake.source_file, lake.byte_offset) not in ({lost})")
        warehouse.execute(
            "create or replace temp view incoming as "
            f"select * from {self.lake_rows} where {' and '.join(only) or 'true'}"
        )
        too_long = (f"strlen({text}) > {most_bytes}" for text, most_bytes in TEXTS.items())
        published = (
            f"case when changes then cut(texts[{place}], {most_bytes}) else {text} end as {text}"
            for place, (text, most_bytes) in enumerate(TEXTS.items(), 1)
        )
        warehouse.execute(
            load_sql(
                _PACKAGE,
                "voice/fresh",
                too_long=" or ".join(too_long),
                texts=", ".join(text for text in TEXTS if text not in JSON_TEXTS),
                json_texts=", ".join(JSON_TEXTS),
                published=", ".join(published),
            )
        )

    def _keep(self) -> None:
        """Tables `kept_<table>`: standing rows of touched calls that stay; none in a backfill."""
        for table in (*_OWN_ROWS, "solutions", "transfers", "warnings"):
            if self.mode == "publish":
                standing = self._standing(table, "*", "call_id", "touched")
                kept = (
                    f"select * from {standing} where event_key is not null "
                    "and load_id not in (select load_id from run_loads) "
                    "and event_key not in (select event_key from verdicts where not is_new and verdict <> 'accepted')"
                )
            else:
                kept = f"select * from {self.warehouse.name(f'voice.{table}')} limit 0"
            self.warehouse.execute(f"create or replace temp table kept_{table} as {kept}")

    def _derive(self) -> None:
        warehouse = self.warehouse
        warehouse.execute(load_sql(_PACKAGE, "voice/spine"))
        warehouse.execute(load_sql(_PACKAGE, "voice/calls"))
        self._find_collisions()
        for table in ("solutions", "transfers"):
            # Those of their columns that the call decides are made anew for the kept rows too.
            said = load_sql(_PACKAGE, f"voice/new_{table}")
            columns = ", ".join(row[0] for row in warehouse.execute(f"describe {said}").fetchall())
            warehouse.execute(
                f"create or replace temp table said_{table} as {said} union all select {columns} from kept_{table}"
            )

    def _find_collisions(self) -> None:
        warehouse = self.warehouse
        if self.anything_stands:
            warehouse.execute("create or replace temp table fresh_ids as select distinct event_id from fresh")
            known = f"select * from {self._standing('events', _ID_COLUMNS, 'event_id', 'fresh_ids')}"
        else:
            warehouse.execute(
                "create or replace temp table fresh_ids as "
                "select event_id from fresh group by event_id having count(*) > 1"
            )
            known = f"select {_ID_COLUMNS} from {self.events} limit 0"
        warehouse.execute(f"create or replace temp table known_ids as {known}")
        warehouse.execute(load_sql(_PACKAGE, "voice/collisions"))
        warehouse.execute(
            "delete from kept_warnings where warning = 'id_collision' "
            "and event_key in (select event_key from known_ids)"
        )
        warehouse.execute(
            "create or replace temp table elsewhere as select event_key from collisions "
            "where call_id not in (select call_id from touched)"
        )

    def _replace_rows(self) -> None:
        warehouse = self.warehouse
        if not self.has_files:
            return
        for table in VOICE_TABLES:
            name = warehouse.name(f"voice.{table}")
            if self.anything_stands:
                warehouse.native(f"delete from {name} where call_id in {self._in('call_id', 'touched')}")
            if table in _OWN_ROWS:
                columns = ", ".join(tables()[f"voice.{table}"].column_names)
                fresh = f"select {columns} from ({load_sql(_PACKAGE, f'voice/{table}')})"
                select = f"{fresh} union all select {columns} from kept_{table}"
            elif table == "calls":
                select = "select * from call_rows"
            else:
                select = load_sql(_PACKAGE, f"voice/{table}")
            if table == "warnings" and self.anything_stands:
                # An event of another call may have lost its place as the first of its id.
                again = self._in("event_key", "elsewhere")
                warehouse.native(f"delete from {name} where warning = 'id_collision' and event_key in {again}")
            warehouse.insert(f"voice.{table}", select)

    def _record_loads(self) -> None:
        # Events of earlier loads may have just lost to a smaller hash.
        written = "fresh" if self.has_files else None
        record_verdicts(self.warehouse, self.loads, "verdicts", "not is_new", written)

    def _write_scope(self) -> None:
        scope = self.scope
        scope.open()
        if self.mode == "publish":
            scope.add("load", "select load_id as value from run_loads")
            days = "select distinct event_date from spine" if self.has_files else "select event_date from given_dates"
        else:
            days = "select event_date from touched_dates"
        scope.add("call", "select call_id as value from touched")
        scope.add("date", f"select strftime(event_date, '%Y-%m-%d') as value from ({days})")

    def _publication(self) -> Publication:
        dates = self.scope.dates()
        days = ", ".join(f"date '{day.isoformat()}'" for day in dates)
        rows: dict[str, dict[date, int]] = {}
        for table in VOICE_TABLES:
            found: dict[date, int] = {}
            if dates:
                counted = self.warehouse.native_rows(
                    f"select event_date, count(*) as n from {self.warehouse.name(f'voice.{table}')} "
                    f"where event_date in ({days}) group by event_date"
                )
                found = dict(self.warehouse.execute(f"select event_date, n from {counted}").fetchall())
            rows[table] = {day: found.get(day, 0) for day in dates}
        load_ids = tuple(item.load_id for item in self.loads) if self.mode == "publish" else ()
        (calls,) = self.warehouse.execute("select count(*) from touched").fetchone() or (0,)
        return Publication(self.mode, load_ids, dates, int(calls), rows)
