"""What runs when something happened: new files in landing, or loads that a run did not finish."""

import time

import dagster as dg

from chat_platform.errors import ChatPlatformError
from chat_platform.jobs import PUBLISH
from chat_platform.lake.ingest import load_id_of, new_files
from chat_platform.locks import is_free
from chat_platform.settings import Settings
from chat_platform.status import unpublished_loads

# After so many runs that failed on the same work only the nightly schedule goes on trying.
MAX_ATTEMPTS = 3
WORK_TAG = "chat_platform/work"
# A run takes the lock with its first step; one that has run for longer and does not hold it is dead.
SECONDS_TO_LOCK = 60.0


def build_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """The sensors for these settings."""

    @dg.sensor(
        name="new_files",
        job_name=PUBLISH,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="A run for each new or rewritten set of files in landing.",
    )
    def new_files_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        # Asked first: to know whether a file is new it is read from end to end, and a run does that too.
        if going := _run_going(context.instance, settings):
            return dg.SkipReason(f"Run {going} is at it.")
        new = []
        for source in settings.sources:
            files, found = new_files(settings, source)
            for notice in found.notices:
                if source == settings.sources[0] or notice.name.startswith(f"{source}/"):
                    context.log.warning(f"{notice.name}: {notice.reason}. {notice.message}")
            if files:
                new.append(load_id_of(source, files))
        if not new:
            return dg.SkipReason("No new files in landing.")
        return _request(context.instance, f"files-{'-'.join(new)}")

    @dg.sensor(
        name="pending_loads",
        job_name=PUBLISH,
        minimum_interval_seconds=120,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="A run for loads that lie complete in the lake and are not published.",
    )
    def pending_loads_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            pending = unpublished_loads(settings)
        except ChatPlatformError as error:
            return dg.SkipReason(str(error))
        if not pending:
            return dg.SkipReason("No load is pending.")
        if going := _run_going(context.instance, settings):
            return dg.SkipReason(f"Run {going} is at it.")
        return _request(context.instance, f"pending-{pending[-1]}-{len(pending)}")

    return [new_files_sensor, pending_loads_sensor]


def _request(instance: dg.DagsterInstance, work: str) -> dg.SensorResult | dg.SkipReason:
    """A run for this work, unless runs have failed on it too often. The same work never starts two runs."""
    attempts = instance.get_runs_count(dg.RunsFilter(tags={WORK_TAG: work}))
    if attempts >= MAX_ATTEMPTS:
        return dg.SkipReason(f"{attempts} runs have tried and failed; the nightly schedule goes on.")
    return dg.SensorResult([dg.RunRequest(run_key=f"{work}-{attempts}", tags={WORK_TAG: work})])


def _run_going(instance: dg.DagsterInstance, settings: Settings) -> str | None:
    """Id of a publish that runs or is about to. One that was killed is noted as failed: nobody else will do it."""
    waiting = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]
    statuses = [*waiting, dg.DagsterRunStatus.STARTED]
    for record in instance.get_run_records(dg.RunsFilter(job_name=PUBLISH, statuses=statuses)):
        run = record.dagster_run
        dead = (
            run.status is dg.DagsterRunStatus.STARTED
            # A start in the future was noted before the clock went back.
            and abs(time.time() - (record.start_time or 0.0)) > SECONDS_TO_LOCK
            and is_free(settings.locks, "run")
        )
        if not dead:
            return run.run_id
        instance.report_run_failed(run, "The process of this run has ended without a word; it was killed.")
    return None
