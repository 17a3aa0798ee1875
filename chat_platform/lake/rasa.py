"""Typing lines of the rasa source: events, and trackers that hold many of them."""

import duckdb
import pyarrow as pa

from chat_platform.contracts import rasa, reasons
from chat_platform.lake.typing import Refusal
from chat_platform.sql import load_sql

_PACKAGE = "chat_platform.lake"


def type_events(connection: duckdb.DuckDBPyConnection, lines: pa.Table) -> list[Refusal]:
    """Table `typed` from `lines` (line, file_number, line_number, byte_offset), see type_rasa.sql; what is refused.

    A tracker gives a row for each of its events, so several refusals may be of one line.
    """
    numbered = lines.append_column("row_number", pa.array(range(len(lines)), pa.int64()))
    # Small batches: DuckDB hands whole batches to its threads.
    connection.register("lines", pa.Table.from_batches(numbered.to_batches(max_chunksize=4096), numbered.schema))
    connection.execute(load_sql(_PACKAGE, "type_rasa"))
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


def count_events(connection: duckdb.DuckDBPyConnection, lines: pa.Table) -> tuple[dict[int, int], dict[int, int]]:
    """By file: events of trackers beyond one a line, and trackers without any event."""
    more = connection.execute(
        "select file_number, count(*) - count(distinct row_number) from typed group by 1"
    ).fetchall()
    there = dict(connection.execute("select file_number, count(distinct row_number) from typed group by 1").fetchall())
    read = lines.group_by("file_number").aggregate([("line", "count")]).to_pylist()
    empty = {item["file_number"]: item["line_count"] - there.get(item["file_number"], 0) for item in read}
    return dict(more), empty
