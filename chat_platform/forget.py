"""Removing a person everywhere: landing, lake, refused lines, warehouse, what readers see (docs/privacy.md)."""

import os
import subprocess
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass

import pyarrow as pa

from chat_platform.assets import steps
from chat_platform.dbt.project import EXECUTABLE, PROJECT_DIR, dbt_environment, ensure_manifest
from chat_platform.errors import ChatPlatformError
from chat_platform.lake.ingest import ingest
from chat_platform.locks import locked
from chat_platform.privacy.people import Person
from chat_platform.privacy.removal import plan, swap_files
from chat_platform.privacy.tombstones import Tombstone, put_tombstone, read_tombstones
from chat_platform.publish import chat, rasa, scope, voice
from chat_platform.settings import SOURCES, Settings
from chat_platform.warehouse.compaction import compact
from chat_platform.warehouse.connection import open_warehouse
from chat_platform.warehouse.snapshot import publish_snapshot

RUN_ID = "forget"
Told = Callable[[str], None]


@dataclass(frozen=True)
class Forgotten:
    """What was removed: the person's own events, events of others that mention them, lines of landing files, refused
    lines.
    """

    events: int
    mentions: int
    lines: int
    refused: int


def forget(settings: Settings, person: Person, sources: Iterable[str] = SOURCES, told: Told = print) -> Forgotten:
    """Remove a person from the sources, and keep out for good whatever of theirs happened until now.

    Waits for a run that is going. Killed at any moment and called again, it ends in the same state; a removal whose
    record stands is also finished by the next run. Raises ChatPlatformError.
    """
    chosen = tuple(sources)
    key = settings.require_key("what is to be removed")
    with locked(settings.locks, "run"):
        finish_removals(settings, told)
        steps.prepare_sites(settings)
        steps.prepare_model(settings)
        scorer = steps.scorer_of(settings)
        told("Reading new files")
        for source in SOURCES:
            ingest(settings, source)
        told("Rewriting files")
        with ExitStack() as held:
            for source in SOURCES:
                held.enter_context(locked(settings.locks, f"ingest_{source}"))

            def scored(queries: pa.ChunkedArray) -> pa.Table:
                return chat.scored(settings, scorer, queries)

            planned = plan(settings, person, chosen, key, scored)
            swap_files(settings, planned.tombstone)
        _carry_out(settings, planned.tombstone, told)
    return Forgotten(**planned.counts)


def finish_removals(settings: Settings, told: Told) -> None:
    """Carry out removals that were interrupted. The caller holds the lock of runs."""
    for tombstone in read_tombstones(settings.lake):
        if tombstone.plan is not None:
            told("Finishing a removal that was interrupted")
            with ExitStack() as held:
                for source in SOURCES:
                    held.enter_context(locked(settings.locks, f"ingest_{source}"))
                swap_files(settings, tombstone)
            _carry_out(settings, tombstone, told)


def _carry_out(settings: Settings, tombstone: Tombstone, told: Told) -> None:
    """Make anew what hangs on the files; the files are in place."""
    assert tombstone.plan is not None
    told("Filling the tables anew")
    dates = tombstone.plan.dates
    if dates.get("chat"):
        steps.prepare_sites(settings)
        steps.prepare_model(settings)
        chat.backfill(settings, dates["chat"], steps.scorer_of(settings), RUN_ID)
    rasa.unpack_again(settings, tombstone.plan.loads.get("rasa", []))
    if dates.get("voice"):
        # The later one: it joins what the other wants built.
        voice.backfill(settings, dates["voice"], RUN_ID)
    told("Building the models anew")
    rebuild_models(settings)
    told("Writing the warehouse anew")
    compact(settings)
    publish_snapshot(settings)
    put_tombstone(settings.lake, tombstone.model_copy(update={"plan": None}))


def rebuild_models(settings: Settings) -> None:
    """Build every dbt model from nothing, those of all sources that stand. Raises ChatPlatformError where one fails."""
    with open_warehouse(settings) as warehouse:
        loads = warehouse.execute(f"select distinct source from {warehouse.name('ops.loads')}").fetchall()
        standing = {source for (source,) in loads} | set(settings.sources)
        settings = settings.model_copy(update={"sources": tuple(name for name in SOURCES if name in standing)})
        # Everything is built: what earlier runs wanted built may name the person.
        warehouse.native(f"delete from {warehouse.name('ops.run_scope')} where kind not in ('load', 'date', 'done')")
    ensure_manifest(settings)
    done = subprocess.run(
        [str(EXECUTABLE), *steps.BUILD_ARGS, "--full-refresh", "--quiet"],
        cwd=PROJECT_DIR,
        env={**os.environ, **dbt_environment(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        # Its words may quote data.
        raise ChatPlatformError("dbt did not finish; the next run goes on from here. See its log in the home.")
    scope.finish(settings, RUN_ID)
