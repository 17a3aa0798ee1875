"""Names of columns and recognition of times, held against dlt's own."""

import itertools
from contextlib import closing

import duckdb
import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st

from chat_platform.sql import load_sql
from chat_platform.unpack import naming

LETTERS = "aBcD__ 09-+*@|.é٣/\"'xYZ中$"


@pytest.mark.parametrize("limit", [63, 65536])
@runs(max_examples=2000, deadline=None)
@given(key=st.one_of(st.text(LETTERS, min_size=1, max_size=120), st.text(min_size=1, max_size=80)))
def test_names_are_those_of_dlt(limit: int, key: str) -> None:
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    if not key.strip() or key.isspace():
        assert naming.path(key, limit) == "_empty"
        return
    expected = NamingConvention(limit).normalize_path(key)
    assert naming.path(key, limit) == (expected or "_empty")


DATES = ("2026-01-08", "20260108", "2026-1-8", "2026-13-01", "2026-02-30", "0001-01-01", "9999-12-31", "26-01-08", "")
SIGNS = ("T", " ", "t", "-", "")
TIMES = ("09", "09:00", "0900", "09:00:00", "090000", "09:00:00.5", "09:00:00,25", "09:00:00.123456789", "24:00",
         "25:00:00", "09:60", "09:00:60", "090000.5", "")  # fmt: skip
ZONES = ("", "Z", "z", "+02:00", "+0200", "+02", "-03:30", " Z")


def is_mixed(date: str, time: str) -> bool:
    """Forms with dashes or colons, not both: here text (docs/rasa.md)."""
    return "-" not in date and ":" in time


def test_times_are_those_of_dlt() -> None:
    from dlt.common.schema.detections import is_iso_timestamp
    from dlt.common.time import ensure_datetime_in_tz

    texts = [
        "".join(parts) for parts in itertools.product(DATES, SIGNS, TIMES, ZONES) if not is_mixed(parts[0], parts[2])
    ]
    expected = {
        text: ensure_datetime_in_tz(text).timestamp() if is_iso_timestamp(str, text) else None for text in texts
    }
    assert sum(value is not None for value in expected.values()) > 100
    with closing(duckdb.connect()) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(load_sql("chat_platform.unpack", "macros"))
        found = dict(
            connection.execute(
                "select text, epoch(time_of(text)) from (select unnest($1) as text)", [list(expected)]
            ).fetchall()
        )
    assert found == pytest.approx(expected, abs=1e-5)
