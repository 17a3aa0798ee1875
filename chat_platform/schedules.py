"""What runs by the clock."""

import dagster as dg

from chat_platform.jobs import EXPIRE, PUBLISH


def build_schedules() -> list[dg.ScheduleDefinition]:
    """A publish each night: repairs what the sensors missed, and tries again what failed by day. Then what expires."""
    return [
        dg.ScheduleDefinition(
            name="nightly_publish",
            job_name=PUBLISH,
            cron_schedule="15 3 * * *",
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Take what is new or pending, each night at 03:15 UTC.",
        ),
        dg.ScheduleDefinition(
            name="nightly_expiry",
            job_name=EXPIRE,
            cron_schedule="15 4 * * *",
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Delete what is older than CHAT_PLATFORM_RETENTION_DAYS, each night at 04:15 UTC.",
        ),
    ]
