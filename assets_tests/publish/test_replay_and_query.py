"""Refused lines out and back in, and questions that can only read."""

import json
from pathlib import Path

import pytest
from lake.chat_builder import finish, lines_of, message, publish_all, take, typed_by_id, warehouse_rows

from chat_platform.errors import ChatPlatformError, WarehouseError
from chat_platform.lake.ingest import ingest
from chat_platform.query import read_rows
from chat_platform.replay import export_refused, take_corrected
from chat_platform.settings import Settings, load_settings
from chat_platform.status import read_status, unpublished_loads
from chat_platform.warehouse.snapshot import publish_snapshot

KEY = "a key for tests, 32 characters!!"
GOOD = lines_of([message("good")])
HALF = lines_of([message("half")])[:-30]
LATE = lines_of([message("late", seconds=4102444800)])
BAD = [HALF + b"\n", b"\xff\xfe not utf-8\n", LATE, b"{'a': 1}\r\n"]


@pytest.fixture
def refused(settings: Settings) -> Settings:
    take(settings, "a.jsonl", GOOD + BAD[0] + BAD[1])
    take(settings, "b.jsonl", BAD[2] + b"\n" + BAD[3])
    return settings


def test_export_writes_the_lines_as_they_came_and_why(refused: Settings, tmp_path: Path) -> None:
    target = tmp_path / "refused.jsonl"
    count, reasons = export_refused(refused, target, "chat", None)
    whys = [json.loads(line) for line in reasons.read_text().splitlines()]
    lines = target.read_bytes().split(b"\n")[:-1]
    assert count == len(lines) == len(whys) == 4
    assert sorted(lines) == sorted(line.rstrip(b"\r\n") for line in BAD)
    for line, why in zip(lines, whys, strict=True):
        delivered = (refused.landing / why["source_file"]).read_bytes()
        assert delivered[why["byte_offset"] :].startswith(line)
        assert delivered[: why["byte_offset"]].count(b"\n") + 1 == why["line_number"]
        assert why["message"].endswith(".")
        assert "half" not in why["message"]
    assert sorted(why["reason"] for why in whys) == [
        "invalid_json", "invalid_json", "not_utf8", "timestamp_out_of_range",
    ]  # fmt: skip
    assert {path.stat().st_mode & 0o777 for path in (target, reasons)} == {0o600}


def test_export_writes_one_line_for_a_refused_element_of_an_array(settings: Settings, tmp_path: Path) -> None:
    take(settings, "a.json", json.dumps([{"bad": 1, "text": "a\nb"}, {"bad": 2}], indent=1).encode())
    count, reasons = export_refused(settings, tmp_path / "x.jsonl", "chat", None)
    lines = (tmp_path / "x.jsonl").read_bytes().splitlines()
    assert count == len(lines) == len(reasons.read_text().splitlines()) == 2
    assert [json.loads(line) for line in lines] == [{"bad": 1, "text": "a\nb"}, {"bad": 2}]


def test_export_of_one_load(refused: Settings, tmp_path: Path) -> None:
    load_id = unpublished_loads(refused)[1]
    count, reasons = export_refused(refused, tmp_path / "one.jsonl", "chat", load_id)
    assert count == 2
    assert {json.loads(line)["load_id"] for line in reasons.read_text().splitlines()} == {load_id}


def test_export_is_of_one_source(refused: Settings, tmp_path: Path) -> None:
    folder = refused.landing / "voice"
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(b"[1]\n{}\n")
    ingest(refused, "voice")
    assert export_refused(refused, tmp_path / "chat.jsonl", "chat", None)[0] == 4
    assert export_refused(refused, tmp_path / "voice.jsonl", "voice", None)[0] == 2
    assert (tmp_path / "voice.jsonl").read_bytes() == b"[1]\n{}\n"
    with pytest.raises(ChatPlatformError, match="known are chat"):
        export_refused(refused, tmp_path / "x.jsonl", "chats", None)
    assert not (tmp_path / "x.jsonl").exists()


