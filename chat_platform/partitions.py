"""Dates as partitions: which exist, and how events are cut into them."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from chat_platform.errors import ChatPlatformError


def last_date(time_zone: str, now: datetime) -> date:
    """The last date that can hold events: tomorrow in `time_zone`, as clocks of senders run ahead."""
    return now.astimezone(ZoneInfo(time_zone)).date() + timedelta(days=1)


def date_range(first: date, last: date) -> list[date]:
    """All dates from `first` to `last`, both included. Raises ChatPlatformError where there are none."""
    if last < first:
        raise ChatPlatformError(f"The range {first} to {last} is empty: the last date lies before the first.")
    return [first + timedelta(days=days) for days in range((last - first).days + 1)]
