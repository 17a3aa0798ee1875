"""Names of assets: one key a table, `layer/name`, grouped by layer; and the dates they are partitioned by."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject

from chat_platform.publish.chat import CHAT_TABLES
from chat_platform.publish.voice import VOICE_TABLES
from chat_platform.settings import Settings

RASA_EVENTS = dg.AssetKey(["event", "event"])
SITES = dg.AssetKey(["chat", "domain_classifications"])
MODEL = dg.AssetKey(["classifier", "domain_intent_model"])
PUBLISHED = dg.AssetKey(["published", "snapshot"])
CHAT = tuple(dg.AssetKey(["chat", table]) for table in CHAT_TABLES)
VOICE = tuple(dg.AssetKey(["voice", table]) for table in VOICE_TABLES)
# Tables with dates that the platform writes, by source.
DATED_TABLES = {"chat": CHAT_TABLES, "rasa": ("event",), "voice": VOICE_TABLES}
# Tables about runs that the same step writes; whole, not by date.
OPERATIONS = tuple(
    dg.AssetKey(key)
    for key in (
        ["event", "_loads"], ["ops", "loads"], ["ops", "load_files"], ["ops", "load_issues"],
        ["ops", "superseded_messages"], ["ops", "run_scope"], ["ops", "pseudonym_keys"], ["event", "shown_ids"],
    )
)  # fmt: skip
OWNERS = ["team:analytics"]
# People look at these by date; staging, scope and status tables are whole.
PARTITIONED_MODELS = frozenset({"semantic", "kpi"})
WHOLE_MODELS = frozenset({"kpi_definitions", "users", "voice_calls", "voice_overall", "voice_survey"})
# Read daily: a feed that stands still for longer is worth a look.
FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=26))
BACKFILL_POLICY = dg.BackfillPolicy.single_run()


def landing(source: str) -> dg.AssetKey:
    """Key of what was delivered of a source."""
    return dg.AssetKey(["landing", source])


def lake(source: str) -> dg.AssetKey:
    """Key of the lake of a source."""
    return dg.AssetKey(["lake", source])


def daily_partitions(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Dates as labels; today and tomorrow exist, as clocks of senders run ahead."""
    return dg.DailyPartitionsDefinition(start_date=settings.first_date.isoformat(), end_offset=2)


class Translator(DagsterDbtTranslator):
    """dbt models and sources as assets: `layer/name`, the sources being the tables that the platform writes."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))
        self.partitions = daily_partitions(settings)

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Key of a dbt node: `layer/name`, for a source `source/table`."""
        if dbt_resource_props["resource_type"] == "source":
            if dbt_resource_props["source_name"] == "rasa":
                return RASA_EVENTS
            return dg.AssetKey([dbt_resource_props["source_name"], dbt_resource_props["name"]])
        return dg.AssetKey([layer_of(dbt_resource_props), dbt_resource_props["name"]])

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """Spec of a dbt node: grouped by layer, with dates where its rows belong to dates."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        props = manifest["nodes"].get(unique_id) or manifest["sources"][unique_id]
        layer = layer_of(props) if props["resource_type"] != "source" else self.get_asset_key(props).path[0]
        spec = spec.replace_attributes(group_name=layer, owners=OWNERS)
        if is_partitioned(props):
            # Through tables without dates a backfill of one date would spread to all of them.
            dated = {self.get_asset_key(node) for node in dated_ancestors(manifest, unique_id)}
            spec = spec.replace_attributes(partitions_def=self.partitions, deps=sorted(dated))
        if props["name"] in {"daily", "chat_daily"}:
            spec = spec.replace_attributes(freshness_policy=FRESHNESS)
        return spec


def layer_of(props: Mapping[str, Any]) -> str:
    """Layer of a dbt node: the folder below models; seeds belong to the KPIs that they define."""
    return "kpi" if props["resource_type"] == "seed" else str(props["fqn"][1])


def dated_ancestors(manifest: Mapping[str, Any], unique_id: str) -> Iterator[Mapping[str, Any]]:
    """The nearest tables with dates that a model reads, straight or through models without dates; and seeds."""
    seen: set[str] = set()
    waiting = [unique_id]
    while waiting:
        parents = set(manifest["nodes"][waiting.pop()]["depends_on"].get("nodes", [])) - seen
        seen |= parents
        for parent in parents:
            if parent in manifest["sources"]:
                source = manifest["sources"][parent]
                if source["name"] in DATED_TABLES.get(source["source_name"], ()):
                    yield source
            elif is_partitioned(manifest["nodes"][parent]) or manifest["nodes"][parent]["resource_type"] == "seed":
                yield manifest["nodes"][parent]
            else:
                waiting.append(parent)


def is_partitioned(props: Mapping[str, Any]) -> bool:
    """True for dbt models whose rows belong to dates."""
    return (
        props["resource_type"] == "model"
        and props["config"]["materialized"] != "ephemeral"
        and layer_of(props) in PARTITIONED_MODELS
        and props["name"] not in WHOLE_MODELS
    )
