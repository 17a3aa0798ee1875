"""What lies in landing: files that are taken, and a notice for what is not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from lake.chat_builder import conserved, deliver, lines_of, message, take, typed_by_id

from chat_platform.errors import LandingError
from chat_platform.lake import ingest as ingesting
from chat_platform.lake.ingest import ingest, new_files
from chat_platform.landing.files import LandingFile, make_folder, scan
from chat_platform.settings import Settings

GOOD = lines_of([message()])


def reasons(landing: Path) -> dict[str, str]:
    return {notice.name: notice.reason for notice in scan(landing, ["chat"]).notices}


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    (tmp_path / "landing" / "chat").mkdir(parents=True)
    return tmp_path / "landing"


def test_names_that_are_loaded_in_order(landing: Path) -> None:
    names = ["b.jsonl", "a.ndjson", "c.json", "d.jsonl.gz", "e.ndjson.zst", "F.JSONL.GZ", "deep/er/g.json.gz"]
    for name in names:
        path = landing / "chat" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(GOOD)
    found = scan(landing, ["chat"])
    assert sorted(file.name for file in found.files) == sorted(f"chat/{name}" for name in names)
    assert [file.source for file in found.files] == ["chat"] * len(names)
    assert found.notices == ()


def test_what_is_not_loaded_has_a_notice_that_says_what_to_do(landing: Path) -> None:
    (landing / "loose.jsonl").write_bytes(GOOD)
    (landing / "chats").mkdir()
    (landing / "chats" / "a.jsonl").write_bytes(GOOD)
    (landing / "chat" / "table.csv").write_bytes(b"a,b\n")
    (landing / "chat" / "noending").write_bytes(GOOD)
    (landing / "chat" / "folder.jsonl").mkdir()
    (landing / "chat" / "folder.jsonl" / "inside.jsonl").write_bytes(GOOD)
    found = scan(landing, ["chat"])
    assert [file.name for file in found.files] == ["chat/folder.jsonl/inside.jsonl"]
    notices = {notice.name: notice for notice in found.notices}
    assert {name: notice.reason for name, notice in notices.items()} == {
        "loose.jsonl": "no_source",
        "chats/": "unknown_source",
        "chat/table.csv": "unknown_file_type",
        "chat/noending": "unknown_file_type",
        "chat/folder.jsonl": "folder_not_file",
    }
    assert "chat" in notices["loose.jsonl"].message
    assert "chat" in notices["chats/"].message
    assert ".jsonl" in notices["chat/table.csv"].message
    assert "inside it are loaded" in notices["chat/folder.jsonl"].message


def test_hidden_and_unfinished_files_are_left_alone(landing: Path) -> None:
    for name in (".hidden.jsonl", "a.jsonl.tmp", "a.jsonl.part", "a.jsonl.partial", "a.jsonl.crdownload", "a.jsonl~"):
        (landing / "chat" / name).write_bytes(GOOD)
    (landing / "chat" / ".git").mkdir()
    (landing / "chat" / ".git" / "a.jsonl").write_bytes(GOOD)
    (landing / ".cache").mkdir()
    found = scan(landing, ["chat"])
    assert (found.files, found.notices) == ((), ())


def test_a_missing_landing_folder_is_a_notice(tmp_path: Path) -> None:
    assert reasons(tmp_path / "nowhere") == {".": "landing_missing"}


def test_names_that_are_no_text_and_links_to_folders_are_told(landing: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.jsonl").touch()
    (landing / "chat" / "linked").symlink_to(tmp_path / "elsewhere")
    (landing / "chat" / "good.jsonl").touch()
    os.close(os.open(bytes(landing / "chat") + b"/bad\xff.jsonl", os.O_CREAT))
    found = scan(landing, ["chat"])
    assert [file.name for file in found.files] == ["chat/good.jsonl"]
    assert sorted((notice.name, notice.reason) for notice in found.notices) == [
        ("chat/bad\\xff.jsonl", "unreadable"), ("chat/linked", "linked_folder"),
    ]  # fmt: skip


def test_dead_links_and_pipes_are_unreadable(landing: Path) -> None:
    (landing / "chat" / "dead.jsonl").symlink_to(landing / "nowhere.jsonl")
    os.mkfifo(landing / "chat" / "pipe.jsonl")
    assert reasons(landing) == {"chat/dead.jsonl": "unreadable", "chat/pipe.jsonl": "unreadable"}


def refuse_to_open(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Permissions mean nothing to root, so the refusal is made here."""
    real = Path.open

    def opened(self: Path, *args: object, **options: object) -> object:
        if self.name == name:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, *args, **options)

    monkeypatch.setattr(Path, "open", opened)


