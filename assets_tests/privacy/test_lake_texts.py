"""Typed rows of the lake keep their text for a time; then it is masked, and every table comes out as it stood."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from homes import Home, assert_same
from lake.chat_builder import MIDNIGHT, agent, browser, message, search
from people_feed import E_MAIL, KEYS, NATIONAL, NUMBER, SPELLINGS, WORDS, WRITTEN, call, lines
from search import files_of, found_in
from test_forget import WANTED, remove, shapes, totals

from chat_platform.assets import steps
from chat_platform.lake import manifest as manifests
from chat_platform.lake.ingest import ingest
from chat_platform.lake.manifest import read_manifests
from chat_platform.privacy import lake_texts
from chat_platform.privacy.removal import clear_staged
from chat_platform.privacy.retention import Expired, expire
from chat_platform.privacy.tombstones import Plan, Tombstone, put_tombstone
from chat_platform.publish import chat, voice
from chat_platform.settings import SOURCES
from chat_platform.status import read_status
from chat_platform.warehouse.snapshot import publish_snapshot

TABLES = ("chat", "voice")
LAYERS = (*TABLES, "semantic", "kpi")
# Masked once, it holds a number still: the next masking finds it.
JUMBLE = "+987651123.456.789-09123.456.789-09"


def hard_lines() -> bytes:
    """Texts that are told apart by more than their mask: hosts, models with a date, jumbles."""
    urls = (
        f"https://{NATIONAL}.example.com/cart", f"https://www.{NUMBER}/x", f"https://u:p@shop.example/{NATIONAL}",
        "https://site11/96832-2333", f"https://shop.example/?token=abc&q={E_MAIL}", f"http://[2001:db8::1]:8080/{NATIONAL}",
    )  # fmt: skip
    headers = json.dumps({"user_id": "u-1", "timezone": f"Europe/{NATIONAL}"})
    actions = [agent(f"click {WRITTEN}", url) for url in urls]
    made = [browser(headers=headers), *actions, search([WRITTEN, "b"]), agent("finished", urls[0])]
    answer = {"response_body__model": "sonar-20241022", "response_body__choices[0].message.content": f"to {E_MAIL}"}
    return lines(
        [
            message("h-1", thread=None, seconds=MIDNIGHT + 300, query=f"call {NATIONAL}", steps=made, **answer),
            message("h-2", thread=None, seconds=MIDNIGHT + 301, query=JUMBLE),
            message("h-3", thread=None, seconds=MIDNIGHT + 302, query="x" * 70_000 + WRITTEN),
        ]
    )


def hard_calls() -> bytes:
    events = call("0b0f2d52-0008-4000-8000-000000000008", "11900000008", MIDNIGHT + 600)
    noted: dict[str, Any] = {f"{E_MAIL}": 12345678, "a\u00e9": f"{WRITTEN}\n", "password": "abc", "n": 1e9}
    events[6]["context"] = {"note": noted, "list": [{"deep": NATIONAL}, "y" * 70_000]}
    events[4]["context"]["agent"]["solution"]["previousSolutions"] = [WRITTEN, 'a"b', "c\\d"]
    return json.dumps(events[6]).encode() + b"\n" + lines([*events[:6], *events[7:]])


def lake_files(home: Home) -> list[Path]:
    return [path for source in ("chat", "voice") for path in (home.root / "lake" / source).rglob("*.parquet")]


@pytest.fixture
def home(people: Home, tmp_path: Path) -> Home:
    return people.copy_to(tmp_path / "home")


@pytest.fixture
def expired(monkeypatch: pytest.MonkeyPatch) -> Callable[[Home, float], Expired]:
    def run(home: Home, days: float) -> Expired:
        moment = datetime.now(UTC) + timedelta(days=days)
        monkeypatch.setattr(manifests, "now_utc", lambda: moment)
        return expire(home.settings, SOURCES)

    return run


def publish_without_dbt(home: Home) -> None:
    """Chat and voice up to their tables, counted as published."""
    settings = home.settings
    steps.prepare_sites(settings)
    for source in ("chat", "voice"):
        ingest(settings, source)
    chat.publish(settings, steps.scorer_of(settings), "test")
    voice.publish(settings, "test")
    home.count_as_published()
    publish_snapshot(settings)


@pytest.mark.parametrize("with_dbt", [False, pytest.param(True, marks=pytest.mark.long)])
def test_tables_come_out_of_the_masked_lake_as_they_stand(
    with_dbt: bool, home: Home, expired: Callable[[Home, float], Expired]
) -> None:
    publish = home.publish if with_dbt else lambda: publish_without_dbt(home)
    layers = LAYERS if with_dbt else TABLES
    home.write("hard.jsonl", hard_lines())
    (home.root / "landing" / "voice" / "hard.jsonl").write_bytes(hard_calls())
    publish()
    standing = home.dump(layers, working=True)
    told = (NUMBER, NATIONAL, WRITTEN, E_MAIL)
    assert set(found_in(lake_files(home), told)) == set(told)

    assert expired(home, 29.9).masked == 0
    assert set(found_in(lake_files(home), told)) == set(told)
    loads = [load for load in read_manifests(home.settings.lake) if load.source in ("chat", "voice")]
    assert expired(home, 31).masked == len(loads) == 4
    assert found_in(lake_files(home), told) == {}
    assert len(found_in(lake_files(home), [JUMBLE])) == 1, "a text that masking twice would change stays"
    assert {row["texts_masked_at"] is None for row in read_status(home.settings).expired} == {True, False}
    assert expired(home, 32).masked == 0

    # Dates made anew.
    settings = home.settings
    days = {part.event_date for load in loads for part in load.parts}
    chat.backfill(settings, days, steps.scorer_of(settings), "again")
    voice.backfill(settings, days, "again")
    anew = home.dump(TABLES, working=True)
    assert_same(anew, {name: rows for name, rows in standing.items() if name.split(".")[0] in TABLES})
    # Everything made anew, from nothing but the lake.
    assert not [path for path in (home.root / "landing").rglob("*") if path.is_file()]
    settings.working_file.unlink()
    settings.warehouse_file.unlink()
    publish()
    assert_same(home.dump(layers, working=True), standing)


@pytest.mark.long
def test_a_person_is_removed_from_a_masked_lake(home: Home, expired: Callable[[Home, float], Expired]) -> None:
    expired(home, 31)
    wanted = (*SPELLINGS[:4], *KEYS[:3], *WORDS)
    assert wanted == WANTED
    kpis, shape = totals(home), shapes(home)
    assert set(found_in(lake_files(home), wanted)) >= {*WORDS, KEYS[2]}
    assert remove(home).events >= 20
    assert found_in(files_of(home), wanted) == {}
    assert_same(totals(home), kpis)
    assert shapes(home) == shape


def test_killed_between_two_files(
    home: Home, expired: Callable[[Home, float], Expired], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, done = lake_texts._mask_file, []

    def killed(connection: Any, source: str, path: Path) -> None:
        if done:
            raise KeyboardInterrupt
        done.append(path)
        whole(connection, source, path)

    with monkeypatch.context() as patched:
        patched.setattr(lake_texts, "_mask_file", killed)
        with pytest.raises(KeyboardInterrupt):
            expired(home, 31)
    assert found_in(lake_files(home), [WRITTEN, NATIONAL])
    assert expired(home, 31).masked == 2
    assert found_in(lake_files(home), [WRITTEN, NATIONAL]) == {}
    assert not list((home.root / "lake").rglob(".*masking"))


def test_a_copy_that_a_killed_masking_left_goes(home: Home, expired: Callable[[Home, float], Expired]) -> None:
    for number, clear in enumerate((clear_staged, lambda _: expired(home, 31))):
        (file, *_) = lake_files(home)
        left = file.with_name(f".{file.name}{lake_texts.STAGED}")
        left.write_bytes(file.read_bytes())
        clear(home.settings)
        assert not left.exists(), number


def test_a_removal_that_was_killed_goes_first(home: Home, expired: Callable[[Home, float], Expired]) -> None:
    plan = Plan(moves=[], dates={}, loads={})
    begun = Tombstone(id="a", cut_off=datetime(2026, 1, 5, tzinfo=UTC), marks={}, lines={}, scores=None, plan=plan)
    put_tombstone(home.settings.lake, begun)
    assert expired(home, 31).masked == 0
    put_tombstone(home.settings.lake, begun.model_copy(update={"plan": None}))
    assert expired(home, 31).masked == 2
