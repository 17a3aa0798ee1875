"""The chat tables: pending loads, or dates anew, from the lake into the warehouse.

Both ways to run end in `_rebuild`: it decides which content stands under each id, replaces exactly the messages that
change, and writes in the same transaction what dbt has to rebuild (`ops.run_scope`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chat_platform import reference
from chat_platform.contracts import chat
from chat_platform.lake import manifest as manifests
from chat_platform.lake.manifest import Manifest
from chat_platform.privacy.tombstones import frozen_scores
from chat_platform.publish import scope
from chat_platform.publish.keys import use_keys
from chat_platform.publish.loads import record_verdicts
from chat_platform.publish.scope import Scope
from chat_platform.routing.rules import routing_rules
from chat_platform.settings import Settings
from chat_platform.sql import load_sql
from chat_platform.warehouse.connection import Warehouse, open_warehouse
from chat_platform.warehouse.schema import tables

_PACKAGE = "chat_platform.publish"
CHAT_TABLES = (
    "chat_sessions", "responses", "tool_usage", "web_searches", "browser_automations", "web_automations",
    "usage_metrics", "query_classifications",
)  # fmt: skip
_KEY_COLUMNS = (
    "session_id, thread_id, coalesce(thread_id, session_id) as conversation_id, content_hash, event_timestamp, "
    "event_date, load_id, load_sequence, source_file, line_number, byte_offset"
)

# Distinct queries in; out one row a query with the columns of query_classifications.
Scorer = Callable[[pa.ChunkedArray], pa.Table]


@dataclass(frozen=True)
class Publication:
    """What a run rebuilt. `rows`: table → date → rows that stand there now."""

    mode: str
    load_ids: tuple[str, ...]
    dates: tuple[date, ...]
    conversations: int
    messages_written: int
    rows: dict[str, dict[date, int]]


def write_domain_classifications(settings: Settings) -> int:
    """Make the lookup table of sites that of the package; its number of rows. Equal rows are left untouched."""
    sites = reference.domain_classifications()
    with open_warehouse(settings) as warehouse:
        warehouse.connection.register("sites_in_package", sites)
        table = warehouse.name("chat.domain_classifications")
        columns = ", ".join(tables()["chat.domain_classifications"].column_names)
        here, there = f"select {columns} from sites_in_package", f"select {columns} from {table}"
        differing = warehouse.execute(
            f"select count(*) from (({here} except all {there}) union all ({there} except all {here}))"
        ).fetchone()
        if differing != (0,):
            with warehouse.transaction():
                warehouse.native(f"delete from {table}")
                warehouse.insert("chat.domain_classifications", "select * from sites_in_package")
    return len(sites)


def pending_loads(warehouse: Warehouse) -> list[Manifest]:
    """Loads of the lake that no run has published, in the order of arrival.

    Registers loads that the warehouse has not seen yet with status 0 (rasa spec, section 3).
    """
    known = manifests.read_manifests(warehouse.settings.lake, chat.SOURCE)
    status: dict[str, int] = dict(
        warehouse.execute(
            f"select load_id, max(status) from {warehouse.name('event._loads')} where schema_name = $1 group by 1",
            [chat.SOURCE],
        ).fetchall()
    )
    unseen = [item for item in known if item.load_id not in status]
    if unseen:
        warehouse.connection.register(
            "unseen_loads",
            pa.table({"load_id": [m.load_id for m in unseen], "hash": [m.contract_version for m in unseen]}),
        )
        with warehouse.transaction():
            warehouse.insert(
                "event._loads",
                f"select load_id, '{chat.SOURCE}' as schema_name, 0 as status, "
                "timezone('UTC', now()) as inserted_at, hash as schema_version_hash from unseen_loads",
            )
    return [item for item in known if status.get(item.load_id, 0) == 0]


def publish(settings: Settings, scorer: Scorer, run_id: str) -> Publication | None:
    """Take all pending loads into the chat tables and open the scope for dbt; None where nothing is left to do.

    A scope that an interrupted run left open is something to do, pending loads or not. The loads stay pending until
    dbt has rebuilt everything in the scope: killed in between, the same loads are taken again and end in the same
    tables.
    """
    with open_warehouse(settings) as warehouse:
        use_keys(warehouse)
        pending = pending_loads(warehouse)
        if not pending and not scope.is_open(warehouse):
            return None
        return _Rebuild(warehouse, scorer, run_id, "publish", pending, frozenset()).run()


def backfill(settings: Settings, dates: Iterable[date], scorer: Scorer, run_id: str) -> Publication:
    """Make the given dates anew from the lake. The status of loads stays as it is.

    Reads the loads that stand in the tables: all published ones, and one whose publish was interrupted.
    """
    with open_warehouse(settings) as warehouse:
        use_keys(warehouse)
        taken = {
            load_id for (load_id,) in warehouse.execute(f"select load_id from {warehouse.name('ops.loads')}").fetchall()
        }
        known = manifests.read_manifests(settings.lake, chat.SOURCE)
        standing = [item for item in known if item.load_id in taken]
        return _Rebuild(warehouse, scorer, run_id, "backfill", standing, frozenset(dates)).run()


def ensure_scope(settings: Settings, dates: Iterable[date], run_id: str) -> None:
    """Open the scope for a run that starts at the dbt models; leave it where this run has opened it already.

    Takes the conversations with a message on one of `dates`, and every date that they touch.
    """
    with open_warehouse(settings) as warehouse:
        opened = warehouse.execute(
            f"select count(*) from {warehouse.name('ops.run_scope')} where run_id = $1 and source = $2",
            [run_id, chat.SOURCE],
        ).fetchone()
        if opened != (0,):
            return
        _Rebuild(warehouse, lambda _: pa.table({}), run_id, "backfill", [], frozenset(dates)).scope_only()


def scored(settings: Settings, scorer: Scorer, queries: pa.ChunkedArray) -> pa.Table:
    """What the classifier says of masked queries; of those that were erased, what it had said of their text."""
    frozen = frozen_scores(settings.lake)
    if frozen is None:
        return scorer(queries)
    frozen = frozen.filter(pc.is_in(frozen["user_query"], queries.combine_chunks()))
    _, first = np.unique(frozen["user_query"].to_numpy(zero_copy_only=False), return_index=True)
    frozen = frozen.take(pa.array(first, pa.int64()))
    said = scorer(queries.filter(pc.invert(pc.is_in(queries, frozen["user_query"].combine_chunks()))))
    return pa.concat_tables([said, frozen.select(said.column_names).cast(said.schema)])


class _Rebuild:
    """One rebuild: loads whole (publish), or the parts of some dates (backfill)."""

    def __init__(
        self,
        warehouse: Warehouse,
        scorer: Scorer,
        run_id: str,
        mode: str,
        loads: list[Manifest],
        dates: frozenset[date],
    ) -> None:
        self.warehouse = warehouse
        self.scorer = scorer
        self.mode = mode
        self.loads = loads
        self.dates = dates
        self.scope = Scope(warehouse, chat.SOURCE, run_id, mode)
        self.sessions = warehouse.name("chat.chat_sessions")
        self.anything_stands = True

    def run(self) -> Publication:
        warehouse = self.warehouse
        warehouse.execute(load_sql("chat_platform.lake", "macros"))
        warehouse.execute(load_sql(_PACKAGE, "macros"))
        self._read_lake_keys()
        # Notes of what may have to be replaced: for the first load ever there is nothing.
        self.anything_stands = warehouse.execute(f"select 1 from {self.sessions} limit 1").fetchone() is not None
        with warehouse.transaction():
            self.scope.clear("kind in ('message', 'replaced')")
            if self.anything_stands:
                self.scope.add("message", "select distinct session_id as value from new_keys")
        self._read_known_keys()
        self._derive()
        with warehouse.transaction():
            self._replace_rows()
            if self.mode == "publish":
                self._record_loads()
            self._write_scope()
        return self._publication()

    def scope_only(self) -> None:
        """Write the scope of the dates from what stands in the tables."""
        warehouse = self.warehouse
        old_dates = pa.table({"value": pa.array(sorted(self.dates), pa.date32())})
        warehouse.connection.register("old_dates", old_dates)
        standing = warehouse.native_rows(f"select conversation_id, event_date from {self.sessions}")
        warehouse.execute(
            f"""
            create or replace temp table candidates as
            select distinct conversation_id, event_date from {standing}
            where event_date in (select value from old_dates)
            """
        )
        with warehouse.transaction():
            self._write_scope()

    def _read_lake_keys(self) -> None:
        dates = set(self.dates) if self.mode == "backfill" else None
        lake = self.warehouse.settings.lake
        files = [path for item in self.loads for path in item.paths(lake, dates)]
        self.warehouse.execute("set variable lake_files = $1", [files])
        old_dates = pa.table({"value": pa.array(sorted(self.dates), pa.date32())})
        self.warehouse.connection.register("old_dates", old_dates)
        lake_keys = (
            f"select {_KEY_COLUMNS} from read_parquet(getvariable('lake_files'), union_by_name => true)"
            if files
            else f"select {_KEY_COLUMNS} from {self.sessions} where false"
        )
        self.has_files = bool(files)
        self.warehouse.execute(f"create or replace temp table new_keys as {lake_keys}")

    def _read_known_keys(self) -> None:
        warehouse = self.warehouse
        columns = _KEY_COLUMNS.replace("coalesce(thread_id, session_id) as ", "")
        touched = f"where session_id in {self.scope.values('message')}"
        standing = warehouse.native_rows(f"select {columns} from {self.sessions} {touched}")
        superseded_table = warehouse.name("ops.superseded_messages")
        lost_columns = columns.replace("thread_id, ", "").replace(", byte_offset", "")
        lost = warehouse.native_rows(f"select {lost_columns} from {superseded_table} {touched}")
        load_ids = pa.table({"load_id": pa.array([item.load_id for item in self.loads], pa.string())})
        warehouse.connection.register("run_loads", load_ids)
        again = (
            "load_id in (select load_id from run_loads)"
            if self.mode == "publish"
            else "event_date in (select value from old_dates)"
        )
        # What this run reads from the lake again is not known beforehand: a run that is repeated finds itself.
        warehouse.execute(
            f"""
            create or replace temp table known_keys as
            select * from (
                select *, true as stood from {standing}
                union all by name
                select *, cast(0 as bigint) as byte_offset, false as stood from {lost}
            ) where not ({again})
            """
        )

    def _derive(self) -> None:
        warehouse = self.warehouse
        warehouse.execute(load_sql(_PACKAGE, "candidates"))
        if not self.has_files:
            return
        warehouse.execute(load_sql(_PACKAGE, "messages"))
        warehouse.connection.register("tool_routing", routing_rules())
        warehouse.connection.register("browser_actions", reference.browser_actions())
        warehouse.connection.register("prices", reference.model_prices())
        warehouse.execute(
            "create or replace temp table sites as select domain_name, domain_category "
            f"from {warehouse.name('chat.domain_classifications')} where is_active"
        )
        warehouse.execute(load_sql(_PACKAGE, "steps"))
        queries = warehouse.execute(
            "select distinct user_query from messages where user_query is not null order by user_query"
        ).to_arrow_table()
        scores = scored(warehouse.settings, self.scorer, queries["user_query"])
        warehouse.connection.register("scores", scores)

    def _replace_rows(self) -> None:
        warehouse = self.warehouse
        if self.anything_stands:
            replaced = "select session_id as value from candidates where verdict = 'accepted' and is_new"
            self.scope.add("replaced", replaced)
        for table in CHAT_TABLES:
            name = warehouse.name(f"chat.{table}")
            warehouse.native(f"delete from {name} where session_id in {self.scope.values('replaced')}")
            if self.mode == "backfill":
                days = ", ".join(f"date '{day.isoformat()}'" for day in sorted(self.dates))
                warehouse.native(f"delete from {name} where event_date in ({days})")
            if self.has_files:
                warehouse.insert(f"chat.{table}", load_sql(_PACKAGE, table))
        superseded = warehouse.name("ops.superseded_messages")
        warehouse.native(f"delete from {superseded} where session_id in {self.scope.values('message')}")
        warehouse.insert(
            "ops.superseded_messages",
            f"select '{chat.SOURCE}' as source, * from candidates where verdict = 'superseded'",
        )

    def _record_loads(self) -> None:
        # Messages of earlier loads may have just lost to a later content.
        written = "messages" if self.has_files else None
        record_verdicts(self.warehouse, self.loads, "candidates", "stood", written)

    def _write_scope(self) -> None:
        """Name what dbt has to rebuild, on top of what an earlier run named and did not finish."""
        warehouse = self.warehouse
        self.scope.open()
        if self.mode == "publish":
            self.scope.add("load", "select load_id as value from run_loads")
        self.scope.add("conversation", "select distinct conversation_id as value from candidates")
        members = f"where conversation_id in {self.scope.values('conversation')}"
        of_sessions = warehouse.native_rows(f"select distinct event_date from {self.sessions} {members}")
        of_superseded = warehouse.native_rows(
            f"select distinct event_date from {warehouse.name('ops.superseded_messages')} {members}"
        )
        self.scope.add(
            "date",
            f"""
            select strftime(event_date, '%Y-%m-%d') as value from (
                select event_date from {of_sessions} union select event_date from {of_superseded}
                union select event_date from candidates union select value from old_dates
            )
            """,
        )

    def _publication(self) -> Publication:
        warehouse = self.warehouse
        dates = self.scope.dates()
        (messages,) = warehouse.execute(
            "select count(*) from candidates where verdict = 'accepted' and is_new"
        ).fetchone() or (0,)
        rows: dict[str, dict[date, int]] = {}
        for table in CHAT_TABLES:
            counted = warehouse.native_rows(
                f"select event_date, count(*) as n from {warehouse.name(f'chat.{table}')} group by event_date"
            )
            found = dict(warehouse.execute(f"select event_date, n from {counted}").fetchall())
            rows[table] = {day: found.get(day, 0) for day in dates}
        load_ids = tuple(item.load_id for item in self.loads) if self.mode == "publish" else ()
        return Publication(self.mode, load_ids, dates, self.scope.count("conversation"), int(messages), rows)
