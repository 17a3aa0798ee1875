"""The dbt models as assets, and the snapshot that people read."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, dbt_assets

from chat_platform.assets import keys, steps
from chat_platform.assets.accuracy import FIGURES
from chat_platform.assets.lake import LOCK, dates_of
from chat_platform.dbt.project import environment
from chat_platform.publish import chat, rasa, scope, voice
from chat_platform.settings import Settings
from chat_platform.warehouse.snapshot import publish_snapshot

# What every other model reads; it has to be made anew even where only one table was asked for.
SCOPE_MODELS = {
    "chat": "scope_conversations +scope_dates +int_chat__messages",
    "rasa": "scope_conversations +scope_dates +int_rasa__interactions",
    "voice": "scope_conversations +scope_dates +int_voice__ordered_events +int_voice__days",
}


def build_models(settings: Settings, manifest: Mapping[str, Any]) -> list[dg.AssetsDefinition]:
    """The dbt project and the snapshot for these settings."""
    translator: DagsterDbtTranslator = keys.Translator(settings)
    dbt = steps.dbt_resource()
    dated = {translator.get_asset_key(node) for node in manifest["nodes"].values() if keys.is_partitioned(node)}

    @dbt_assets(
        manifest=manifest,
        name="models",
        dagster_dbt_translator=translator,
        backfill_policy=keys.BACKFILL_POLICY,
        required_resource_keys=LOCK,
        exclude="resource_type:unit_test",
    )
    def models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        dates = dates_of(context) if context.has_partition_key or context.has_partition_key_range else []
        if "chat" in settings.sources:
            chat.ensure_scope(settings, dates, context.run_id)
        if "rasa" in settings.sources:
            rasa.open_scope(settings, dates, context.run_id)
        if "voice" in settings.sources:
            voice.open_scope(settings, dates, context.run_id)
        with environment(settings):
            if context.is_subset:
                selected = " ".join(SCOPE_MODELS[source] for source in settings.sources)
                first = dbt.cli(["run", "--select", selected], manifest=manifest, raise_on_error=False)
                first.wait()
                if failure := steps.failure_of(first):
                    raise dg.Failure(str(failure))
            invocation = dbt.cli(["build"], context=context, raise_on_error=False)
            # What a date holds is known when dbt has ended, and has to be said before its event goes out.
            made = []
            for event in invocation.stream():
                if isinstance(event, dg.Output | dg.MaterializeResult):
                    made.append(event)
                else:
                    yield event
        failure = steps.failure_of(invocation)
        if failure is None:
            for row in steps.ledger_of_scope(settings):
                key = dg.AssetKey(row.asset.split("/"))
                if key in context.selected_asset_keys and key in dated and row.event_date in dates:
                    day = row.event_date.isoformat()
                    context.add_asset_metadata(row.metadata, asset_key=key, partition_key=day)
        yield from made
        if failure is not None:
            raise dg.Failure(str(failure))
        if not context.is_subset:
            # After the events: a run killed before it leaves the scope open, and the next one logs its dates again.
            scope.finish(settings, context.run_id)

    figures = [FIGURES] if "voice" in settings.sources else []

    @dg.asset(
        key=keys.PUBLISHED,
        deps=[dg.AssetKey(["ops", "published_loads"]), dg.AssetKey(["kpi", "daily"]), *figures],
        group_name="published",
        owners=keys.OWNERS,
        kinds={"duckdb"},
        required_resource_keys=LOCK,
        freshness_policy=keys.FRESHNESS,
        description="The file that people, dashboards and `chat-platform query` read: always one complete publish.",
    )
    def snapshot() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata={"bytes": publish_snapshot(settings), "where": settings.warehouse_label})

    return [models, snapshot]
