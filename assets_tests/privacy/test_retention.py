"""Delivered files and refused lines are kept for a time; tables and what is known of loads stay."""

import gzip
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from homes import Home, Homes
from lake.chat_builder import deliver, message

from chat_platform.lake import manifest as manifests
from chat_platform.lake.ingest import ingest
from chat_platform.lake.manifest import read_manifests
from chat_platform.privacy.retention import expire
from chat_platform.settings import SOURCES
from chat_platform.status import read_status, refused_lines


@pytest.fixture(scope="module")
def published(homes: Homes, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One message and one refused line, published."""

    def fill(home: Home) -> None:
        deliver(home.settings, "a.jsonl", [message("m-1")])
        home.write("b.jsonl.gz", gzip.compress(b"not json\n"))
        home.publish()

    return homes.finished("expiring", tmp_path_factory.mktemp("expiring") / "home", fill)


@pytest.fixture
def home(published: Home, tmp_path: Path) -> Home:
    return published.copy_to(tmp_path / "home")


def later(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    moment = datetime.now(UTC) + timedelta(days=days)
    monkeypatch.setattr(manifests, "now_utc", lambda: moment)


def rejects(home: Home) -> list[Path]:
    return list((home.root / "lake" / "rejects").rglob("*.parquet"))


def test_nothing_goes_before_its_time(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch, 29.9)
    done = expire(home.settings, SOURCES)
    assert (done.files, done.loads) == (0, 0)
    assert len(rejects(home)) == 1
    assert len(list(home.landing.iterdir())) == 2


def test_what_is_old_goes_and_is_no_news(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before = home.dump(("chat", "ops"))
    content = (home.landing / "a.jsonl").read_bytes()
    assert len(refused_lines(home.settings, "chat")) == 1
    deliver(home.settings, "pending.jsonl", [message("m-2")])
    ingest(home.settings, "chat")
    deliver(home.settings, "new.jsonl", [message("m-3")])

    later(monkeypatch, 31)
    done = expire(home.settings, SOURCES)

    assert (done.files, done.loads) == (2, 1)
    # What no run has published, and what no load knows, is nobody's to delete.
    assert {path.name for path in home.landing.iterdir()} == {"pending.jsonl", "new.jsonl"}
    assert rejects(home) == []
    assert refused_lines(home.settings, "chat") == []
    assert home.dump(("chat", "ops")) == before
    status = read_status(home.settings)
    assert [(row["files"], row["refused_lines_expired_at"] is None) for row in status.expired] == [(2, False)]
    assert [row["reason"] for row in status.refused] == ["invalid_json"], "that there was one stays known"
    assert expire(home.settings, SOURCES).files == 0

    # The same file again is the same load, and goes again when it is old.
    (home.landing / "a.jsonl").write_bytes(content)
    lately = (datetime.now(UTC) + timedelta(days=30)).timestamp()
    os.utime(home.landing / "a.jsonl", (lately, lately))
    (home.landing / "new.jsonl").unlink()
    assert ingest(home.settings, "chat").manifest is None
    assert expire(home.settings, SOURCES).files == 0
    old = datetime.now(UTC).timestamp()
    os.utime(home.landing / "a.jsonl", (old, old))
    assert expire(home.settings, SOURCES).files == 1
    assert {path.name for path in home.landing.iterdir()} == {"pending.jsonl"}


def test_another_content_under_an_old_name_stays(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(home.settings, "a.jsonl", [message("m-9")])
    later(monkeypatch, 31)
    assert expire(home.settings, SOURCES).files == 1
    assert (home.landing / "a.jsonl").exists()


def test_killed_while_deleting(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch, 31)
    settings = home.settings

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            expire(settings, SOURCES)
    assert read_manifests(settings.lake)[0].rejects_expired_at is not None
    expire(settings, SOURCES)
    assert rejects(home) == []
    assert list(home.landing.iterdir()) == []


def test_restricted_folders_are_for_their_owner(home: Home) -> None:
    for folder in ("lake", "tmp"):
        assert (home.root / folder).stat().st_mode & 0o077 == 0