def test_an_unreadable_file_does_not_stop_the_others(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(settings, "a.jsonl", GOOD)
    deliver(settings, "locked.jsonl", lines_of([message("r-2")]))
    with monkeypatch.context() as patched:
        refuse_to_open(patched, "locked.jsonl")
        done = ingest(settings, "chat")
    assert [(notice.name, notice.reason) for notice in done.notices] == [("chat/locked.jsonl", "unreadable")]
    assert "permission denied" in done.notices[0].message.lower()
    assert set(typed_by_id(settings)) == {"r-1"}
    assert ingest(settings, "chat").manifest is not None
    assert set(typed_by_id(settings)) == {"r-1", "r-2"}


def test_a_file_that_fails_while_it_is_hashed_is_a_notice(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(settings, "a.jsonl", GOOD)

    def broken(self: LandingFile) -> str:
        raise LandingError(f"{self.name}: cannot be read (Input/output error)")

    monkeypatch.setattr(LandingFile, "sha256", broken)
    new, found = new_files(settings, "chat")
    assert new == []
    assert [(notice.name, notice.reason) for notice in found.notices] == [("chat/a.jsonl", "unreadable")]


def while_reading(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[Path], object]) -> None:
    """Let something happen to a file after it was found and before it has been read to its end."""
    real, done = ingesting.read_batches, []

    def read(path: Path) -> object:
        if path.name == name and not done:
            done.append(True)
            act(path)
        return real(path)

    monkeypatch.setattr(ingesting, "read_batches", read)


def grow(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(lines_of([message("late")]))


def fail(path: Path) -> None:
    raise OSError(5, "Input/output error", str(path))


@pytest.mark.parametrize(
    ("act", "reason", "later"),
    [(grow, "file_changing", {"other", "b-1", "late"}), (Path.unlink, "file_changing", {"other"}),
     (fail, "unreadable", {"other", "b-1"})],
)  # fmt: skip
def test_a_file_that_grows_vanishes_or_fails_waits_for_the_next_run(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[Path], object],
    reason: str,
    later: set[str],
) -> None:
    deliver(settings, "a.jsonl", [message("other")])
    deliver(settings, "b.jsonl", [message("b-1")])
    while_reading(monkeypatch, "b.jsonl", act)
    done = ingest(settings, "chat")
    assert [(notice.name, notice.reason) for notice in done.notices] == [("chat/b.jsonl", reason)]
    assert done.manifest is not None
    assert [file.name for file in done.manifest.files] == ["chat/a.jsonl"]
    assert conserved(done.manifest)
    assert set(typed_by_id(settings)) == {"other"}
    listed = {part.path for part in done.manifest.parts}
    assert {path.relative_to(settings.lake).as_posix() for path in settings.lake.rglob("*.parquet")} == listed
    again = ingest(settings, "chat")
    assert again.notices == ()
    assert set(typed_by_id(settings)) == later


def test_only_file_and_it_changes_makes_no_load(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(settings, "b.jsonl", [message("b-1")])
    while_reading(monkeypatch, "b.jsonl", grow)
    assert ingest(settings, "chat").manifest is None
    assert list(settings.lake.rglob("*.parquet")) == []


def test_a_file_is_known_by_path_and_content(settings: Settings) -> None:
    first = take(settings, "a.jsonl", GOOD)
    assert ingest(settings, "chat").manifest is None
    os.utime(settings.landing / "chat" / "a.jsonl", ns=(1, 1))
    assert ingest(settings, "chat").manifest is None
    second = take(settings, "a.jsonl", lines_of([message("r-2")]))
    third = take(settings, "copy.jsonl", GOOD)
    assert [item.sequence for item in (first, second, third)] == [1, 2, 3]
    assert len({item.load_id for item in (first, second, third)}) == 3
    assert ingest(settings, "chat").manifest is None


def test_the_id_of_a_load_is_that_of_its_files(make_settings: Callable[..., Settings]) -> None:
    made = []
    for home in ("one", "two"):
        settings = make_settings(home)
        deliver(settings, "a.jsonl", GOOD)
        made.append(take(settings, "sub/b.jsonl", lines_of([message("r-2")])))
    assert made[0].load_id == made[1].load_id
    assert [file.name for file in made[0].files] == ["chat/a.jsonl", "chat/sub/b.jsonl"]


def test_a_file_that_is_no_tracker_store_has_a_notice(tmp_path: Path) -> None:
    folder = tmp_path / "rasa"
    folder.mkdir()
    (folder / "bot.db").write_bytes(b"not a database")
    (folder / "store.sqlite").write_bytes(b"SQLite format 3\0" + bytes(84))
    found = scan(tmp_path, ["rasa"])
    assert [file.name for file in found.files] == ["rasa/store.sqlite"]
    assert [(notice.name, notice.reason) for notice in found.notices] == [("rasa/bot.db", "unreadable")]


def test_only_the_owner_reads_the_landing_that_the_platform_makes(tmp_path: Path) -> None:
    assert make_folder(tmp_path / "home" / "landing", "rasa", "tracker_store").is_dir()
    assert (tmp_path / "home" / "landing").stat().st_mode & 0o777 == 0o700
    (tmp_path / "mine").mkdir(mode=0o750)
    make_folder(tmp_path / "mine", "chat")
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o750
