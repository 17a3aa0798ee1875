"""The tables of manual accuracy: files in, figures out.

Labels, transcripts and scores are tables of `{prefix}_voice`, figures are `{prefix}_kpi.voice_accuracy`. They are small
and are written whole, in one transaction: nobody sees labels without their figures.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from chat_platform.accuracy.figures import Figure, prompt_figures, robot_figures, transcript_figures
from chat_platform.accuracy.files import Label, PromptScore, Transcript, read_rows
from chat_platform.contracts.accuracy import Judgements
from chat_platform.errors import ChatPlatformError
from chat_platform.locks import locked
from chat_platform.settings import Settings
from chat_platform.sql import load_sql
from chat_platform.warehouse.connection import Warehouse, open_warehouse
from chat_platform.warehouse.schema import tables
from chat_platform.warehouse.snapshot import publish_snapshot, snapshot_is_current

FIGURES = "kpi.voice_accuracy"


# Table, the column that names what was judged, and a row of the file.
_TABLES: dict[Judgements, tuple[str, str, Any]] = {
    Judgements.LABELS: ("voice.annotations", "event_id", Label),
    Judgements.TRANSCRIPTS: ("voice.transcripts", "event_id", Transcript),
    Judgements.PROMPTS: ("voice.prompt_scores", "prompt_id", PromptScore),
}
_ABOUT_THE_ROW = ("model_version", "annotator", "measured_date", "source_file", "line_number")


@dataclass(frozen=True)
class Imported:
    """What an import did: rows taken, rows left open by whoever filled them in, rows about no turn that is known.

    `is_shown` is false where readers see it after the next run only: an interrupted one has to be finished first.
    """

    taken: int
    left_open: int
    unknown: int
    is_shown: bool


def import_file(settings: Settings, path: Path, kind: Judgements, annotator: str | None = None) -> Imported:
    """Take a file whole and make the figures anew; `annotator` counts for rows that name none.

    A row about the same item, model version and annotator replaces the one before. Raises ChatPlatformError with file,
    line and field of everything that is wrong; then nothing is taken.
    """
    records, left_open = _records(path, kind, annotator)
    table, item, _ = _TABLES[kind]
    with locked(settings.locks, "run"):
        # Where it is not, the working file may hold half a publish, which nobody is to see.
        is_current = snapshot_is_current(settings)
        with open_warehouse(settings) as warehouse:
            incoming = pa.Table.from_pylist(records, schema=_schema(warehouse, table))
            warehouse.connection.register("incoming", incoming)
            _merge(warehouse, table, item)
            with warehouse.transaction():
                warehouse.native(f"delete from {warehouse.name(table)}")
                warehouse.insert(table, "select * from merged")
                _write_figures(warehouse)
            turns = f"select event_id from {warehouse.name('voice.turns')}"
            lost = f"select count(*) from incoming where {item} not in ({turns})"
            unknown = 0 if kind is Judgements.PROMPTS else _count(warehouse, lost)
        if is_current:
            publish_snapshot(settings)
    return Imported(len(records), left_open, unknown, is_current)


def _merge(warehouse: Warehouse, table: str, item: str) -> None:
    """Table `merged`: what stands with what is incoming on top."""
    judged = ", ".join(name for name in tables()[table].column_names if name not in {item, *_ABOUT_THE_ROW})
    for name, relation in (("stood", warehouse.name(table)), ("brought", "incoming")):
        warehouse.execute(
            f"create temp table {name} as select *, {item} as item, struct_pack({judged}) as judged from {relation}"
        )
    warehouse.execute(load_sql(__package__, "merge"), [datetime.now(UTC).date()])


def _count(warehouse: Warehouse, sql: str) -> int:
    (count,) = warehouse.execute(sql).fetchone() or (0,)
    return int(count)


def _schema(warehouse: Warehouse, table: str) -> pa.Schema:
    return warehouse.execute(f"select * from {warehouse.name(table)} limit 0").to_arrow_table().schema


def _records(path: Path, kind: Judgements, annotator: str | None) -> tuple[list[dict[str, Any]], int]:
    """Rows for the table, and how many of the file are still to be filled in."""
    _, item, row_type = _TABLES[kind]
    rows = read_rows(path, row_type)
    filled = [(line, row) for line, row in rows if not row.is_open]
    records = [
        {
            **row.model_dump(exclude={"measured_on", "reference", "hypothesis"}),
            "annotator": row.annotator or annotator,
            "measured_date": row.measured_on,
            "source_file": path.name,
            "line_number": line,
        }
        for line, row in filled
    ]
    if kind is Judgements.TRANSCRIPTS:
        from chat_platform.accuracy.words import count_errors

        hypotheses = [row.hypothesis for _, row in filled]
        errors = count_errors(_masked_alike([row.reference for _, row in filled], hypotheses), hypotheses)
        records = [{**record, **asdict(counted)} for record, counted in zip(records, errors, strict=True)]
    _refuse_repeats(path, item, records)
    return records, len(rows) - len(filled)


def _masked_alike(references: list[str], hypotheses: list[str]) -> list[str]:
    """The references, masked where the hypothesis beside them is: a sample holds masked text only."""
    pairs = {"place": range(len(references)), "reference": references, "hypothesis": hypotheses}
    with duckdb.connect() as connection:
        connection.execute(load_sql("chat_platform.publish", "macros"))
        connection.register("pairs", pa.table(pairs))
        return [text for (text,) in connection.execute(load_sql(__package__, "masked")).fetchall()]


def _refuse_repeats(path: Path, item: str, records: Iterable[dict[str, Any]]) -> None:
    seen: dict[tuple[Any, ...], int] = {}
    for record in records:
        key = (record[item], record["model_version"], record["annotator"])
        line = record["line_number"]
        if key in seen:
            name = "eventId" if item == "event_id" else "promptId"
            raise ChatPlatformError(
                f"Nothing was imported.\n{path}, line {line}, field {name}: stands in line {seen[key]} too, "
                "by the same annotator about the same model version; keep one of them"
            )
        seen[key] = line


def write_figures(settings: Settings) -> int:
    """Make `{prefix}_kpi.voice_accuracy` anew from all that was imported; its rows."""
    with open_warehouse(settings) as warehouse, warehouse.transaction():
        return _write_figures(warehouse)


def _write_figures(warehouse: Warehouse) -> int:
    def judged(kind: Judgements) -> pd.DataFrame:
        table, item, _ = _TABLES[kind]
        # Of one event each model version is judged for itself.
        rows = warehouse.execute(
            f"select *, {item} || chr(31) || coalesce(model_version, '') as item from {warehouse.name(table)}"
        )
        frame: pd.DataFrame = rows.to_arrow_table().to_pandas(date_as_object=True)
        return frame

    found = [
        *robot_figures(judged(Judgements.LABELS)),
        *transcript_figures(judged(Judgements.TRANSCRIPTS)),
        *prompt_figures(judged(Judgements.PROMPTS)),
    ]
    columns = {name: [getattr(figure, name) for figure in found] for name in (field.name for field in fields(Figure))}
    warehouse.connection.register("figures", pa.table(columns, schema=_figure_schema()))
    warehouse.native(f"delete from {warehouse.name(FIGURES)}")
    warehouse.insert(FIGURES, "select * from figures")
    return len(found)


def _figure_schema() -> pa.Schema:
    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), date: pa.date32()}
    kinds = {"n": int, "value": float, "numerator": int, "denominator": int, "low": float, "high": float,
             "measured_date": date}  # fmt: skip
    return pa.schema([(field.name, types[kinds.get(field.name, str)]) for field in fields(Figure)])


def read_figures(settings: Settings) -> list[dict[str, Any]]:
    """All figures as they stand in the last publish, in the order people read them."""
    from chat_platform.query import read_rows as query

    columns = ", ".join(tables()[FIGURES].column_names)
    names, rows = query(
        settings,
        f"select {columns} from {settings.schema_name('kpi')}.voice_accuracy "
        "order by model_version nulls first, metric, dimension, dimension_value",
    )
    return [dict(zip(names, row, strict=True)) for row in rows]
