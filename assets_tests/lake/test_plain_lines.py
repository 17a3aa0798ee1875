"""Most lines are typed by a statement that never looks up a type; it must say what the careful one says of them."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from chat_platform.lake import ingest as room
from chat_platform.lake.manifest import Manifest
from chat_platform.sample.chat import generate
from chat_platform.settings import Settings, load_settings

KEY = "a key of a test, long enough"


def loaded(home: Path, landing: Path) -> tuple[Manifest, list[dict[str, Any]], list[dict[str, Any]]]:
    """Manifest, rows of the lake and refused lines of one load."""
    settings: Settings = load_settings({}, home=home, landing=landing, pseudonym_key=KEY)
    manifest = room.ingest(settings, "chat").manifest
    assert manifest is not None

    def read(paths: list[str]) -> list[dict[str, Any]]:
        rows = [row for path in paths for row in pq.read_table(settings.lake / path).to_pylist()]
        return sorted(rows, key=lambda row: (row["source_file"], row["line_number"], row["byte_offset"]))

    return manifest, read([part.path for part in manifest.parts]), read(manifest.rejects)


def odd_steps() -> Iterator[dict[str, Any]]:
    """Messages with one agent step each, every part of which is there, absent, null or of another kind."""
    values = [{}, *({"action": value} for value in ("click", None, 7, {"a": 1}, ["a"], "{a", '{"a": 1}'))]
    for action, url in itertools.product(values, [{}, {"url": "https://a.example"}, {"url": None}, {"url": [1]}]):
        for progress in ({**action, **url}, None, "text", []) if action and url else ({**action, **url},):
            step = {"type": "agent_progress", "thought": "Task Succeeded", "agent_progress": progress}
            answer = {"choices": [{"message": {"content": "yes", "reasoning_steps": [step]}}]}
            yield {"@timestamp": 1767571200.5, "request_body": {"query": "go"}, "response_body": answer}


def test_plain_and_careful_typing_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    landing = tmp_path / "landing"
    generate(landing / "chat", messages=3_000, seed=5)
    odd = "".join(json.dumps(line) + "\n" for line in odd_steps())
    # Without the escaped NUL both of the damaged lines would be JSON.
    nul = "\\u0000"
    damaged = f'{{"@timestamp": 1767571200.5, {nul} "request_body": {{}}}}\n{{"@timestamp": 1767571200.5{nul}}}\n'
    whole = f'{{"@timestamp": 1767571200.5, "request_body": {{"query": "a{nul}b"}}}}\n'
    # The first of the files: lists of keys that come late get the closer look.
    (landing / "chat" / "a-odd.jsonl").write_text(odd + damaged + whole, encoding="utf-8")
    looked_at: list[int] = []
    real = room.type_lines

    def counted(connection: Any, lines: Any) -> Any:
        looked_at.append(len(lines))
        return real(connection, lines)

    monkeypatch.setattr(room, "type_lines", counted)
    monkeypatch.setattr(room, "PLAIN_BYTES", 1 << 40)
    careful, rows, refused = loaded(tmp_path / "careful", landing)
    assert sum(looked_at) >= len(rows)
    looked_at.clear()
    monkeypatch.setattr(room, "PLAIN_BYTES", 0)
    plain, same_rows, same_refused = loaded(tmp_path / "plain", landing)
    assert sum(looked_at) < len(rows) / 20, "most lines need no second look"
    assert same_rows == rows
    assert same_refused == refused
    assert [row["reason"] for row in refused if row["source_file"] == "chat/a-odd.jsonl"] == ["invalid_json"] * 2
    assert [row["user_query"] for row in rows if row["source_file"] == "chat/a-odd.jsonl"][-1] == "ab"
    of_interest = {"lines_read", "blank", "rejected", "typed", "warnings", "first_event_timestamp", "issues", "load_id"}
    assert plain.model_dump(include=of_interest) == careful.model_dump(include=of_interest)


def test_many_small_files_are_typed_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file alone is too little text for the plain statement; all of them are not."""
    landing = tmp_path / "landing"
    generate(landing / "chat", messages=3_000, seed=5, compression="none")
    sizes = [path.stat().st_size for path in (landing / "chat").iterdir()]
    monkeypatch.setattr(room, "PLAIN_BYTES", max(sizes) + 1)
    assert sum(sizes) > 2 * max(sizes)
    looked_at: list[int] = []
    real = room.type_lines

    def counted(connection: Any, lines: Any) -> Any:
        looked_at.append(len(lines))
        return real(connection, lines)

    monkeypatch.setattr(room, "type_lines", counted)
    _, rows, _ = loaded(tmp_path / "home", landing)
    assert sum(looked_at) < len(rows) / 4
