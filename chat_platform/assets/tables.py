"""The tables that the platform fills itself, an asset each, by date: chat, calls, and the raw Rasa events."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Protocol

import dagster as dg

from chat_platform.assets import keys, steps
from chat_platform.assets.lake import LOCK, dates_of
from chat_platform.publish import chat, voice
from chat_platform.settings import Settings


class Publication(Protocol):
    """What filled the tables of a source: the dates that it touched, and table → date → rows that stand there."""

    @property
    def dates(self) -> tuple[date, ...]:
        """In order."""

    @property
    def rows(self) -> dict[str, dict[date, int]]:
        """Every table of the source, every one of the dates."""


def build_tables(settings: Settings) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The tables of the sources that are switched on."""
    assets: list[dg.AssetsDefinition | dg.AssetSpec] = []
    if "chat" in settings.sources:

        def chat_again(dates: list[date], run_id: str) -> Publication:
            return chat.backfill(settings, dates, steps.scorer_of(settings), run_id)

        assets.append(_tables(settings, "chat", keys.CHAT, [keys.SITES, keys.MODEL], chat_again))
    if "rasa" in settings.sources:
        raw = dg.AssetSpec(
            keys.RASA_EVENTS,
            deps=[keys.lake("rasa")],
            partitions_def=keys.daily_partitions(settings),
            group_name="event",
            owners=keys.OWNERS,
            kinds={"sql"},
            description="Raw tables of Rasa, one an event type and one a list; restricted. `publish` appends loads.",
        )
        assets.append(raw)
    if "voice" in settings.sources:

        def voice_again(dates: list[date], run_id: str) -> Publication:
            return voice.backfill(settings, dates, run_id)

        assets.append(_tables(settings, "voice", keys.VOICE, [], voice_again))
    return assets


def log_rows(context: dg.OpExecutionContext, tables: tuple[dg.AssetKey, ...], done: Publication) -> None:
    """One materialisation a table and date, with the rows that stand there."""
    for key in tables:
        for day in done.dates:
            metadata = {"rows": done.rows[key.path[-1]].get(day, 0)}
            context.log_event(dg.AssetMaterialization(key, partition=day.isoformat(), metadata=metadata))


def _tables(
    settings: Settings,
    source: str,
    tables: tuple[dg.AssetKey, ...],
    deps: list[dg.AssetKey],
    make_again: Callable[[list[date], str], Publication],
) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=f"{source}_tables",
        specs=[
            dg.AssetSpec(
                key,
                deps=[keys.lake(source), *deps],
                partitions_def=keys.daily_partitions(settings),
                group_name=source,
                owners=keys.OWNERS,
                kinds={"sql"},
            )
            for key in tables
        ],
        backfill_policy=keys.BACKFILL_POLICY,
        required_resource_keys=LOCK,
    )
    def filled(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        done = make_again(dates_of(context), context.run_id)
        for key in tables:
            for day in dates_of(context):
                metadata = {"rows": done.rows[key.path[-1]].get(day, 0)}
                context.add_asset_metadata(metadata, asset_key=key, partition_key=day.isoformat())
            yield dg.MaterializeResult(asset_key=key)
        for key in keys.OPERATIONS:
            context.log_event(dg.AssetMaterialization(key))

    return filled
