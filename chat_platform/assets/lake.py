"""For each source: what was delivered, and the lake."""

from datetime import date

import dagster as dg

from chat_platform.assets import keys
from chat_platform.lake.manifest import read_manifests
from chat_platform.settings import Settings

LOCK = {"run_lock"}
_DELIVERED = {
    "chat": "Messages as delivered, below the landing folder.",
    "rasa": "Rasa events and trackers as delivered, below the landing folder.",
    "voice": "Events of calls as delivered, below the landing folder.",
}


def dates_of(context: dg.AssetExecutionContext) -> list[date]:
    """Dates of a partitioned run, one or a range."""
    return [date.fromisoformat(key) for key in context.partition_keys]


def build_lake_assets(settings: Settings) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Landing and lake of the sources that are switched on."""
    return [asset for source in settings.sources for asset in (_landing(source), _lake(settings, source))]


def _landing(source: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        keys.landing(source),
        group_name="landing",
        owners=keys.OWNERS,
        kinds={"json"},
        description=_DELIVERED[source],
    )


def _lake(settings: Settings, source: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=keys.lake(source),
        deps=[keys.landing(source)],
        partitions_def=keys.daily_partitions(settings),
        backfill_policy=keys.BACKFILL_POLICY,
        group_name="lake",
        owners=keys.OWNERS,
        kinds={"parquet", "duckdb"},
        required_resource_keys=LOCK,
        description=(
            "Typed and checked, one Parquet file per load and date of the source. New files become a load in the job "
            "`publish`; a load never changes, so a backfill reads what is there."
        ),
    )
    def rows_in_lake(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        manifests = read_manifests(settings.lake, source)
        for day in dates_of(context):
            parts = [part for item in manifests for part in item.parts if part.event_date == day]
            context.add_asset_metadata(
                {"rows": sum(part.rows for part in parts), "files": len(parts)}, partition_key=day.isoformat()
            )
        return dg.MaterializeResult()

    return rows_in_lake
