"""Assets of the chat source: what was delivered, the lake, the lookup table, the classifier, the tables."""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from chat_platform.assets import keys, steps
from chat_platform.contracts import chat
from chat_platform.lake.manifest import read_manifests
from chat_platform.publish.chat import Publication, backfill
from chat_platform.settings import Settings

LOCK = {"run_lock"}


def dates_of(context: dg.AssetExecutionContext) -> list[date]:
    """Dates of a partitioned run, one or a range."""
    return [date.fromisoformat(key) for key in context.partition_keys]


def build_assets(settings: Settings) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets for these settings."""
    partitions = keys.daily_partitions(settings)

    @dg.asset(
        key=keys.LAKE,
        deps=[keys.LANDING],
        partitions_def=partitions,
        backfill_policy=keys.BACKFILL_POLICY,
        group_name="lake",
        owners=keys.OWNERS,
        kinds={"parquet", "duckdb"},
        required_resource_keys=LOCK,
        description=(
            "Messages, typed and checked, one Parquet file per load and date. New files become a load in the job "
            "`publish`; a load never changes, so a backfill reads what is there."
        ),
    )
    def lake_chat(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        manifests = read_manifests(settings.lake, chat.SOURCE)
        for day in dates_of(context):
            parts = [part for item in manifests for part in item.parts if part.event_date == day]
            context.add_asset_metadata(
                {"rows": sum(part.rows for part in parts), "files": len(parts)}, partition_key=day.isoformat()
            )
        return dg.MaterializeResult()

    @dg.asset(
        key=keys.SITES,
        group_name="chat",
        owners=keys.OWNERS,
        kinds={"csv"},
        required_resource_keys=LOCK,
        description="Lookup of sites: category, intent and example queries; the classifier learns from it.",
    )
    def domain_classifications() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata={"rows": steps.prepare_sites(settings)})

    @dg.asset(
        key=keys.MODEL,
        deps=[keys.SITES],
        group_name="classifier",
        owners=keys.OWNERS,
        kinds={"scikitlearn"},
        required_resource_keys=LOCK,
        description="Classifier of domain and intent. Trained anew only when its data, code or scikit-learn changed.",
    )
    def domain_intent_model() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata=steps.model_metadata(steps.prepare_model(settings)))

    by_date = [
        dg.AssetSpec(
            key,
            deps=[keys.LAKE, keys.SITES, keys.MODEL],
            partitions_def=partitions,
            group_name="chat",
            owners=keys.OWNERS,
            kinds={"sql"},
        )
        for key in keys.CHAT
    ]

    @dg.multi_asset(
        name="chat_tables",
        specs=by_date,
        backfill_policy=keys.BACKFILL_POLICY,
        required_resource_keys=LOCK,
    )
    def chat_tables(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        done = backfill(settings, dates_of(context), steps.scorer_of(settings), context.run_id)
        for key in keys.CHAT:
            for day in dates_of(context):
                metadata = rows_metadata(done, key, day)
                context.add_asset_metadata(metadata, asset_key=key, partition_key=day.isoformat())
            yield dg.MaterializeResult(asset_key=key)
        for key in keys.OPERATIONS:
            context.log_event(dg.AssetMaterialization(key))

    landing = dg.AssetSpec(
        keys.LANDING,
        group_name="landing",
        owners=keys.OWNERS,
        kinds={"json"},
        description="Files as delivered, below the landing folder.",
    )
    # Written whole by the same step. Kept out of it all the same: a backfill of dates takes all of a step's tables.
    whole = [
        dg.AssetSpec(
            key,
            deps=[keys.LAKE, keys.RASA_LAKE, keys.VOICE_LAKE],
            group_name=key.path[0],
            owners=keys.OWNERS,
            kinds={"sql"},
            description="Written by the steps of the chat and voice tables and of the raw Rasa tables.",
        )
        for key in keys.OPERATIONS
    ]
    return [landing, lake_chat, domain_classifications, domain_intent_model, chat_tables, *whole]


def rows_metadata(done: Publication, key: dg.AssetKey, day: date) -> dict[str, int]:
    """Rows that stand in a table on a date."""
    return {"rows": done.rows[key.path[-1]].get(day, 0)}
