"""The layout of the file of a warehouse: what DuckDB packs it by, and who can read it."""

from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from chat_platform.errors import WarehouseError
from chat_platform.settings import Settings
from chat_platform.warehouse.compaction import compact
from chat_platform.warehouse.connection import open_warehouse


def _layout(file: Path) -> str:
    with closing(duckdb.connect(str(file), read_only=True)) as connection:
        rows = connection.execute(
            "select tags['storage_version'] from duckdb_databases() where path = $1", [str(file)]
        ).fetchall()
    return str(rows[0][0])


def test_a_warehouse_is_laid_out_for_duckdb_from_1_4_on(settings: Settings) -> None:
    with open_warehouse(settings):
        pass
    assert _layout(settings.working_file) == "v1.4.0+"
    compact(settings)
    assert _layout(settings.working_file) == "v1.4.0+"


def test_a_warehouse_of_an_older_layout_is_taken_on_with_its_rows(settings: Settings) -> None:
    settings.home.mkdir(parents=True, exist_ok=True)
    with closing(duckdb.connect()) as connection:
        connection.execute(f"attach '{settings.working_file}' as old (storage_version 'v1.0.0')")
        connection.execute("create table old.kept as select range as n, 'text ' || range as t from range(5000)")
    assert _layout(settings.working_file) == "v1.0.0+"
    with open_warehouse(settings) as warehouse:
        assert warehouse.execute("select count(*), sum(n) from kept where t = 'text ' || n").fetchall() == [
            (5000, 12497500)
        ]
        warehouse.execute("insert into kept values (5000, 'text 5000')")
    assert _layout(settings.working_file) == "v1.4.0+"
    with closing(duckdb.connect(str(settings.working_file), read_only=True)) as connection:
        assert connection.execute("select count(*), max(n) from kept").fetchall() == [(5001, 5000)]


def test_a_warehouse_of_a_newer_layout_is_left_alone_with_the_reason(settings: Settings) -> None:
    settings.home.mkdir(parents=True, exist_ok=True)
    with closing(duckdb.connect()) as connection:
        connection.execute(f"attach '{settings.working_file}' as newer (storage_version 'v1.5.0')")
        connection.execute("create table newer.kept as select 1 as n")
    before = settings.working_file.read_bytes()
    with (
        pytest.raises(WarehouseError, match=r"in a newer layout than v1\.4\.0 of DuckDB"),
        open_warehouse(settings),
    ):
        pass
    assert settings.working_file.read_bytes() == before
