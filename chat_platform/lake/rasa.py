"""Typing lines of the rasa source: events, and trackers that hold many of them."""

from collections.abc import Iterator
from itertools import pairwise

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chat_platform.contracts import rasa, reasons
from chat_platform.errors import LakeError
from chat_platform.lake.typing import Refusal
from chat_platform.sql import load_sql

_PACKAGE = "chat_platform.lake"
PART_BYTES = 32 << 20
LONG_BYTES = 16 << 10
# A part with more text on one line than this has so much memory; it sets aside more than it ever fills.
VERY_LONG_BYTES = 4 << 20
VERY_LONG_MEMORY, MEMORY = "3GB", "1GB"


def type_events(connection: duckdb.DuckDBPyConnection, lines: pa.Table) -> list[Refusal]:
    """Table `typed` from `lines` (line, file_number, line_number, byte_offset), see type_rasa.sql; what is refused.

    A tracker gives a row for each of its events, so several refusals may be of one line.
    """
    numbered = lines.append_column("row_number", pa.array(range(len(lines)), pa.int64()))
    connection.register("lines", numbered)
    connection.execute(
        "create or replace temp table arrays as "
        "select file_number from lines group by 1 having count(*) > count(distinct line_number)"
    )
    goes_to = "create or replace temp table typed as"
    for part in _slices(numbered):
        # Small batches: DuckDB hands whole batches to its threads.
        connection.register("lines", pa.Table.from_batches(part.to_batches(max_chunksize=4096), part.schema))
        sizes = pc.binary_length(part["line"]).fill_null(0)
        is_long = pc.max(sizes).as_py() > VERY_LONG_BYTES
        connection.execute(f"set memory_limit = '{VERY_LONG_MEMORY if is_long else MEMORY}'")
        try:
            connection.execute(f"{goes_to} {load_sql(_PACKAGE, 'type_rasa')}")
        except duckdb.OutOfMemoryException:
            raise _too_little_memory(connection, part, int(pc.index(sizes, pc.max(sizes)).as_py())) from None
        goes_to = "insert into typed"
    connection.execute(f"set memory_limit = '{MEMORY}'")
    connection.unregister("lines")
    refusals, broken = [], []
    for row, place, reason, suspect, is_tracker, position, line in connection.execute(
        "select row_number, rowid, reason, suspect, is_tracker, position, line from typed "
        "where reason is not null or suspect order by row_number, position"
    ).fetchall():
        explained = reasons.explain_invalid_json(line) if suspect or reason == "invalid_json" else None
        if explained is not None:
            broken.append(place)
            reason, message = "invalid_json", f"{rasa.SENTENCES['invalid_json']} {explained}"
        elif reason is not None:
            message = rasa.SENTENCES[reason]
        else:
            continue
        if is_tracker:
            message = f"Event {position} of the tracker: {message}"
        refusals.append(Refusal(row, reason, message, line if is_tracker else None))
    if broken:
        connection.execute(
            "update typed set reason = 'invalid_json' where rowid in (select unnest($1::bigint[]))", [broken]
        )
    return refusals


def _too_little_memory(connection: duckdb.DuckDBPyConnection, part: pa.Table, longest: int) -> LakeError:
    number, line = part["file_number"][longest].as_py(), part["line_number"][longest].as_py()
    (name,) = connection.execute("select getvariable('file_names')[$1]", [number + 1]).fetchone() or ("",)
    return LakeError(
        f"{name}, line {line}: the memory of this machine does not suffice to take the line apart; deliver its tracker "
        "in several lines. Nothing of the load counts."
    )


def _slices(lines: pa.Table) -> Iterator[pa.Table]:
    """The lines in pieces of about PART_BYTES; of long ones, which are trackers, a good deal less.

    A tracker takes some forty times its size while it is taken apart, an event a few times.
    """
    sizes = pc.binary_length(lines["line"]).fill_null(0).to_numpy().astype(np.int64)
    ends = np.cumsum(np.where(sizes > LONG_BYTES, 8 * sizes, sizes))
    cuts = np.flatnonzero(np.diff(ends // PART_BYTES)) + 1
    for first, last in pairwise([0, *cuts.tolist(), len(lines)]):
        yield lines.slice(first, last - first)


def lake_events(relation: str) -> str:
    """Query of the events among the typed lines of a relation, as they go to the lake."""
    return (
        "select * exclude (file_number, row_number, reason, suspect, line, warnings), "
        "list_extract(getvariable('file_names'), file_number + 1) as source_file, "
        "getvariable('load_id') as load_id, getvariable('load_sequence') as load_sequence, "
        # What unpacking asks for first. Events share few of them: a file has each once.
        "json_structure(data) as structure "
        f"from {relation} where reason is null"
    )


def count_events(connection: duckdb.DuckDBPyConnection, lines: pa.Table) -> tuple[dict[int, int], dict[int, int]]:
    """By file: events of trackers beyond one a line, and trackers without any event."""
    more = connection.execute(
        "select file_number, count(*) - count(distinct row_number) from typed group by 1"
    ).fetchall()
    there = dict(connection.execute("select file_number, count(distinct row_number) from typed group by 1").fetchall())
    read = lines.group_by("file_number").aggregate([("line", "count")]).to_pylist()
    empty = {item["file_number"]: item["line_count"] - there.get(item["file_number"], 0) for item in read}
    return dict(more), empty
