"""Looking for a text everywhere: raw bytes, compressed files, rows of Parquet, DuckDB and SQLite."""

import gzip
import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import zstandard
from homes import Home


def contents(path: Path) -> Iterator[bytes]:
    """The bytes of a file, and everything in it that is packed: compressed text, rows of tables."""
    data = path.read_bytes()
    yield data
    if data[:2] == b"\x1f\x8b":
        yield gzip.decompress(data)
    elif data[:4] == b"\x28\xb5\x2f\xfd":
        yield zstandard.ZstdDecompressor().decompressobj().decompress(data)
    elif data[:4] == b"PAR1":
        yield _rows(pq.read_table(path).to_pylist())
    elif data[8:12] == b"DUCK":
        yield from _duckdb(path)
    elif data[:15] == b"SQLite format 3":
        yield from _sqlite(path)


def _rows(rows: Iterable[object]) -> bytes:
    return "\n".join(json.dumps(row, default=_text, ensure_ascii=False) for row in rows).encode()


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _duckdb(path: Path) -> Iterator[bytes]:
    with closing(duckdb.connect(str(path), read_only=True)) as connection:
        tables = connection.execute(
            "select table_schema, table_name from information_schema.tables order by 1, 2"
        ).fetchall()
        for schema, table in tables:
            yield f"{schema}.{table}".encode()
            yield _rows(connection.execute(f'select * from "{schema}"."{table}"').fetchall())
        yield _rows(connection.execute("select sql from duckdb_views() where not internal").fetchall())


def _sqlite(path: Path) -> Iterator[bytes]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        for (table,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall():
            for row in connection.execute(f'select * from "{table}"'):
                for value in row:
                    if isinstance(value, bytes):
                        with suppress(zlib.error):
                            yield zlib.decompress(value)
                        yield value
                    elif value is not None:
                        yield str(value).encode()


def found_in(paths: Iterable[Path], values: Iterable[str]) -> dict[str, str]:
    """Values that stand in one of the files, each with a file that holds it."""
    wanted = {value: value.encode() for value in values}
    found: dict[str, str] = {}
    for path in paths:
        for data in contents(path):
            found |= {value: path.name for value, text in wanted.items() if value not in found and text in data}
    return found


def files_of(home: Home) -> list[Path]:
    return sorted(path for path in home.root.rglob("*") if path.is_file() and not path.is_symlink())
