"""Ranges of dates that cannot be made anew."""

from collections.abc import Callable
from datetime import date

import pytest

from chat_platform.errors import ChatPlatformError
from chat_platform.run import run_backfill
from chat_platform.settings import Settings


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (date(2024, 1, 2), date(2024, 1, 1), "is empty"),
        (date(2023, 12, 31), date(2024, 1, 2), "before CHAT_PLATFORM_FIRST_DATE, which is 2024-01-01"),
    ],
)
def test_a_range_that_cannot_be_made_anew(
    make_settings: Callable[..., Settings], first: date, last: date, said: str
) -> None:
    with pytest.raises(ChatPlatformError, match=said):
        run_backfill(make_settings(first_date=date(2024, 1, 1)), first, last)