def test_export_never_writes_over_a_file(refused: Settings, tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text("mine")
    with pytest.raises(ChatPlatformError, match=r"mine\.jsonl exists"):
        export_refused(refused, tmp_path / "mine.jsonl", "chat", None)
    assert (tmp_path / "mine.jsonl").read_text() == "mine"


def test_export_without_refused_lines_is_empty(settings: Settings, tmp_path: Path) -> None:
    take(settings, "a.jsonl", GOOD)
    count, _ = export_refused(settings, tmp_path / "none.jsonl", "chat", None)
    assert (count, (tmp_path / "none.jsonl").read_bytes()) == (0, b"")


def test_corrected_lines_come_back_in(refused: Settings, tmp_path: Path) -> None:
    target = tmp_path / "refused.jsonl"
    export_refused(refused, target, "chat", None)
    corrected = [line + b'"total_cost": 1}}}}' if line == HALF else line for line in target.read_bytes().split(b"\n")]
    fixed = tmp_path / "fixed.jsonl"
    fixed.write_bytes(lines_of([message("half")]) + b"\n".join(line for line in corrected if b"2100" in line))
    name = take_corrected(refused, fixed, "chat")
    assert name.startswith("chat/replayed/")
    assert name.endswith(".jsonl")
    assert (refused.landing / name).read_bytes() == fixed.read_bytes()
    assert take_corrected(refused, fixed, "chat") == name
    manifest = ingest(refused, "chat").manifest
    assert manifest is not None
    assert [file.name for file in manifest.files] == [name]
    assert set(typed_by_id(refused)) == {"good", "half"}
    assert take_corrected(refused, fixed, "chat") == name
    assert ingest(refused, "chat").manifest is None


def test_corrected_lines_need_a_known_source_and_a_file(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(GOOD)
    with pytest.raises(ChatPlatformError, match="known are chat"):
        take_corrected(settings, tmp_path / "a.jsonl", "chats")
    with pytest.raises(ChatPlatformError, match="is not a file"):
        take_corrected(settings, tmp_path / "b.jsonl", "chat")
    with pytest.raises(ChatPlatformError, match="is not a file"):
        take_corrected(settings, tmp_path, "chat")
    assert list(settings.landing.rglob("*.jsonl")) == []


def test_status_tells_what_stands(refused: Settings) -> None:
    (refused.landing / "chat" / "notes.txt").touch()
    (refused.landing / "chat" / "new.jsonl").write_bytes(GOOD)
    status = read_status(refused)
    assert status.new_files == ["chat/new.jsonl"]
    assert [notice["reason"] for notice in status.notices] == ["unknown_file_type"]
    assert len(status.pending_loads) == 2
    assert sum(row["lines"] for row in status.refused) == 4
    assert status.warnings == []
    assert json.dumps(status.as_dict(), default=str)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = load_settings({}, home=tmp_path_factory.mktemp("published"), pseudonym_key=KEY)
    take(settings, "a.jsonl", [message("r-1"), message("r-2")])
    publish_all(settings)
    finish(settings)
    publish_snapshot(settings)
    return settings


def test_a_question_is_answered(published: Settings) -> None:
    names, rows = read_rows(published, "select session_id, has_response as ok from demo_chat.chat_sessions order by 1")
    assert names == ["session_id", "ok"]
    assert rows == [("r-1", True), ("r-2", True)]
    assert unpublished_loads(published) == []


def refused_statements(folder: Path) -> dict[str, str]:
    outside = folder / "outside"
    return {
        "insert": "insert into demo_chat.responses select * from demo_chat.responses",
        "delete": "delete from demo_chat.chat_sessions",
        "update": "update demo_chat.chat_sessions set thread_id = 'x'",
        "drop": "drop table demo_chat.chat_sessions",
        "create": "create table demo_chat.mine as select 1 as a",
        "create_schema": "create schema mine",
        "copy_to": f"copy demo_chat.chat_sessions to '{outside}.csv'",
        "copy_from": "copy demo_chat.chat_sessions from '/etc/hostname'",
        "export": f"export database '{outside}'",
        "attach": f"attach '{outside}.duckdb' as other",
        "attach_self": "attach ':memory:' as other",
        "read_csv": "select * from read_csv('/etc/passwd', sep = '|', header = false)",
        "read_text": "select * from read_text('/etc/passwd')",
        "read_blob": "select * from read_blob('/etc/passwd')",
        "glob": "select * from glob('/etc/*')",
        "file_as_table": "select * from '/etc/passwd.csv'",
        "install": "install httpfs",
        "load": "load httpfs",
        "set_access": "set enable_external_access = true",
        "set": "set memory_limit = '1GB'",
        "two": "select 1; select 2",
        "read_then_write": "select 1; delete from demo_chat.chat_sessions",
        "commit_then_write": "commit; delete from demo_chat.chat_sessions",
        "nothing": "",
        "only_a_comment": "-- nothing",
        "no_such_table": "select * from demo_chat.nowhere",
        "not_sql": "how many messages are there",
    }


@pytest.mark.parametrize("name", refused_statements(Path()))
def test_a_statement_that_is_not_a_question_is_refused(published: Settings, tmp_path: Path, name: str) -> None:
    before = published.warehouse_file.read_bytes()
    with pytest.raises(ChatPlatformError) as caught:
        read_rows(published, refused_statements(tmp_path)[name])
    assert str(caught.value)
    assert published.warehouse_file.read_bytes() == before
    assert list(tmp_path.iterdir()) == []


def test_a_question_before_the_first_publish_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(WarehouseError, match="chat-platform run"):
        read_rows(settings, "select 1")


def test_on_postgres_a_question_can_only_read_too(postgres: str, tmp_path: Path) -> None:
    settings = load_settings({}, home=tmp_path / "home", warehouse=postgres, pseudonym_key=KEY)
    take(settings, "a.jsonl", [message("r-1"), message("r-2")])
    publish_all(settings)
    assert read_rows(settings, "select count(*) from demo_chat.chat_sessions")[1] == [(2,)]
    statements = refused_statements(tmp_path)
    names = (
        "insert",
        "delete",
        "drop",
        "create",
        "copy_from",
        "attach",
        "read_text",
        "set_access",
        "commit_then_write",
    )
    tried = [statements[name] for name in names]
    tried.append("call postgres_execute('wh', 'delete from demo_chat.chat_sessions')")
    tried.append("from postgres_query('wh', 'delete from demo_chat.chat_sessions returning session_id')")
    for statement in tried:
        with pytest.raises(ChatPlatformError):
            read_rows(settings, statement)
    assert len(warehouse_rows(settings, "chat.chat_sessions")) == 2
