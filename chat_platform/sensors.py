"""What runs when something happened: new files in landing, or loads that a run did not finish."""

import dagster as dg

from chat_platform.contracts import chat
from chat_platform.errors import ChatPlatformError
from chat_platform.jobs import PUBLISH
from chat_platform.lake.ingest import load_id_of, new_files
from chat_platform.settings import Settings
from chat_platform.status import unpublished_loads

# After so many failed runs on the same loads only the nightly schedule goes on trying.
MAX_ATTEMPTS = 3
ATTEMPT_TAG = "chat_platform/pending"


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
        files, found = new_files(settings, chat.SOURCE)
        for notice in found.notices:
            context.log.warning(f"{notice.name}: {notice.reason}. {notice.message}")
        if not files:
            return dg.SkipReason("No new files in landing.")
        # The key is the load that the files would make: the same files never start two runs.
        load_id = load_id_of(chat.SOURCE, files)
        return dg.SensorResult([dg.RunRequest(run_key=load_id, tags={"chat_platform/load": load_id})])

    @dg.sensor(
        name="pending_loads",
        job_name=PUBLISH,
        minimum_interval_seconds=120,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="A run for loads that lie complete in the lake and are not published; three attempts.",
    )
    def pending_loads_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            pending = unpublished_loads(settings)
        except ChatPlatformError as error:
            return dg.SkipReason(str(error))
        if not pending:
            return dg.SkipReason("No load is pending.")
        going = context.instance.get_runs(
            dg.RunsFilter(
                job_name=PUBLISH,
                statuses=[
                    dg.DagsterRunStatus.QUEUED,
                    dg.DagsterRunStatus.NOT_STARTED,
                    dg.DagsterRunStatus.STARTING,
                    dg.DagsterRunStatus.STARTED,
                ],
            ),
            limit=1,
        )
        if going:
            return dg.SkipReason(f"Run {going[0].run_id} is at it.")
        mark = f"{pending[-1]}-{len(pending)}"
        attempts = context.instance.get_runs_count(dg.RunsFilter(tags={ATTEMPT_TAG: mark}))
        if attempts >= MAX_ATTEMPTS:
            return dg.SkipReason(f"{attempts} runs have tried and failed; the nightly schedule goes on.")
        return dg.SensorResult([dg.RunRequest(run_key=f"{mark}-{attempts}", tags={ATTEMPT_TAG: mark})])

    return [new_files_sensor, pending_loads_sensor]
