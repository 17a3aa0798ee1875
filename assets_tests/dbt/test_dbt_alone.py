"""dbt by itself, as somebody runs it who has the warehouse and no Dagster: only environment variables tell it where."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from homes import Home, assert_same, executable

from chat_platform.dbt.project import PROJECT_DIR, dbt_environment
from chat_platform.errors import ChatPlatformError
from chat_platform.settings import SOURCES, Settings


def statuses(home: Home) -> dict[str, int]:
    return dict(home.query("select load_id, max(status) from demo_event._loads group by 1", working=True))


@pytest.fixture
def interrupted(half: Home, lines: list[bytes], tmp_path: Path) -> Home:
    """Half of the feed is published; the other half has come as far as the chat tables."""
    home = half.copy_to(tmp_path / "home")
    home.write("second.jsonl", b"\n".join(lines[1::2]) + b"\n")
    home.interrupted_publish()
    assert sorted(statuses(home).values()) == [0, 1]
    return home


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.long
def test_a_build_completes_an_interrupted_publish(interrupted: Home, half: Home, refreshed: Home) -> None:
    succeeded(interrupted.dbt("build", "--exclude-resource-type", "unit_test"))
    assert set(statuses(interrupted).values()) == {1}
    assert_same(interrupted.dump(working=True), refreshed.dump())
    assert_same(interrupted.dump(), half.dump())
    # The next run finds nothing to publish and hands readers what dbt has built.
    interrupted.publish()
    assert_same(interrupted.dump(), refreshed.dump())
    assert interrupted.value("select count(*) from demo_event._loads") == 4


@pytest.mark.long
def test_a_full_refresh_gives_the_same_tables(refreshed: Home, tmp_path: Path) -> None:
    home = refreshed.copy_to(tmp_path / "home")
    before = home.dump(working=True)
    loads = home.query("select * from demo_event._loads order by 1, 3", working=True)
    spoil(home, "delete from demo_semantic.sessions")
    spoil(home, "update demo_kpi.daily set numerator = 7")
    spoil(home, "update demo_kpi.message_costs set total_cost = 7")
    succeeded(home.dbt("build", "--full-refresh", "--exclude-resource-type", "unit_test"))
    assert_same(home.dump(working=True), before)
    assert home.query("select * from demo_event._loads order by 1, 3", working=True) == loads


@pytest.mark.long
def test_a_build_on_postgres_completes_an_interrupted_publish(
    new_home: Callable[..., Home], postgres: str, refreshed: Home, lines: list[bytes]
) -> None:
    home = new_home("postgres", warehouse=postgres)
    home.write("first.jsonl", b"\n".join(lines[::2]) + b"\n")
    home.interrupted_publish()
    home.write("second.jsonl", b"\n".join(lines[1::2]) + b"\n")
    home.interrupted_publish()
    assert set(statuses(home).values()) == {0}
    succeeded(home.dbt("build", "--exclude-resource-type", "unit_test"))
    assert set(statuses(home).values()) == {1}
    assert_same(home.dump(), refreshed.dump())


@pytest.mark.long
def test_a_full_refresh_on_postgres_gives_the_same_tables(
    new_home: Callable[..., Home], postgres: str, refreshed: Home, lines: list[bytes]
) -> None:
    home = new_home("postgres", warehouse=postgres)
    home.write("all.jsonl", b"\n".join(lines) + b"\n")
    home.publish()
    succeeded(home.dbt("build", "--full-refresh", "--exclude-resource-type", "unit_test"))
    assert_same(home.dump(), refreshed.dump())


def test_source_tests_pass_on_what_the_platform_wrote_and_only_then(half: Home, tmp_path: Path) -> None:
    home = half.copy_to(tmp_path / "home")
    told = succeeded(home.dbt("test", "-s", "source:*"))
    assert passed(told) >= 15
    spoil(home, "drop schema demo_chat cascade")
    done = home.dbt("test", "-s", "source:*")
    assert done.returncode == 1
    assert "source_not_null_columns_chat_chat_sessions" in done.stdout


def passed(told: str) -> int:
    (summary,) = (line for line in told.splitlines() if "Done. PASS=" in line)
    return int(summary.split("PASS=")[1].split()[0])


def test_unit_tests_of_the_project(half: Home, tmp_path: Path) -> None:
    home = half.copy_to(tmp_path / "home")
    before = home.dump(working=True)
    told = succeeded(home.dbt("test", "--select", "test_type:unit"))
    assert passed(told) >= 8
    # The home is a copy at another place: what was parsed there holds here, too.
    assert "Unable to do partial parsing" not in told
    assert_same(home.dump(working=True), before)


def spoil(home: Home, statement: str) -> None:
    import duckdb

    with duckdb.connect(str(home.root / "warehouse.duckdb.working")) as connection:
        connection.execute(statement)


def test_a_table_takes_the_place_of_a_view_and_of_what_a_killed_dbt_left(half: Home, tmp_path: Path) -> None:
    home = half.copy_to(tmp_path / "home")
    spoil(home, "drop table demo_ops.scope_loads; create view demo_ops.scope_loads as select 1 as broken")
    for left in ("__dbt_tmp", "__dbt_backup"):
        spoil(home, f"create table demo_ops.scope_loads{left} as select 'a secret' as text")
    succeeded(home.dbt("run", "-s", "scope_loads"))
    found = home.query(
        "select table_name, table_type from information_schema.tables where table_name like 'scope_loads%'",
        working=True,
    )
    assert found == [("scope_loads", "BASE TABLE")]
    assert "broken" not in str(home.query("describe demo_ops.scope_loads", working=True))


@pytest.mark.long
def test_home_and_prefix_are_all_that_dbt_needs_on_duckdb(half: Home, tmp_path: Path) -> None:
    home = half.copy_to(tmp_path / "home")
    values: dict[str, Any] = {
        name: value for name, value in os.environ.items() if not name.startswith(("CHAT_PLATFORM_", "DBT_", "PG_"))
    }
    values |= {"CHAT_PLATFORM_HOME": str(home.root), "DBT_TARGET_PATH": str(tmp_path), "DBT_LOG_PATH": str(tmp_path)}
    done = subprocess.run(
        [executable("dbt"), "show", "--inline", "select 'there: ' || count(*) as n from {{ ref('daily') }}"],
        env=values,
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    rows = home.value("select count(*) from demo_kpi.daily")
    assert f"there: {rows}" in succeeded(done)


def test_sources_are_those_of_the_platform_wherever_they_are_read() -> None:
    reads = [
        (path.name, found)
        for path in PROJECT_DIR.rglob("*")
        if path.suffix in {".sql", ".yml"}
        for found in re.findall(r"env_var\('CHAT_PLATFORM_SOURCES'(.*?)\)", path.read_text(encoding="utf-8"))
    ]
    assert len(reads) > 10
    assert {found for _, found in reads} == {f", '{','.join(SOURCES)}'"}


def test_dbt_as_dagster_starts_it_waits_for_the_lock_of_the_warehouse(half: Home, tmp_path: Path) -> None:
    from chat_platform.locks import locked

    home = half.copy_to(tmp_path / "home")
    settings = home.settings
    arguments = [executable("chat-platform-dbt"), "ls", "--quiet"]
    environment = {**home.environment, **dbt_environment(settings)}
    with locked(settings.locks, "warehouse"):
        process = subprocess.Popen(
            arguments, env=environment, cwd=PROJECT_DIR, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(6)
    assert process.wait(60) == 0


def test_dbt_ends_with_the_process_that_started_it(half: Home, tmp_path: Path) -> None:
    import time

    home = half.copy_to(tmp_path / "home")
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, executable("chat-platform-dbt"), "build"],
        env={**home.environment, **dbt_environment(home.settings)},
        cwd=PROJECT_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    time.sleep(1.5)
    assert Path(f"/proc/{child}").exists()
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{child}/cmdline").exists() and Path(f"/proc/{child}/cmdline").read_bytes():
        assert time.monotonic() < deadline, "dbt goes on without its parent"
        time.sleep(0.05)
    parent.stdout.close()


def test_only_the_latest_invocations_of_dbt_are_kept(half: Home, tmp_path: Path) -> None:
    from chat_platform.dbt.project import KEPT_INVOCATIONS, ensure_manifest, target_folder

    home = half.copy_to(tmp_path / "home")
    folder = target_folder(home.settings)
    for path in folder.glob("*/dbt.log"):
        shutil.rmtree(path.parent)
    for number in range(KEPT_INVOCATIONS + 3):
        log = folder / f"{number:07d}" / "dbt.log"
        log.parent.mkdir(parents=True)
        log.touch()
        os.utime(log, (number, number))
    (folder / "0000000" / "compiled").mkdir()
    manifest = ensure_manifest(home.settings)
    left = {path.parent.name for path in folder.glob("*/dbt.log")}
    assert left == {f"{number:07d}" for number in range(3, KEPT_INVOCATIONS + 3)}
    assert not (folder / "0000000").exists()
    assert manifest.is_file()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            "postgresql:///db?host=/tmp/socket&user=me&password=hush%26y&port=6000",
            {"HOST": "/tmp/socket", "PORT": "6000", "USER": "me", "PASSWORD": "hush&y", "DATABASE": "db",
             "SSLMODE": ""},
        ),
        (
            "postgresql://me:hush%40y@[::1]/db?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            {"HOST": "::1", "PORT": "5432", "USER": "me", "PASSWORD": "hush@y", "SSLMODE": "verify-full",
             "SSLROOTCERT": "/etc/ca.pem", "SSLKEY": ""},
        ),
    ],
)  # fmt: skip
def test_dbt_gets_all_of_the_address_of_a_server(
    address: str, expected: dict[str, str], make_settings: Callable[..., Settings]
) -> None:
    found = dbt_environment(make_settings(warehouse=address))
    assert {name: found[f"PG_{name}"] for name in expected} == expected
    with pytest.raises(ChatPlatformError) as refused:
        dbt_environment(make_settings(warehouse=address + "&colour=red"))
    assert "hush" not in str(refused.value)
