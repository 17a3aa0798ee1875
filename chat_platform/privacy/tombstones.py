"""Records of people who were removed: enough to keep their events out for good, and nothing that tells who they are.

A record lies in `lake/_forgotten/<id>.json`. It is put when everything that replaces their data stands ready beside it,
and holds the plan until that has been carried out; see removal.py.
"""

import hashlib
import hmac
import os
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, ValidationError

from chat_platform.errors import LakeError

REASON = "forgotten"
MESSAGE = "The person of this line was removed; its text is not kept."


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Move(_Record):
    """A file that stands ready, and the one it replaces; paths are below the lake or the landing folder."""

    root: str
    staged: str
    target: str


class Plan(_Record):
    """What is left to do: files to swap, dates and loads of each source to make anew."""

    moves: list[Move]
    dates: dict[str, list[date]]
    loads: dict[str, list[str]]


class Tombstone(_Record):
    """One removal. `marks`: source → SHA-256 of pseudonyms and of conversation ids whose events up to `cut_off` (UTC)
    are kept out. `lines`: length and keyed hash of lines that are kept out whatever they are. `scores`: file of what
    the classifier had said about queries that are gone.
    """

    id: str
    cut_off: datetime
    marks: dict[str, list[str]]
    lines: dict[str, list[tuple[int, str]]]
    scores: str | None
    plan: Plan | None


def folder(lake: Path) -> Path:
    """Where the records lie."""
    return lake / "_forgotten"


def read_tombstones(lake: Path) -> list[Tombstone]:
    """All records. Raises LakeError for one that cannot be read: going on without it would bring somebody back."""
    found = []
    place = folder(lake)
    for path in sorted(place.glob("*.json")) if place.is_dir() else []:
        try:
            found.append(Tombstone.model_validate_json(path.read_bytes()))
        except (OSError, ValidationError) as error:
            raise LakeError(f"The record {path} cannot be read ({type(error).__name__}).") from None
    return found


def put_tombstone(lake: Path, tombstone: Tombstone) -> None:
    """Write a record, whole or not at all."""
    place = folder(lake)
    place.mkdir(parents=True, exist_ok=True)
    target = place / f"{tombstone.id}.json"
    temporary = target.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as stream:
        stream.write(tombstone.model_dump_json(indent=1))
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(target)


def mark(key: str) -> str:
    """SHA-256 of a pseudonym or conversation id."""
    return hashlib.sha256(key.encode()).hexdigest()


def line_mark(key: str, line: bytes) -> tuple[int, str]:
    """Length of a line and its hash under the pseudonym key; white space around it does not count."""
    line = line.strip()
    return len(line), hmac.new(key.encode(), line, hashlib.sha256).hexdigest()


class Forgotten:
    """What an ingest of one source has to keep out. False where nobody of the source was removed."""

    def __init__(self, lake: Path, source: str) -> None:
        records = read_tombstones(lake)
        self.cut_offs: dict[str, datetime] = {}
        for record in records:
            for found in record.marks.get(source, []):
                self.cut_offs[found] = max(record.cut_off, self.cut_offs.get(found, record.cut_off))
        self.lines = {(length, found) for record in records for length, found in record.lines.get(source, [])}
        self.lengths = {length for length, _ in self.lines}

    def __bool__(self) -> bool:
        return bool(self.cut_offs)

    def holds_line(self, key: str, line: bytes) -> bool:
        """Whether the line is one of those that were erased."""
        return len(line.strip()) in self.lengths and line_mark(key, line) in self.lines

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the macro `is_forgotten` of lake/sql/macros.sql know the marks."""
        connection.execute("create or replace temp table forgotten (mark varchar, cut_off timestamp)")
        connection.executemany("insert into forgotten values ($1, $2)", _rows(self.cut_offs))
        connection.execute("set variable forgotten = (select map(list(mark), list(cut_off)) from forgotten)")


def _rows(cut_offs: dict[str, datetime]) -> Iterable[list[object]]:
    return [[mark, cut_off.replace(tzinfo=None)] for mark, cut_off in cut_offs.items()]


def frozen_scores(lake: Path) -> pa.Table | None:
    """What the classifier had said about queries whose text was erased, by what stands there now; None without any."""
    names = [item.scores for item in read_tombstones(lake) if item.scores is not None]
    if not names:
        return None
    return pa.concat_tables([pq.read_table(folder(lake) / name) for name in names])
