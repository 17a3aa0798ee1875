"""Tables about runs: loads, their status and issues, the scope; written by the steps that fill tables of sources."""

import dagster as dg

from chat_platform.assets import keys
from chat_platform.settings import Settings


def build_operations(settings: Settings) -> list[dg.AssetSpec]:
    """Specs of the tables; no step of their own, or a backfill of dates would take them along whole."""
    return [
        dg.AssetSpec(
            key,
            deps=[dg.AssetKey(["lake", source]) for source in settings.sources],
            group_name=key.path[0],
            owners=keys.OWNERS,
            kinds={"sql"},
            description="Written by the steps that fill the tables of the sources.",
        )
        for key in keys.OPERATIONS
    ]
