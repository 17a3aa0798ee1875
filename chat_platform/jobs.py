"""The two ways to run: `publish` takes all that is new, `backfill` makes dates anew."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from chat_platform.assets import keys, steps
from chat_platform.assets.chat import LOCK
from chat_platform.dbt.project import environment
from chat_platform.forget import finish_removals
from chat_platform.lake.ingest import SOURCES, ingest
from chat_platform.lake.manifest import read_manifests
from chat_platform.privacy.retention import expire
from chat_platform.publish import rasa, voice
from chat_platform.publish.chat import finish_scope, publish
from chat_platform.settings import Settings
from chat_platform.status import unpublished_loads
from chat_platform.warehouse.snapshot import publish_snapshot, snapshot_is_current

PUBLISH = "publish"
BACKFILL = "backfill"
EXPIRE = "expire"


def build_publish_job(settings: Settings, manifest_path: Path, progress: steps.Progress) -> dg.JobDefinition:
    """Job of ops, not of assets: one run touches scattered dates, and logs one materialisation for each of them."""
    translator = keys.Translator(settings)
    dbt = steps.dbt_resource()

    @dg.op(required_resource_keys=LOCK, out=dg.Out(dg.Nothing))
    def prepare(context: dg.OpExecutionContext) -> None:
        """Lookup table and classifier, as the tables need them. A removal that was interrupted is finished first."""
        finish_removals(settings, progress.step)
        progress.step("Preparing the classifier")
        context.log_event(dg.AssetMaterialization(keys.SITES, metadata={"rows": steps.prepare_sites(settings)}))
        card = steps.model_metadata(steps.prepare_model(settings))
        context.log_event(dg.AssetMaterialization(keys.MODEL, metadata=card))

    @dg.op(required_resource_keys=LOCK, ins={"ready": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
    def ingest_new_files(context: dg.OpExecutionContext) -> None:
        """New files → one load a source in the lake."""
        progress.step("Reading new files")
        for source in SOURCES:
            done = ingest(settings, source, progress.advance)
            for notice in done.notices:
                # What is no source's file is told by each.
                if source == SOURCES[0] or notice.name.startswith(f"{source}/"):
                    context.log.warning(f"{notice.name}: {notice.reason}. {notice.message}")
        # The new loads, and those of runs that were killed, maybe before they could tell.
        unpublished = set(unpublished_loads(settings))
        for manifest in read_manifests(settings.lake):
            if manifest.load_id in unpublished:
                for event in steps.load_events(manifest):
                    context.log_event(event)

    @dg.op(required_resource_keys=LOCK, ins={"ready": dg.In(dg.Nothing)})
    def fill_tables(context: dg.OpExecutionContext) -> bool:
        """Pending loads → chat and voice tables, raw Rasa tables, scope. True where there was something to publish."""
        progress.step("Filling the chat tables")
        done = publish(settings, steps.scorer_of(settings), context.run_id)
        if done is not None:
            for key in keys.CHAT:
                for day in done.dates:
                    rows = done.rows[key.path[-1]].get(day, 0)
                    context.log_event(dg.AssetMaterialization(key, partition=day.isoformat(), metadata={"rows": rows}))
        progress.step("Unpacking Rasa events")
        unpacked = rasa.publish(settings, context.run_id)
        if unpacked is not None:
            metadata = {f"rows/{table}": rows for table, rows in unpacked.rows.items()}
            context.log_event(dg.AssetMaterialization(keys.RASA_EVENTS, metadata=metadata))
        progress.step("Filling the voice tables")
        called = voice.publish(settings, context.run_id)
        if called is not None:
            for key in keys.VOICE:
                for day in called.dates:
                    rows = called.rows[key.path[-1]].get(day, 0)
                    context.log_event(dg.AssetMaterialization(key, partition=day.isoformat(), metadata={"rows": rows}))
        loads = [load for found in (done, unpacked, called) if found is not None for load in found.load_ids]
        if not loads:
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
                    manifest=manifest_path,
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
            finish_scope(settings, context.run_id)
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
        selection=dg.AssetSelection.all().materializable(),
        executor_def=dg.in_process_executor,
        description="Make dates anew from the lake: chat tables, semantic tables and KPIs.",
    )


def build_expire_job(settings: Settings) -> dg.JobDefinition:
    """Delete what is kept for a time only. It takes the lock of runs by itself."""

    @dg.op(out=dg.Out(dg.Nothing))
    def delete_expired(context: dg.OpExecutionContext) -> None:
        """Delivered files and refused lines of published loads that are older than the setting."""
        done = expire(settings, SOURCES)
        context.log.info(f"Expired: {done.files} delivered files, refused lines of {done.loads} loads.")

    @dg.job(
        name=EXPIRE,
        executor_def=dg.in_process_executor,
        description="Delete delivered files and refused lines that are older than CHAT_PLATFORM_RETENTION_DAYS.",
    )
    def expire_job() -> None:
        delete_expired()

    return expire_job
