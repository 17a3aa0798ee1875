"""The two ways to run: `publish` takes all that is new, `backfill` makes dates anew."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from chat_platform.assets import keys, steps
from chat_platform.assets.lake import LOCK
from chat_platform.assets.tables import log_rows
from chat_platform.dbt.project import environment
from chat_platform.forget import finish_removals
from chat_platform.lake.ingest import ingest
from chat_platform.lake.manifest import read_manifests
from chat_platform.landing.tracker_table import collect
from chat_platform.privacy.retention import expire
from chat_platform.publish import chat, rasa, scope, voice
from chat_platform.settings import SOURCES, Settings
from chat_platform.status import unpublished_loads
from chat_platform.warehouse.snapshot import publish_snapshot, snapshot_is_current

PUBLISH = "publish"
BACKFILL = "backfill"
EXPIRE = "expire"


def build_publish_job(settings: Settings, manifest: Mapping[str, Any], progress: steps.Progress) -> dg.JobDefinition:
    """Job of ops, not of assets: one run touches scattered dates, and logs one materialisation for each of them."""
    translator = keys.Translator(settings)
    dbt = steps.dbt_resource()

    def fill_chat(context: dg.OpExecutionContext) -> tuple[str, ...] | None:
        """Loads that the chat tables took; None where there was nothing to do."""
        done = chat.publish(settings, steps.scorer_of(settings), context.run_id)
        if done is None:
            return None
        log_rows(context, keys.CHAT, done)
        return done.load_ids

    def fill_rasa(context: dg.OpExecutionContext) -> tuple[str, ...] | None:
        """Loads that the raw Rasa tables took; None where there was nothing to do."""
        done = rasa.publish(settings, context.run_id)
        if done is None:
            return None
        for day, rows in done.rows.items():
            metadata = {"rows": rows}
            context.log_event(dg.AssetMaterialization(keys.RASA_EVENTS, partition=day.isoformat(), metadata=metadata))
        # Not their names: those of events are the feed's own words.
        context.log.info(f"{sum(done.added.values())} rows added to {len(done.added)} raw Rasa tables.")
        return done.load_ids

    def fill_voice(context: dg.OpExecutionContext) -> tuple[str, ...] | None:
        """Loads that the voice tables took; None where there was nothing to do."""
        done = voice.publish(settings, context.run_id)
        if done is None:
            return None
        log_rows(context, keys.VOICE, done)
        return done.load_ids

    fill = {"chat": fill_chat, "rasa": fill_rasa, "voice": fill_voice}

    @dg.op(required_resource_keys=LOCK, out=dg.Out(dg.Nothing))
    def prepare(context: dg.OpExecutionContext) -> None:
        """Finish a removal that was interrupted; then the lookup table and classifier that the chat tables need."""
        finish_removals(settings, progress.step)
        if "chat" not in settings.sources:
            return
        progress.step("Preparing the classifier")
        context.log_event(dg.AssetMaterialization(keys.SITES, metadata={"rows": steps.prepare_sites(settings)}))
        card = steps.model_metadata(steps.prepare_model(settings))
        context.log_event(dg.AssetMaterialization(keys.MODEL, metadata=card))

    @dg.op(required_resource_keys=LOCK, ins={"ready": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
    def ingest_new_files(context: dg.OpExecutionContext) -> None:
        """New files → one load a source in the lake."""
        progress.step("Reading new files")
        if (written := collect(settings)) is not None:
            context.log.info(f"New rows of the tracker store: {written.relative_to(settings.landing)}")
        for source in settings.sources:
            done = ingest(settings, source, progress.advance)
            for notice in done.notices:
                # What is no source's file is told by each.
                if source == settings.sources[0] or notice.name.startswith(f"{source}/"):
                    context.log.warning(f"{notice.name}: {notice.reason}. {notice.message}")
        # The new loads, and those of runs that were killed, maybe before they could tell.
        unpublished = set(unpublished_loads(settings))
        for manifest in read_manifests(settings.lake):
            if manifest.load_id in unpublished:
                for event in steps.load_events(manifest):
                    context.log_event(event)

    @dg.op(required_resource_keys=LOCK, ins={"ready": dg.In(dg.Nothing)})
    def fill_tables(context: dg.OpExecutionContext) -> bool:
        """Pending loads → tables of the sources, and scope. True where there was something to publish."""
        loads: list[str] = []
        rebuilt = False
        for source in settings.sources:
            progress.step(f"Filling the tables of {source}")
            done = fill[source](context)
            if done is not None:
                loads += done
                rebuilt = True
        if not rebuilt:
            context.log.info("No load is pending.")
            return False
        for key in keys.OPERATIONS:
            context.log_event(dg.AssetMaterialization(key, metadata={"loads": len(loads)}))
        return True

    @dg.op(required_resource_keys=LOCK)
    def build_models(context: dg.OpExecutionContext, published: bool) -> Iterator[Any]:
        """dbt: semantic tables, KPIs, ledger, and last of all the status of the loads."""
        if published:
            progress.step("Building sessions, interactions and KPIs")
            with environment(settings):
                invocation = dbt.cli(
                    list(steps.BUILD_ARGS),
                    manifest=manifest,
                    dagster_dbt_translator=translator,
                    raise_on_error=False,
                )
                by_date = {
                    translator.get_asset_key(node)
                    for node in invocation.manifest["nodes"].values()
                    if keys.is_partitioned(node)
                }
                for event in invocation.stream():
                    # Tables with dates get one event a date below.
                    if not isinstance(event, dg.Output) and not (
                        isinstance(event, dg.AssetMaterialization) and event.asset_key in by_date
                    ):
                        yield event
                if failure := steps.failure_of(invocation):
                    raise dg.Failure(str(failure), allow_retries=False)
            # In this order: a run killed in between leaves the scope open, and the next one logs its dates again.
            steps.log_ledger(context, steps.ledger_of_scope(settings), by_date)
            scope.finish(settings, context.run_id)
        yield dg.Output(published)

    @dg.op(required_resource_keys=LOCK)
    def swap_snapshot(context: dg.OpExecutionContext, published: bool) -> None:
        """Hand the whole publish to readers at once."""
        if published or not snapshot_is_current(settings):
            progress.step("Swapping in the new snapshot")
            metadata: dict[str, Any] = {"bytes": publish_snapshot(settings), "where": settings.warehouse_label}
            context.log_event(dg.AssetMaterialization(keys.PUBLISHED, metadata=metadata))

    @dg.job(
        name=PUBLISH,
        executor_def=dg.in_process_executor,
        description="Take everything new in landing through to the KPIs; finishes what an interrupted run left.",
    )
    def publish_job() -> None:
        swap_snapshot(build_models(fill_tables(ready=ingest_new_files(ready=prepare()))))

    return publish_job


def build_backfill_job() -> Any:
    """Make the dates of a range anew, from the lake to the KPIs."""
    return dg.define_asset_job(
        BACKFILL,
        # With the checks of tables that no step makes: without them it would be a part of the graph, see models.
        selection=dg.AssetSelection.all().materializable() | dg.AssetSelection.all_asset_checks(),
        executor_def=dg.in_process_executor,
        description="Make dates anew from the lake: chat tables, semantic tables and KPIs.",
    )


def build_expire_job(settings: Settings) -> dg.JobDefinition:
    """Delete what is kept for a time only. It takes the lock of runs by itself."""

    @dg.op(out=dg.Out(dg.Nothing))
    def delete_expired(context: dg.OpExecutionContext) -> None:
        """Delivered files, refused lines and unmasked texts of published loads that are older than the setting."""
        done = expire(settings, SOURCES)
        context.log.info(
            f"Expired: {done.files} delivered files, refused lines of {done.loads} loads. "
            f"Typed texts of {done.masked} loads were masked."
        )

    @dg.job(
        name=EXPIRE,
        executor_def=dg.in_process_executor,
        description="Delete delivered files and refused lines, and mask typed texts, older than "
        "CHAT_PLATFORM_RETENTION_DAYS.",
    )
    def expire_job() -> None:
        delete_expired()

    return expire_job
