"""The raw Rasa tables: pending loads from the lake into `{prefix}_event`, and the scope that dbt has to rebuild.

The rows of a load and its status 0 come in one transaction: a load without that row is not complete.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from chat_platform.contracts import rasa
from chat_platform.lake import manifest as manifests
from chat_platform.publish.keys import use_keys
from chat_platform.publish.loads import record_load, unpublished
from chat_platform.publish.scope import Scope, is_open
from chat_platform.publish.shown_ids import note_shown_ids, note_shown_ids_anew
from chat_platform.settings import Settings
from chat_platform.unpack.events import delete_load, ensure_events, new_unpacker, unpack_load
from chat_platform.unpack.tables import Unpacker
from chat_platform.warehouse.connection import open_warehouse


@dataclass(frozen=True)
class Publication:
    """What a run did: its loads, the senders and dates that they touch with the events there, rows added by table."""

    load_ids: tuple[str, ...]
    senders: int
    rows: dict[date, int]
    added: dict[str, int]


def publish(settings: Settings, run_id: str) -> Publication | None:
    """Unpack all pending loads and open the scope for dbt; None where nothing is left to do.

    A load that an earlier run has unpacked and not published is unpacked again: its rows go first. In a run that
    publishes chat messages too, this has to be the later of the two.
    """
    with open_warehouse(settings) as warehouse:
        use_keys(warehouse)
        unpacker = new_unpacker(warehouse)
        ensure_events(unpacker)
        pending = unpublished(warehouse, rasa.SOURCE)
        if not pending and not is_open(warehouse):
            return None
        for item in pending:
            unpack_load(unpacker, item)
            with warehouse.transaction():
                delete_load(unpacker, item.load_id)
                unpacker.insert()
                # Which deliveries are of one event is decided downstream: here every one of them stands.
                record_load(warehouse, item, accepted=item.typed)
            unpacker.clear()
        load_ids = tuple(item.load_id for item in pending)
        warehouse.connection.register("run_loads", pa.table({"load_id": pa.array(load_ids, pa.string())}))
        scope = Scope(warehouse, rasa.SOURCE, run_id, "publish")
        with warehouse.transaction():
            scope.open()
            scope.add("load", "select load_id as value from run_loads")
            note_shown_ids(unpacker, scope.values("load"))
            touched = f"select distinct sender_key as value from {unpacker.name('event')} where _dlt_load_id in "
            scope.add("conversation", f"select value from {warehouse.native_rows(touched + scope.values('load'))}")
            _add_dates(scope, unpacker)
        counted = warehouse.native_rows(
            f"select event_date, count(*) as n from {unpacker.name('event')} "
            f"where event_date in (select cast(dates.value as date) from {scope.values('date')} as dates) "
            "group by event_date"
        )
        found = dict(warehouse.execute(f"select event_date, n from {counted}").fetchall())
        senders = scope.count("conversation")
        return Publication(load_ids, senders, {day: found.get(day, 0) for day in scope.dates()}, unpacker.rows)


def unpack_again(settings: Settings, load_ids: Iterable[str]) -> None:
    """Put the rows of loads that stand in the tables there again, as the lake has them now."""
    wanted = set(load_ids)
    if not wanted:
        return
    with open_warehouse(settings) as warehouse:
        loads = warehouse.execute(f"select load_id from {warehouse.name('ops.loads')}").fetchall()
        use_keys(warehouse)
        standing = wanted & {load_id for (load_id,) in loads}
        unpacker = new_unpacker(warehouse)
        for item in manifests.read_manifests(settings.lake, rasa.SOURCE):
            if item.load_id in standing:
                unpack_load(unpacker, item)
                with warehouse.transaction():
                    delete_load(unpacker, item.load_id)
                    unpacker.insert()
                unpacker.clear()
        with warehouse.transaction():
            note_shown_ids_anew(unpacker)


def open_scope(settings: Settings, dates: Iterable[date], run_id: str) -> None:
    """Open the scope for a run that makes dates anew: the senders with an event on one of them, and all their dates."""
    with open_warehouse(settings) as warehouse:
        use_keys(warehouse)
        unpacker = new_unpacker(warehouse)
        ensure_events(unpacker)
        scope = Scope(warehouse, rasa.SOURCE, run_id, "backfill")
        warehouse.connection.register("run_dates", pa.table({"value": pa.array(sorted(dates), pa.date32())}))
        events = warehouse.native_rows(f"select distinct sender_key, event_date from {unpacker.name('event')}")
        with warehouse.transaction():
            scope.open()
            note_shown_ids(unpacker, "(select null where false)")
            scope.add("date", "select strftime(value, '%Y-%m-%d') as value from run_dates")
            scope.add(
                "conversation",
                f"select distinct sender_key as value from {events} where event_date in (select value from run_dates)",
            )
            _add_dates(scope, unpacker)


def _add_dates(scope: Scope, unpacker: Unpacker) -> None:
    """Add every date on which a sender of the scope has an event."""
    there = f"where sender_key in {scope.values('conversation')}"
    dates = scope.warehouse.native_rows(f"select distinct event_date from {unpacker.name('event')} {there}")
    scope.add("date", f"select strftime(event_date, '%Y-%m-%d') as value from {dates}")
