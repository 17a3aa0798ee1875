"""A publish or a backfill from a program: by Dagster, in this process, on the instance that the UI shows."""

import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import date

import dagster as dg

from chat_platform.assets.keys import daily_partitions
from chat_platform.assets.steps import Progress
from chat_platform.definitions import build_defs
from chat_platform.errors import ChatPlatformError
from chat_platform.instance import open_instance
from chat_platform.jobs import BACKFILL, PUBLISH
from chat_platform.lake.ingest import new_files
from chat_platform.partitions import date_range
from chat_platform.settings import Settings

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_RANGE_START, _RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@dataclass(frozen=True)
class RunResult:
    """How a run went. `failures` says which step failed and why, in words; empty where all went well."""

    run_id: str
    success: bool
    failures: tuple[str, ...]
    failed_checks: tuple[str, ...]


def run_publish(settings: Settings, progress: Progress | None = None) -> RunResult:
    """Everything new in landing, and every pending load, through to the KPIs.

    Raises SettingsError before anything runs where new files need a pseudonym key and none is set.
    """
    # With a key there is nothing to ask: files are hashed to find out, and the run does that.
    if settings.pseudonym_key is None and any(new_files(settings, source)[0] for source in settings.sources):
        settings.require_key("what lies in landing")
    return _run(settings, PUBLISH, {}, progress)


def run_backfill(settings: Settings, first: date, last: date, progress: Progress | None = None) -> RunResult:
    """The dates from `first` to `last`, both included, anew from the lake.

    Raises ChatPlatformError for an empty range, and for one that begins before the first date of the settings or ends
    after the last date that there is.
    """
    date_range(first, last)
    greatest = date.fromisoformat(daily_partitions(settings).get_last_partition_key() or first.isoformat())
    if last > greatest:
        raise ChatPlatformError(f"{last} lies ahead: the last date is {greatest}, which is tomorrow.")
    if first < settings.first_date:
        raise ChatPlatformError(f"{first} lies before CHAT_PLATFORM_FIRST_DATE, which is {settings.first_date}.")
    tags = {_RANGE_START: first.isoformat(), _RANGE_END: last.isoformat()}
    return _run(settings, BACKFILL, tags, progress)


def _run(settings: Settings, job_name: str, tags: dict[str, str], progress: Progress | None) -> RunResult:
    # dbt's own account of a run goes to its log below the home; standard output is for results.
    with open_instance(settings) as instance, redirect_stdout(io.StringIO()):
        job = build_defs(settings, progress).resolve_job_def(job_name)
        result = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False, run_config=_QUIET)
        checks = [
            f"{check.asset_key.to_user_string()}: {check.check_name}"
            for check in result.get_asset_check_evaluations()
            # a warning says something about the feed, nothing about the run
            if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR
        ]
        return RunResult(result.run_id, result.success, _failures(result), tuple(checks))


def _failures(result: dg.ExecuteInProcessResult) -> tuple[str, ...]:
    failures = []
    for event in result.filter_events(lambda item: item.is_step_failure):
        data = event.step_failure_data
        cause = data.user_failure_data.description if data.user_failure_data else None
        error = data.error
        while cause is None and error is not None and error.cause is not None:
            error = error.cause
        message = cause or (error.message.split(": ", 1)[-1].strip() if error else "failed")
        failures.append(f"{event.step_key}: {message}")
    if not failures and not result.success:
        failures.append("The run did not start; see its log in the Dagster UI.")
    return tuple(failures)
