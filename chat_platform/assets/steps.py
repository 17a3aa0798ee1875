"""What a run does, step by step, for both ways to run: publish (an op job) and backfill (partitioned assets)."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import dagster as dg
import pyarrow as pa
from dagster_dbt import DbtCliInvocation, DbtCliResource

from chat_platform import reference
from chat_platform.classifier.current import ensure_current, load_current
from chat_platform.dbt.project import EXECUTABLE, PROJECT_DIR
from chat_platform.errors import ChatPlatformError
from chat_platform.lake.manifest import Manifest
from chat_platform.locks import locked
from chat_platform.publish.chat import Scorer, write_domain_classifications
from chat_platform.settings import Settings
from chat_platform.warehouse.connection import known_cause, open_warehouse

# The ledger has no rows of views; those without dates are not among them.
VIEWS_OF_DAILY = (
    "kpi/chat_daily", "kpi/rasa_daily", "kpi/voice_daily", "kpi/voice_api_daily", "kpi/voice_survey_daily",
)  # fmt: skip


class Progress(Protocol):
    """Told what a run is doing, for people who watch."""

    def step(self, name: str) -> None:
        """A step begins."""

    def advance(self, done: int) -> None:
        """Bytes of text read so far in this step."""


class QuietProgress:
    """Tells nobody: the Dagster UI shows the steps itself."""

    def step(self, name: str) -> None:
        """Nothing."""

    def advance(self, done: int) -> None:
        """Nothing."""


def run_lock(settings: Settings) -> dg.ResourceDefinition:
    """One run at a time: held from the first step to the last, freed by the kernel should the run be killed."""

    @dg.resource
    def held(_: dg.InitResourceContext) -> Iterator[bool]:
        with locked(settings.locks, "run"):
            yield True

    return held


def prepare_sites(settings: Settings) -> int:
    """Write the lookup table of sites; rows."""
    return write_domain_classifications(settings)


def prepare_model(settings: Settings) -> dict[str, Any]:
    """Train the classifier unless the registry has it; its card."""
    with open_warehouse(settings) as warehouse:
        sites = warehouse.execute(f"select * from {warehouse.name('chat.domain_classifications')}").to_arrow_table()
    if not len(sites):
        sites = reference.domain_classifications()
    return ensure_current(settings.models, sites)


def scorer_of(settings: Settings) -> Scorer:
    """The current classifier as a function; loaded when it is first asked."""

    def scored(queries: pa.ChunkedArray) -> pa.Table:
        from chat_platform.classifier.predict import score

        return score(queries, load_current(settings.models))

    return scored


def model_metadata(card: dict[str, Any]) -> dict[str, Any]:
    """Card of a classifier as flat Dagster metadata: versions and the headline measures."""
    flat: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                walk(f"{prefix}{key}/", item)
        elif isinstance(value, int | float | str | bool):
            flat[prefix.rstrip("/")] = value

    walk("", {key: card[key] for key in card if key not in {"labels", "sites"}})
    return flat


def load_events(manifest: Manifest) -> Iterator[dg.AssetMaterialization]:
    """What a load brought: files in landing, and rows in the lake by date."""
    files: dict[str, Any] = {"files": len(manifest.files), "load_id": manifest.load_id}
    yield dg.AssetMaterialization(dg.AssetKey(["landing", manifest.source]), metadata=files)
    told = {"load_id", "lines_read", "blank", "rejected", "typed", "warnings"}
    totals: dict[str, Any] = manifest.model_dump(include=told)
    rows: Counter[str] = Counter()
    for part in manifest.parts:
        rows[part.event_date.isoformat()] += part.rows
    for day, count in rows.items():
        lake = dg.AssetKey(["lake", manifest.source])
        yield dg.AssetMaterialization(lake, partition=day, metadata={"rows": count, **totals})


@dataclass(frozen=True)
class LedgerRow:
    """What stands in one asset on one date after a run (ops.partition_ledger)."""

    asset: str
    event_date: date
    metadata: dict[str, Any]


def ledger_of_scope(settings: Settings) -> list[LedgerRow]:
    """The ledger rows of the dates that the last dbt run rebuilt."""
    with open_warehouse(settings) as warehouse:
        ops = settings.schema_name("ops")
        rows = warehouse.execute(
            f"""
            select asset, event_date, row_count, loads, watermark, code_version, model_version
            from {ops}.partition_ledger
            where event_date in (select event_date from {ops}.scope_dates)
            order by asset, event_date
            """
        ).fetchall()
    found = [
        LedgerRow(
            asset,
            day,
            {
                "rows": rows_there,
                "loads": loads,
                "watermark": str(watermark),
                "code_version": code_version or "",
                "model_version": model_version or "",
            },
        )
        for asset, day, rows_there, loads, watermark, code_version, model_version in rows
    ]
    # The wide tables are views over the long one: made with it, for the same dates.
    dates = [row.event_date for row in found if row.asset == "kpi/daily"]
    return found + [LedgerRow(view, day, {}) for view in VIEWS_OF_DAILY for day in dates]


def log_ledger(context: dg.OpExecutionContext, rows: Iterable[LedgerRow], chosen: set[dg.AssetKey]) -> int:
    """One materialisation per asset and date of the ledger; their number."""
    logged = 0
    for row in rows:
        key = dg.AssetKey(row.asset.split("/"))
        if key in chosen:
            context.log_event(dg.AssetMaterialization(key, partition=row.event_date.isoformat(), metadata=row.metadata))
            logged += 1
    return logged


class _Dbt(DbtCliResource):
    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        """No adapter here: it is for metadata that is asked for by name, and takes as long as dbt takes to start."""


def dbt_resource() -> DbtCliResource:
    """Dbt as the platform runs it: under the warehouse lock, ending with its parent."""
    return _Dbt(project_dir=str(PROJECT_DIR), profiles_dir=str(PROJECT_DIR), dbt_executable=str(EXECUTABLE))


# What a run builds: unit tests are about the code and have their place in the test suite.
BUILD_ARGS = ("build", "--exclude-resource-type", "unit_test")


def failure_of(invocation: DbtCliInvocation) -> ChatPlatformError | None:
    """What failed in a finished dbt run, in words; None where all went well."""
    if invocation.process.returncode == 0:
        return None
    try:
        results = invocation.get_artifact("run_results.json")["results"]
    except (OSError, KeyError, ValueError):
        results = []
    failed = [
        f"{result['unique_id'].split('.', 2)[-1]} ({_first_line(result)})"
        for result in results
        if result["status"] in {"error", "fail", "runtime error"}
    ]
    what = "; ".join(failed) or f"see the log in {Path(invocation.target_path)}"
    return ChatPlatformError(f"dbt did not finish: {what}. The loads stay pending; the next run takes them again.")


def _first_line(result: dict[str, Any]) -> str:
    if result["status"] == "fail":
        return f"test failed on {result['failures']} rows"
    # Text of a driver may quote data; its first words say what kind of error it is.
    text = str(result.get("message") or "")
    kind = re.match(r"\s*([A-Z][A-Za-z ]+ Error)", text)
    return known_cause(text) or (kind[1] if kind else "error")
