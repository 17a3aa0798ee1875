"""The `events` table of a Rasa SQLTrackerStore in an SQLite file: one tracker a sender, in the order of the store.

SQLite itself puts the trackers together, so Python sees one row a sender and not one an event.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa

from chat_platform.landing.files import OWN_SUFFIXES
from chat_platform.landing.framing import Batch

_SENDERS_AT_ONCE = 2000
# Marks in what SQLite says, and what they mean in words of our own.
_CAUSES = (
    ("locked", "locked by another program"),
    ("no such", "no table events(sender_id, id, data)"),
    ("full", "no space is left on the device"),
    ("malformed", "damaged; deliver a copy that the program which writes it has made"),
)
# A row that holds no JSON becomes a text in its tracker, and is refused as such.
_TRACKERS = """
select
    '{"sender_id": ' || json_quote(cast(sender_id as text))
    || ', "event_ids": [' || group_concat(id, ', ') || '], "events": ['
    || group_concat(
        case when json_valid(data) then data else coalesce(json_quote(cast(data as text)), 'null') end, ', '
    ) || ']}'
from (select id, sender_id, data from events order by sender_id, id)
group by sender_id
order by sender_id
"""


def is_tracker_store(path: Path) -> bool:
    """True for names of SQLite files."""
    return path.suffix.lower() in OWN_SUFFIXES["rasa"]


def read_trackers(path: Path) -> Iterator[Batch]:
    """Trackers as lines, numbered from 1 by sender; the offset of a line is its number from 0.

    Raises OSError where the file is locked, damaged or no SQLite database, or has no table `events` with sender_id, id
    and data.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute(_TRACKERS)
            done = 0
            while found := rows.fetchmany(_SENDERS_AT_ONCE):
                numbers = pa.array(range(done + 1, done + 1 + len(found)), pa.int64())
                offsets = pa.array(range(done, done + len(found)), pa.int64())
                lines = pa.array([tracker for (tracker,) in found], pa.string())
                yield Batch(pa.table({"line": lines, "line_number": numbers, "byte_offset": offsets}), len(found))
                done += len(found)
    except sqlite3.Error as error:
        raise unusable(path, error) from None


def unusable(path: Path, error: sqlite3.Error) -> OSError:
    """What is wrong with the file of a tracker store, in words of our own."""
    causes = (words for mark, words in _CAUSES if mark in str(error))
    return OSError(0, next(causes, "not the SQLite file of a tracker store"), str(path))
