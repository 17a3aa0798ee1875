"""Assets of the Rasa source: what was delivered, the lake, the raw tables that build themselves."""

import dagster as dg

from chat_platform.assets import keys
from chat_platform.assets.chat import LOCK, dates_of
from chat_platform.contracts import rasa
from chat_platform.lake.manifest import read_manifests
from chat_platform.settings import Settings


def build_rasa_assets(settings: Settings) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets for these settings."""

    @dg.asset(
        key=keys.RASA_LAKE,
        deps=[keys.RASA_LANDING],
        partitions_def=keys.daily_partitions(settings),
        backfill_policy=keys.BACKFILL_POLICY,
        group_name="lake",
        owners=keys.OWNERS,
        kinds={"parquet", "duckdb"},
        required_resource_keys=LOCK,
        description=(
            "Rasa events, checked, one Parquet file per load and date. New files become a load in the job `publish`; "
            "a load never changes, so a backfill reads what is there."
        ),
    )
    def lake_rasa(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        manifests = read_manifests(settings.lake, rasa.SOURCE)
        for day in dates_of(context):
            parts = [part for item in manifests for part in item.parts if part.event_date == day]
            context.add_asset_metadata(
                {"rows": sum(part.rows for part in parts), "files": len(parts)}, partition_key=day.isoformat()
            )
        return dg.MaterializeResult()

    landing = dg.AssetSpec(
        keys.RASA_LANDING,
        group_name="landing",
        owners=keys.OWNERS,
        kinds={"json"},
        description="Files of Rasa events and trackers as delivered, below the landing folder.",
    )
    events = dg.AssetSpec(
        keys.RASA_EVENTS,
        deps=[keys.RASA_LAKE],
        partitions_def=keys.daily_partitions(settings),
        group_name="event",
        owners=keys.OWNERS,
        kinds={"sql"},
        description="Raw tables of Rasa, one an event type and one a list; restricted. `publish` appends loads.",
    )
    return [landing, lake_rasa, events]
