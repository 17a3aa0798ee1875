"""The code location: everything that Dagster shows, built from the settings."""

import dagster as dg

from chat_platform.assets.accuracy import build_accuracy_assets
from chat_platform.assets.classifier import build_classifier
from chat_platform.assets.lake import build_lake_assets
from chat_platform.assets.models import build_models
from chat_platform.assets.operations import build_operations
from chat_platform.assets.steps import Progress, QuietProgress, run_lock
from chat_platform.assets.tables import build_tables
from chat_platform.dbt.project import read_manifest
from chat_platform.jobs import build_backfill_job, build_expire_job, build_publish_job
from chat_platform.schedules import build_schedules
from chat_platform.sensors import build_sensors
from chat_platform.settings import Settings, load_settings


def build_defs(settings: Settings, progress: Progress | None = None) -> dg.Definitions:
    """All assets, jobs, schedules and sensors for these settings. Opens no warehouse."""
    manifest = read_manifest(settings)
    of_sources = [*build_lake_assets(settings), *build_tables(settings)]
    if "chat" in settings.sources:
        of_sources += build_classifier(settings)
    if "voice" in settings.sources:
        of_sources += build_accuracy_assets(settings)
    return dg.Definitions(
        assets=[*of_sources, *build_operations(settings), *build_models(settings, manifest)],
        jobs=[
            build_publish_job(settings, manifest, progress or QuietProgress()),
            build_backfill_job(),
            build_expire_job(settings),
        ],
        schedules=build_schedules(),
        sensors=build_sensors(settings),
        resources={"run_lock": run_lock(settings)},
        executor=dg.in_process_executor,
    )


def defs() -> dg.Definitions:
    """What workspace.yaml loads: the definitions for the settings of the environment."""
    return build_defs(load_settings())
