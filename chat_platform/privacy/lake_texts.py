"""Masking the texts of old typed rows in place: what the tables show stays, what they never showed goes.

Every table of chat and calls is made of masked texts, and to mask twice is to mask once. So the tables come out of a
masked lake as they came out of the lake before, and nothing is lost but what was delivered beyond that
(docs/decisions/0014-old-texts-of-the-lake.md).
"""

import os
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from chat_platform.errors import LakeError
from chat_platform.lake.manifest import Manifest
from chat_platform.publish.voice import JSON_TEXTS, TEXTS
from chat_platform.settings import Settings
from chat_platform.sql import load_sql
from chat_platform.warehouse.connection import cause_of

# Rasa's tables in {prefix}_event hold events as delivered, by design: they have no masked form in the lake.
SOURCES = ("chat", "voice")
# End of the name of a copy that is to take the place of a file; `removal.clear_staged` deletes what a killed run left.
STAGED = ".masking"
_ROWS = "read_parquet(getvariable('lake_file'), file_row_number => true, hive_partitioning => false)"


def mask_texts(settings: Settings, load: Manifest) -> None:
    """Mask the texts of a load of one of SOURCES, file by file; a file is swapped in whole.

    Nobody else may write the lake meanwhile. Killed and called again, it goes on. Raises LakeError.
    """
    temporary = settings.lake / "_tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    try:
        with duckdb.connect(config={"temp_directory": str(temporary), "memory_limit": "1GB"}) as connection:
            connection.execute("set timezone = 'UTC'")
            connection.execute(load_sql("chat_platform.publish", "macros"))
            for path in load.paths(settings.lake):
                _mask_file(connection, load.source, Path(path))
    except (duckdb.Error, OSError) as error:
        raise LakeError(f"The lake {settings.lake} cannot be rewritten: {cause_of(error)}.") from None


def _mask_file(connection: duckdb.DuckDBPyConnection, source: str, path: Path) -> None:
    connection.execute("set variable lake_file = $1", [str(path)])
    once, twice = (_masked(source, rows) for rows in (_ROWS, "once"))
    connection.execute(load_sql(__package__, "mask_part", once=once, twice=twice))
    if connection.execute("select 1 from stable limit 1").fetchone() is None:
        return
    staged = path.with_name(f".{path.name}{STAGED}")
    rows = load_sql(__package__, "masked_part")
    target = str(staged).replace("'", "''")
    (count,) = connection.execute(f"copy ({rows}) to '{target}' (format parquet, compression zstd)").fetchone() or (0,)
    if count != pq.read_metadata(path).num_rows:
        raise LakeError(f"The file {path} would not keep every row; it stays as it was.")
    with staged.open("rb") as stream:
        os.fsync(stream.fileno())
    staged.replace(path)


def _masked(source: str, rows: str) -> str:
    if source == "chat":
        return load_sql(__package__, "mask_chat", rows=rows)
    return load_sql(
        __package__,
        "mask_voice",
        rows=rows,
        texts=", ".join(name for name in TEXTS if name not in JSON_TEXTS),
        json_texts=", ".join(JSON_TEXTS),
        too_long=" or ".join(f"strlen({name}) > {most_bytes}" for name, most_bytes in TEXTS.items()),
        masked=", ".join(f"texts[{place}] as {name}" for place, name in enumerate(TEXTS, 1)),
    )
