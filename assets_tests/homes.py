"""Homes of the platform for tests: made fast, run like a user runs them, dumped and compared exactly."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock

from chat_platform.assets import steps
from chat_platform.dbt.project import EXECUTABLE, PROJECT_DIR, dbt_environment, ensure_manifest
from chat_platform.lake.ingest import ingest
from chat_platform.publish.chat import Publication, publish
from chat_platform.run import RunResult, run_backfill, run_publish
from chat_platform.sample.chat import Truth, generate
from chat_platform.settings import Settings, load_settings
from chat_platform.warehouse.connection import open_warehouse

# Real input lies beside the checkout, not in it.
SHARED = Path(__file__).resolve().parents[2] / "shared"
TEST_KEY = "a key for tests, 32 characters!!"
REAL_FILES = ("chat-0001.jsonl.gz", "chat-0002.jsonl.gz", "chat-0003-late.jsonl.gz")
LAYERS = ("chat", "semantic", "kpi")
# Which of several equal lines owns a message depends on what arrived first; nothing else may.
LINEAGE = frozenset({"load_id", "load_sequence", "source_file", "line_number", "byte_offset", "row_id"})
# A small feed over the end of a week and a month, with so many defects that every order of its lines is a hard one.
FEED: dict[str, Any] = {
    "messages": 220,
    "seed": 37,
    "first_date": date(2026, 3, 29),
    "days": 4,
    "defect_rate": 0.4,
    "late_share": 0.1,
    "compression": "none",
}

Dump = dict[str, list[tuple[Any, ...]]]


class Home:
    """One home below `root`. `overrides` are settings, as for `load_settings`; without more, a home has chat only."""

    def __init__(self, root: Path, **overrides: Any) -> None:
        self.root = root
        self.overrides = {"sources": "chat", **overrides}
        self.landing = root / "landing" / "chat"
        self.landing.mkdir(parents=True, exist_ok=True)

    @property
    def settings(self) -> Settings:
        """Settings of this home."""
        return load_settings({}, **{"home": self.root, "pseudonym_key": TEST_KEY, **self.overrides})

    @property
    def environment(self) -> dict[str, str]:
        """Environment of a process that runs the platform on this home."""
        settings = self.settings
        own = {
            "CHAT_PLATFORM_HOME": str(settings.home),
            "CHAT_PLATFORM_PSEUDONYM_KEY": TEST_KEY,
            **{f"CHAT_PLATFORM_{name.upper()}": str(value) for name, value in self.overrides.items()},
        }
        kept = {key: value for key, value in os.environ.items() if not key.startswith("CHAT_PLATFORM_")}
        return {**kept, **own, "PYTHONWARNINGS": "ignore", "COLUMNS": "200"}

    def write(self, name: str, data: bytes) -> Path:
        """A delivered file."""
        path = self.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def generate(self, **arguments: Any) -> Truth:
        """A made-up feed in landing."""
        return generate(self.landing, **arguments)

    def publish(self, *, succeeds: bool = True) -> RunResult:
        """A whole publish, as `chat-platform run` does it."""
        result = run_publish(self.settings)
        if succeeds:
            assert result.success, result.failures
            assert not result.failed_checks
        return result

    def backfill(self, first: date, last: date) -> RunResult:
        """A whole backfill of dates, as `chat-platform run --from --to` does it."""
        result = run_backfill(self.settings, first, last)
        assert result.success, result.failures
        assert not result.failed_checks
        return result

    def interrupted_publish(self, run_id: str = "interrupted") -> Publication:
        """What a publish does up to dbt: the loads are in the chat tables and still pending."""
        settings = self.settings
        steps.prepare_sites(settings)
        steps.prepare_model(settings)
        ingest(settings, "chat")
        done = publish(settings, steps.scorer_of(settings), run_id)
        assert done is not None, "nothing was pending"
        return done

    def publish_without_dbt(self) -> Publication:
        """The same, and the loads count as published, as if dbt had run."""
        done = self.interrupted_publish()
        self.count_as_published()
        return done

    def count_as_published(self) -> None:
        """Loads that stand in the tables are complete, as if dbt had run."""
        with open_warehouse(self.settings) as warehouse:
            warehouse.execute(
                f"insert into {warehouse.name('event._loads')} "
                "select load_id, schema_name, 1, inserted_at, schema_version_hash "
                f"from {warehouse.name('event._loads')} as complete where status = 0 and load_id not in "
                f"(select load_id from {warehouse.name('event._loads')} where status = 1)"
            )

    def command(self, *arguments: str, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
        """`chat-platform` in a process of its own."""
        return subprocess.run(
            [str(Path(sys.executable).with_name("chat-platform")), *arguments],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=self.root,
        )

    def dbt(self, *arguments: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        """dbt with nothing but environment variables to find the warehouse; no lock, and nothing of it left out.

        Not by its own name: it would parse the project anew for every home.
        """
        values = dbt_environment(self.settings)
        del values["CHAT_PLATFORM_LOCKS"]
        return subprocess.run(
            [str(EXECUTABLE), *arguments],
            env={**self.environment, **values, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=PROJECT_DIR,
        )

    def query(self, sql: str, *, working: bool = False) -> list[tuple[Any, ...]]:
        """Rows of a statement on what readers see; on what runs write where `working`."""
        settings = self.settings
        if settings.is_postgres:
            import psycopg2

            with closing(psycopg2.connect(settings.warehouse)) as server, server.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())
        path = settings.working_file if working else settings.warehouse_file
        with closing(duckdb.connect(str(path), read_only=True)) as connection:
            return list(connection.execute(sql).fetchall())

    def value(self, sql: str, *, working: bool = False) -> Any:
        """The one value of a statement."""
        ((found,),) = self.query(sql, working=working)
        return found

    def dump(self, layers: Iterable[str] = LAYERS, *, working: bool = False) -> Dump:
        """All rows of all tables and views of the layers, sorted, without the lineage columns."""
        prefix = self.settings.prefix
        schemas = ", ".join(f"'{prefix}_{layer}'" for layer in layers)
        columns: dict[str, list[str]] = {}
        for schema, table, column in self.query(
            "select table_schema, table_name, column_name from information_schema.columns "
            f"where table_schema in ({schemas}) order by 1, 2, ordinal_position",
            working=working,
        ):
            columns.setdefault(f"{schema.removeprefix(prefix + '_')}.{table}", []).append(column)
        found: Dump = {}
        for name, names in columns.items():
            kept = ", ".join(f'"{column}"' for column in names if column not in LINEAGE)
            rows = self.query(f"select {kept} from {prefix}_{name}", working=working)
            found[name] = sorted((tuple(map(_plain, row)) for row in rows), key=repr)
        return found

    def copy_to(self, root: Path) -> "Home":
        """The same home at another place."""
        shutil.copytree(self.root, root, symlinks=True)
        return Home(root, **self.overrides)


def _plain(value: Any) -> Any:
    return value.normalize() + 0 if isinstance(value, Decimal) else value


def assert_same(found: Dump, expected: Dump) -> None:
    """Both hold the same tables with exactly the same rows."""
    assert set(found) == set(expected)
    assert any(expected.values()), "nothing was compared"
    for table in expected:
        if found[table] != expected[table]:
            here, there = set(found[table]), set(expected[table])
            raise AssertionError(
                f"{table}: {len(found[table])} rows, expected {len(expected[table])}\n"
                f"only found:    {sorted(here - there, key=repr)[:4]}\n"
                f"only expected: {sorted(there - here, key=repr)[:4]}"
            )


def each_with_each(connection: duckdb.DuckDBPyConnection, statements: Mapping[str, str]) -> list[str]:
    """Names of the statements in which DuckDB compares each row with each other: ten times the rows, a hundred times.

    It does so where a join has more than equal columns: an "or", or a condition on one side of an outer join.
    """
    assert statements, "nothing to look at"

    def does(sql: str) -> bool:
        return any("BLOCKWISE_NL_JOIN" in plan for _, plan in connection.execute(f"explain {sql}").fetchall())

    known = "select * from range(9) as a left join range(9) as b on a.range = b.range and (a.range = 1 or b.range = 2)"
    assert does(known), "this version of DuckDB has another name for it"
    return [name for name, sql in statements.items() if does(sql)]


def compiled_models(folder: Path) -> dict[str, str]:
    """SQL of the models that dbt compiled below a folder, but for those about scopes, which ask single rows."""
    return {
        path.stem: path.read_text(encoding="utf-8").strip().rstrip(";")
        for path in sorted(folder.glob("**/compiled/chat_platform/models/**/*.sql"))
        if path.parent.name != "ops"
    }


class Homes:
    """Makes homes: the classifier is trained and dbt's project parsed once for all processes."""

    def __init__(self, shared: Path) -> None:
        self.shared = shared

    def _once(self, name: str, make: Callable[[Path], None]) -> Path:
        """A folder below `shared` that the first process to ask makes for all."""
        target = self.shared / name
        with FileLock(self.shared / f"{name}.lock", timeout=280):
            if not target.exists():
                making = self.shared / f"{name}.making"
                shutil.rmtree(making, ignore_errors=True)
                making.mkdir()
                make(making)
                making.rename(target)
        return target

    def trained(self) -> Path:
        """A folder with a trained classifier in `models`, made once for all processes."""
        return self._once("trained", self._train)

    def _train(self, root: Path) -> None:
        settings = load_settings({}, home=root, pseudonym_key=TEST_KEY)
        steps.prepare_sites(settings)
        steps.prepare_model(settings)

    def _parsed(self, sources: str) -> Path:
        """dbt's folder of a home with these sources, made once for all processes."""

        def parse(making: Path) -> None:
            ensure_manifest(Home(making, sources=sources).settings)

        return self._once(f"parsed-{sources}", parse) / "dbt"

    def make(self, root: Path, **overrides: Any) -> Home:
        """An empty home with classifier and manifest."""
        root.mkdir(parents=True, exist_ok=True)
        home = Home(root, **overrides)
        shutil.copytree(self.trained() / "models", root / "models")
        if not home.settings.is_postgres:
            shutil.copytree(self._parsed(home.overrides["sources"]), root / "dbt")
        return home

    def finished(self, name: str, root: Path, fill: Callable[[Home], None], sources: str = "chat") -> Home:
        """A copy, at `root`, of a home that has been filled by `fill`, once for all processes."""

        def build(making: Path) -> None:
            fill(self.make(making, sources=sources))

        shutil.copytree(self._once(name, build), root, symlinks=True, dirs_exist_ok=True)
        return Home(root, sources=sources)


def executable(name: str) -> str:
    """Path of a console script of this environment."""
    return str(Path(sys.executable).with_name(name))
