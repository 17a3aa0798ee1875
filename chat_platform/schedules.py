"""What runs by the clock."""

import dagster as dg

from chat_platform.jobs import PUBLISH


def build_schedules() -> list[dg.ScheduleDefinition]:
    """A publish each night: repairs what the sensors missed, and tries again what failed by day."""
    return [
        dg.ScheduleDefinition(
            name="nightly_publish",
            job_name=PUBLISH,
            cron_schedule="15 3 * * *",
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Take what is new or pending, each night at 03:15 UTC.",
        )
    ]
