"""Removing a person: nothing is left of them, totals stay, and what comes again stays out."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from homes import Dump, Home, assert_same, executable
from people_feed import KEYS, NATIONAL, NUMBER, SENDER, SPELLINGS, WORDS, WRITTEN, key_of, later
from search import files_of, found_in

from chat_platform.forget import Forgotten, rebuild_models
from chat_platform.settings import Settings
from chat_platform.warehouse.connection import open_warehouse

WANTED = (*SPELLINGS[:4], *KEYS[:3], *WORDS)


def remove(home: Home, given: str = WRITTEN) -> Forgotten:
    """By the command, which gets the number through a pipe."""
    done = subprocess.run(
        [executable("chat-platform"), "forget", "--json"],
        env=home.environment,
        input=given + "\n",
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        cwd=home.root,
    )
    assert done.returncode == 0, done.stderr
    assert "98765" not in done.stdout + done.stderr
    return Forgotten(**json.loads(done.stdout))


def totals(home: Home) -> Dump:
    """KPIs, with a name for whoever is somebody."""
    return {table: sorted(map(_without_ids, rows), key=repr) for table, rows in home.dump(("kpi",)).items()}


def _without_ids(row: tuple[Any, ...]) -> tuple[Any, ...]:
    # Pseudonyms and hashes: whose they are is not to be seen, that they are somebody's is.
    return tuple("an id" if isinstance(item, str) and len(item) in (32, 64) else item for item in row)


def shapes(home: Home) -> dict[str, int]:
    return {table: len(rows) for table, rows in home.dump(("chat", "semantic", "event", "voice")).items()}


def put_back(home: Home, saved: Path, name: str) -> None:
    """A saved copy of landing, under other names: nothing of it is known."""
    for path in sorted(saved.rglob("*")):
        if path.is_file():
            place = home.root / "landing" / path.relative_to(saved).parent / f"{name}-{path.name}"
            shutil.copyfile(path, place)


@pytest.mark.early
def test_nothing_is_left_and_nothing_comes_back(people: Home, tmp_path: Path) -> None:
    home = people.copy_to(tmp_path / "home")
    saved = tmp_path / "saved"
    shutil.copytree(home.root / "landing", saved)
    # The search has to see what it is to miss afterwards.
    before = found_in(files_of(home), WANTED)
    assert set(before) == set(WANTED)
    assert set(found_in([*saved.rglob("*.*")], WANTED)) >= {NUMBER, SENDER, WRITTEN, *WORDS}
    kpis, shape, loads = totals(home), shapes(home), home.query("select * from demo_ops.loads order by load_id")

    done = remove(home)

    assert done.events >= 20
    assert done.lines >= 10
    assert done.refused == 3
    assert found_in(files_of(home), WANTED) == {}
    assert_same(totals(home), kpis)
    assert shapes(home) == shape
    assert home.query("select * from demo_ops.loads order by load_id") == loads
    for links, expected in (
        ("select count(distinct user_id) from demo_chat.chat_sessions", 2),
        ("select count(distinct phone_key) from demo_voice.calls", 2),
        (
            "select count(*) from demo_voice.calls as again join demo_voice.calls as before "
            "on again.phone_key = before.phone_key and again.started_at > before.started_at",
            1,
        ),
    ):
        assert home.value(links) == people.value(links) == expected

    put_back(home, saved, "again")
    for source, new in zip(("chat", "rasa", "voice"), later(now=time.time()), strict=True):
        (home.root / "landing" / source / "later.jsonl").write_bytes(new)
    home.publish()
    outside = [path for path in files_of(home) if not path.is_relative_to(home.root / "landing")]
    found = found_in(outside, WANTED)
    # What happened after the removal is new, under the pseudonym that anybody would get.
    assert set(found) == {NUMBER, SENDER, key_of(NUMBER), key_of(SENDER), key_of(NATIONAL), NATIONAL}
    assert home.query(f"select call_id from demo_voice.calls where phone_key = '{key_of(NATIONAL)}'") == [
        ("0b0f2d52-0009-4000-8000-000000000009",)
    ]
    assert home.value(f"select count(*) from demo_chat.chat_sessions where user_id = '{key_of(NUMBER)}'") == 1
    assert home.value(f"select count(*) from demo_event.event where sender_key = '{key_of(SENDER)}'") == 1
    refused = home.query("select reason, sum(lines) from demo_ops.load_issues where reason = 'forgotten' group by 1")
    assert refused and refused[0][1] >= 15
    loads = home.query(
        "select count(*) from demo_ops.loads where lines_read <> blank + rejected + duplicates + superseded + accepted"
    )
    assert loads == [(0,)]


@pytest.mark.long
def test_a_run_after_a_removal_takes_nothing_for_new(people: Home, tmp_path: Path) -> None:
    home = people.copy_to(tmp_path / "home")
    remove(home)
    standing, loads = home.dump(), home.query("select * from demo_ops.loads order by load_id")
    home.publish()
    assert_same(home.dump(), standing)
    assert home.query("select * from demo_ops.loads order by load_id") == loads


def test_models_of_a_source_that_is_switched_off_are_built_too(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(sources="voice")
    with open_warehouse(settings) as warehouse:
        warehouse.execute(f"insert into {warehouse.name('ops.loads')} (load_id, source) values ('a', 'chat')")
    told: list[str] = []

    def started(*_: Any, env: dict[str, str], **__: Any) -> subprocess.CompletedProcess[str]:
        told.append(env["CHAT_PLATFORM_SOURCES"])
        return subprocess.CompletedProcess([], 0, "", "")

    monkeypatch.setattr("chat_platform.forget.subprocess.run", started)
    monkeypatch.setattr("chat_platform.forget.ensure_manifest", lambda _: None)
    rebuild_models(settings)
    assert told == ["chat,voice"]
