"""Assets of the voice source: what was delivered, the lake, the tables of calls."""

from collections.abc import Iterator

import dagster as dg

from chat_platform.assets import keys
from chat_platform.assets.chat import LOCK, dates_of
from chat_platform.contracts import voice
from chat_platform.lake.manifest import read_manifests
from chat_platform.publish.voice import backfill
from chat_platform.settings import Settings


def build_voice_assets(settings: Settings) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets for these settings."""
    partitions = keys.daily_partitions(settings)

    @dg.asset(
        key=keys.VOICE_LAKE,
        deps=[keys.VOICE_LANDING],
        partitions_def=partitions,
        backfill_policy=keys.BACKFILL_POLICY,
        group_name="lake",
        owners=keys.OWNERS,
        kinds={"parquet", "duckdb"},
        required_resource_keys=LOCK,
        description=(
            "Events of calls, typed and checked, one Parquet file per load and local date. New files become a load in "
            "the job `publish`; a load never changes, so a backfill reads what is there."
        ),
    )
    def lake_voice(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        manifests = read_manifests(settings.lake, voice.SOURCE)
        for day in dates_of(context):
            parts = [part for item in manifests for part in item.parts if part.event_date == day]
            context.add_asset_metadata(
                {"rows": sum(part.rows for part in parts), "files": len(parts)}, partition_key=day.isoformat()
            )
        return dg.MaterializeResult()

    by_date = [
        dg.AssetSpec(
            key,
            deps=[keys.VOICE_LAKE],
            partitions_def=partitions,
            group_name="voice",
            owners=keys.OWNERS,
            kinds={"sql"},
        )
        for key in keys.VOICE
    ]

    @dg.multi_asset(
        name="voice_tables",
        specs=by_date,
        backfill_policy=keys.BACKFILL_POLICY,
        required_resource_keys=LOCK,
    )
    def voice_tables(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        done = backfill(settings, dates_of(context), context.run_id)
        for key in keys.VOICE:
            for day in dates_of(context):
                rows = {"rows": done.rows[key.path[-1]].get(day, 0)}
                context.add_asset_metadata(rows, asset_key=key, partition_key=day.isoformat())
            yield dg.MaterializeResult(asset_key=key)

    landing = dg.AssetSpec(
        keys.VOICE_LANDING,
        group_name="landing",
        owners=keys.OWNERS,
        kinds={"json"},
        description="Files of events of calls as delivered, below the landing folder.",
    )
    return [landing, lake_voice, voice_tables]
