"""The command line: what it prints, what it refuses, and the exit codes that scripts rely on.

Most commands run inside the test process, through the entry point; errors are looked at in a process of their own.
"""

import csv
import io
import json
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from homes import FEED, Home, assert_same

from chat_platform.cli import main
from chat_platform.status import Status

FIRST = FEED["first_date"]


@dataclass
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Said]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    """`chat-platform` on a home, through its entry point."""

    def call(home: Home, *arguments: str, **environment: str | None) -> Said:
        given = {name: value for name, value in home.environment.items() if name.startswith("CHAT_PLATFORM_")}
        for name, value in {**given, "COLUMNS": "200", **environment}.items():
            monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["chat-platform", *arguments])
        out, err, code = io.StringIO(), io.StringIO(), 0
        with redirect_stdout(out), redirect_stderr(err):
            try:
                main()
            except SystemExit as done:
                code = done.code if isinstance(done.code, int) else 0 if done.code is None else 1
        return Said(code, out.getvalue(), err.getvalue())

    return call


@pytest.mark.early
def test_run_and_status_as_json(
    command: Command, half: Home, refreshed: Home, lines: list[bytes], tmp_path: Path
) -> None:
    home = half.copy_to(tmp_path / "home")
    home.write("second.jsonl", b"\n".join(lines[1::2]) + b"\n")
    (home.root / "landing" / "voicemail").mkdir()
    home.write("readme.md", b"hello")
    waiting = command(home, "status", "--json").json
    assert waiting["new_files"] == ["chat/second.jsonl"]
    assert waiting["pending_loads"] == []
    assert {notice["reason"] for notice in waiting["notices"]} == {"unknown_source", "unknown_file_type"}

    counts = "select count(*) from demo_chat.chat_sessions"
    with duckdb.connect(str(home.root / "warehouse.duckdb"), read_only=True) as reader:
        before = reader.execute(counts).fetchone()
        done = home.command("run", "--json")
        assert reader.execute(counts).fetchone() == before, "an open reader stops no run and keeps what it has opened"
    ran = Said(done.returncode, done.stdout, done.stderr)
    assert ran.code == 0
    assert home.query(counts) != [before]
    assert_same(home.dump(), refreshed.dump())
    answer = ran.json
    assert answer["success"] is True
    assert answer["failures"] == answer["failed_checks"] == answer["pending_loads"] == []
    assert {notice["name"] for notice in answer["notices"]} == {"voicemail/", "chat/readme.md"}
    assert all(notice["message"] for notice in answer["notices"])
    assert len(answer["loads"]) == 2
    for load in answer["loads"]:
        parts = ("blank", "rejected", "duplicates", "superseded", "accepted")
        assert load["lines_read"] == sum(load[part] for part in parts) > 0

    status = command(home, "status", "--json")
    assert status.code == 0
    found = status.json
    assert set(found) >= {
        "home", "landing", "warehouse", "new_files", "notices", "pending_loads", "loads", "refused", "warnings",
        "tables", "freshness",
    }  # fmt: skip
    assert found["new_files"] == found["pending_loads"] == []
    assert found["loads"] == answer["loads"]
    refused = sum(row["lines"] for row in found["refused"])
    assert refused == sum(load["rejected"] for load in found["loads"]) > 0
    assert {"load_id", "source_file", "reason", "lines"} <= set(found["refused"][0])
    messages = home.value("select count(*) from demo_chat.chat_sessions")
    (table,) = (row for row in found["tables"] if row["table"] == "chat/chat_sessions")
    assert table["rows"] == messages == sum(load["accepted"] for load in found["loads"])
    dates = {row["event_date"] for row in found["freshness"] if row["asset"] == "kpi/daily"}
    assert {(FIRST + timedelta(days=days)).isoformat() for days in range(FEED["days"])} <= dates

    text = command(home, "status")
    assert text.code == 0
    for part in ("Loads", "Lines refused", "voicemail/", "unknown_source", "chat/chat_sessions", "kpi/daily"):
        assert part in text.out
    assert f"{messages:,}" in text.out
    assert "Traceback" not in ran.err + status.err + text.err


@pytest.mark.long
def test_run_makes_dates_anew(command: Command, half: Home, tmp_path: Path) -> None:
    home = half.copy_to(tmp_path / "home")
    good = home.dump()
    day = (FIRST + timedelta(days=1)).isoformat()
    for statement in ("delete from demo_chat.tool_usage", "delete from demo_semantic.story_actions"):
        spoil(home, f"{statement} where event_date = date '{day}'")
    said = command(home, "run", "--from", day, "--to", day, "--json")
    assert said.code == 0, said.err
    assert said.json["success"] is True
    assert_same(home.dump(), good)


def spoil(home: Home, statement: str) -> None:
    with duckdb.connect(str(home.root / "warehouse.duckdb.working")) as connection:
        connection.execute(statement)


def test_a_failed_step_is_exit_code_1_and_told_in_words(command: Command, new_home: Callable[..., Home]) -> None:
    home = new_home()
    home.write("a.jsonl", b'{"@timestamp": 1774699200, "request_body": {}}\n')
    (home.root / "lake").mkdir()
    (home.root / "lake" / "chat").write_text("a file where a folder has to be")
    said = command(home, "run")
    assert said.code == 1
    assert "The lake" in said.err
    assert "Traceback" not in said.err + said.out


def test_a_failed_step_names_what_it_could_not_write(command: Command, new_home: Callable[..., Home]) -> None:
    home = new_home()
    home.write("a.jsonl", b'{"@timestamp": 1774699200, "request_body": {}}\n')
    (home.root / "warehouse.duckdb.working").write_bytes(b"this is not a database" * 1000)
    said = command(home, "run")
    assert said.code == 1
    assert "warehouse.duckdb" in said.err
    assert "Traceback" not in said.err + said.out
    assert "this is not a database" not in said.err


@pytest.mark.parametrize(
    ("arguments", "environment", "named"),
    [
        (("status",), {"CHAT_PLATFORM_PREFFIX": "x"}, "CHAT_PLATFORM_PREFIX"),
        (("run",), {"CHAT_PLATFORM_PREFIX": "9 lives"}, "CHAT_PLATFORM_PREFIX"),
        (("status",), {"CHAT_PLATFORM_CHAT_TIME_ZONE": "Mars/Phobos"}, "CHAT_PLATFORM_CHAT_TIME_ZONE"),
        (("run",), {"CHAT_PLATFORM_WAREHOUSE": "mysql://u:secretword@h/d"}, "CHAT_PLATFORM_WAREHOUSE"),
        (("run",), {"CHAT_PLATFORM_PSEUDONYM_KEY": "short"}, "CHAT_PLATFORM_PSEUDONYM_KEY"),
        (("run",), {"CHAT_PLATFORM_PSEUDONYM_KEY": None}, "CHAT_PLATFORM_PSEUDONYM_KEY"),
        (("run", "--from", "2026-03-29"), {}, "--to"),
        (("run", "--from", "29.3.2026", "--to", "2026-03-30"), {}, "--from"),
        (("run", "--from", "2026-03-30", "--to", "2026-03-29"), {}, "2026-03-29"),
        (("query",), {}, "sql"),
        (("replay",), {}, "--export"),
        (("replay", "no/such/file.jsonl"), {}, "no/such/file.jsonl"),
        (("replay", "x", "--source", "voices"), {}, "voices"),
        (("nonsense",), {}, "nonsense"),
    ],
    ids=str,
)
def test_what_is_wrong_is_exit_code_2_and_named(
    command: Command,
    new_home: Callable[..., Home],
    arguments: tuple[str, ...],
    environment: dict[str, str | None],
    named: str,
) -> None:
    home = new_home()
    home.write("a.jsonl", b'{"@timestamp": 1774699200, "request_body": {}}\n')
    said = command(home, *arguments, **environment)
    assert said.code == 2
    assert named in said.err
    assert "Traceback" not in said.err + said.out
    assert "secretword" not in said.err
    assert said.out == ""
    assert not (home.root / "warehouse.duckdb.working").exists(), "nothing is written before settings are right"


def test_an_error_of_ours_is_one_text_without_a_traceback(new_home: Callable[..., Home]) -> None:
    """In a process of its own, as a script sees it."""
    done = new_home().command("status", CHAT_PLATFORM_HOMEE="x", CHAT_PLATFORM_FIRST_DATE="soon")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "CHAT_PLATFORM_HOMEE" in done.stderr
    assert "CHAT_PLATFORM_FIRST_DATE" in done.stderr, "all problems at once"
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_before_the_first_run(command: Command, new_home: Callable[..., Home]) -> None:
    home = new_home()
    status = command(home, "status")
    assert status.code == 0
    assert "Nothing is loaded yet" in status.out
    found = command(home, "status", "--json")
    assert found.code == 0
    assert found.json["loads"] == []
    refused = command(home, "query", "select 1")
    assert refused.code == 2
    assert "chat-platform run" in refused.err
    home.write("a.jsonl", b"{}\n")
    assert "1 new files" in command(home, "status").out


def test_status_says_what_it_leaves_out(
    command: Command, new_home: Callable[..., Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Status("home", "landing", "warehouse")
    for number in range(25):
        load = {"load_id": f"l{number}", "files": 1, "files_expired_at": None, "refused_lines_expired_at": None}
        warning = {"source_file": f"warned{number}.jsonl", "reason": "wrong_type", "field": "f", "lines": 1}
        found.expired.append(load)
        found.warnings.append(warning)
    monkeypatch.setattr("chat_platform.status.read_status", lambda settings: found)
    said = command(new_home(), "status").out
    assert "warned9.jsonl" in said
    assert "warned10.jsonl" not in said
    assert "... and 15 more warnings: chat-platform status --json" in said
    assert "... and 5 more loads whose files expired earlier: chat-platform status --json" in said


def test_query_formats(command: Command, half: Home) -> None:
    sql = (
        "select event_date, value, dimension_value from demo_kpi.daily "
        "where kpi = 'messages' and dimension = 'all' order by event_date"
    )
    expected = half.query(sql)
    assert len(expected) == FEED["days"]
    as_json = command(half, "query", sql, "--format", "json")
    assert as_json.code == 0
    assert as_json.json == [
        {"event_date": day.isoformat(), "value": value, "dimension_value": "all"} for day, value, _ in expected
    ]
    rows = list(csv.reader(io.StringIO(command(half, "query", sql, "--format", "csv").out)))
    assert rows == [["event_date", "value", "dimension_value"], *([str(day), str(v), "all"] for day, v, _ in expected)]
    table = command(half, "query", sql)
    assert table.code == 0
    assert expected[0][0].isoformat() in table.out
    assert f"{len(expected)} rows" in table.out
    assert command(half, "query", sql, "--format", "xml").code == 2


def test_query_keeps_columns_of_one_name_apart_and_numbers_exact(command: Command, half: Home) -> None:
    sql = (
        "select 1 as a, 2 as a, cast('nan' as double) as b, 0.125 as c, "
        "12345678901234567890.123456789::decimal(38, 9) as d"
    )
    assert command(half, "query", sql, "--format", "json").json == [
        {"a": 1, "a_2": 2, "b": None, "c": 0.125, "d": "12345678901234567890.123456789"}
    ]
    shown = command(half, "query", "select 1 as a, 2 as a").out.replace("│", " ").split()
    assert shown.count("1") == 2, "the value, and the number of rows"
    assert shown.count("2") == 1


def test_a_load_of_replay_and_a_date_of_a_run_have_to_exist(command: Command, half: Home, tmp_path: Path) -> None:
    load_id = half.value("select load_id from demo_ops.loads where rejected > 0 limit 1")
    lines, other = tmp_path / "lines", tmp_path / "other"
    assert command(half, "replay", "--export", str(lines), "--load", load_id[:12]).code == 0
    assert lines.read_bytes()
    unknown = command(half, "replay", "--export", str(other), "--load", "nosuch")
    assert unknown.code != 0
    assert "nosuch is no load of chat" in unknown.err
    assert not other.exists()
    ahead = command(half, "run", "--from", "2999-01-01", "--to", "2999-01-02")
    assert ahead.code != 0
    assert "2999-01-02 lies ahead" in ahead.err


def test_query_puts_many_columns_below_each_other(command: Command, half: Home) -> None:
    columns = [f"a_rather_long_name_{number}" for number in range(100)]
    said = command(half, "query", "select " + ", ".join(f"{n} as {name}" for n, name in enumerate(columns)))
    assert said.code == 0
    for name in columns:
        assert name in said.out


@pytest.mark.parametrize(
    "sql",
    [
        "delete from demo_kpi.daily",
        "create table demo_kpi.mine as select 1",
        "drop schema demo_kpi cascade",
        "select 1; select 2",
        "",
        "selec 1",
        "select * from no_such_table",
        "copy demo_kpi.daily to '{folder}/out.csv'",
        "select * from read_text('{folder}/secret.txt')",
        "select * from '{folder}/secret.csv'",
        "attach '{folder}/other.duckdb' as other",
        "install httpfs",
        "set enable_external_access = true",
        "pragma enable_external_access",
    ],
)
def test_query_refuses_to_write_and_to_look_elsewhere(command: Command, half: Home, tmp_path: Path, sql: str) -> None:
    (tmp_path / "secret.txt").write_text("hidden word")
    (tmp_path / "secret.csv").write_text("a\nhidden word\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    said = command(half, "query", sql.replace("{folder}", str(tmp_path)))
    assert said.code == 2, said.out
    assert said.err
    assert "Traceback" not in said.err
    assert "hidden word" not in said.out
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert half.value("select count(*) from demo_kpi.daily") > 0


@pytest.mark.long
def test_a_refused_line_is_corrected_and_counts(command: Command, half: Home, tmp_path: Path) -> None:
    home = half.copy_to(tmp_path / "home")
    target = tmp_path / "refused.jsonl"
    exported = command(home, "replay", "--export", str(target))
    assert exported.code == 0, exported.err
    refused = target.read_bytes().splitlines()
    reasons = [json.loads(line) for line in (tmp_path / "refused.jsonl.reasons.jsonl").read_text().splitlines()]
    assert len(refused) == len(reasons) == home.value("select sum(rejected) from demo_ops.loads")
    assert {path.stat().st_mode & 0o077 for path in tmp_path.glob("refused.jsonl*")} == {0}
    assert command(home, "replay", "--export", str(target)).code == 2, "nothing is written over"

    (first, *_) = (
        json.loads(line)
        for line, why in zip(refused, reasons, strict=True)
        if why["reason"] == "timestamp_missing" and b'"choices"' in line and b'"usage"' in line
    )
    day = FIRST + timedelta(days=1)
    first["@timestamp"] = datetime.combine(day, time(12), UTC).timestamp()
    # Many refused lines are spoilt copies of good ones: this one becomes a message of its own.
    first["response_body"]["id"] = "corrected"
    first.pop("_id", None)
    first["response_body"]["usage"]["cost"]["total_cost"] = 123.0
    corrected = tmp_path / "corrected.jsonl"
    corrected.write_text(json.dumps(first) + "\n")

    def kpi(name: str) -> float:
        of_day = f"kpi = '{name}' and dimension = 'all' and event_date = date '{day}'"
        return float(home.value(f"select value from demo_kpi.daily where {of_day}"))

    before = {name: kpi(name) for name in ("messages", "total_cost")}
    said = command(home, "replay", str(corrected))
    assert said.code == 0, said.err
    assert "replayed/" in said.out
    assert kpi("messages") == before["messages"] + 1
    assert kpi("total_cost") == pytest.approx(before["total_cost"] + 123, abs=1e-9)
    place = home.query("select source_file, line_number from demo_chat.chat_sessions where session_id = 'corrected'")
    assert place == [(f"chat/replayed/{_digest(corrected)}.jsonl", 1)]
    counts = home.query("select rejected, accepted from demo_ops.loads order by load_sequence")
    assert counts[1] == (0, 1)
    assert counts[0][0] == len(refused), "what was refused stays on record"
    # The same file again is known: nothing is loaded twice.
    assert command(home, "replay", str(corrected)).code == 0
    assert home.value("select count(*) from demo_ops.loads") == 2


def _digest(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


@pytest.mark.early
def test_the_demo_makes_its_own_key_and_shows_kpis(command: Command, new_home: Callable[..., Home]) -> None:
    home = new_home(sources="chat,rasa,voice")
    said = command(home, "demo", "--messages", "120", CHAT_PLATFORM_PSEUDONYM_KEY=None)
    assert said.code == 0, said.err
    key = home.root / "pseudonym.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_text().strip() not in said.out + said.err
    assert home.value("select count(*) from demo_chat.chat_sessions") == 120
    for source in ("chat", "rasa", "voice"):
        assert f"KPIs of {source} by day" in said.out
    assert "Lines refused" in said.out or home.value("select sum(rejected) from demo_ops.loads") == 0
    for day, messages in home.query("select event_date, messages from demo_kpi.chat_daily"):
        assert day.isoformat() in said.out
        assert messages >= 1
    assert "chat-platform query" in said.out
    (shown,) = (line for line in said.out.splitlines() if line.startswith("Query"))
    sql = shown.split('"')[1]
    assert command(home, "query", sql).code == 0, "what it proposes works"
    os.environ.pop("CHAT_PLATFORM_PSEUDONYM_KEY", None)


def test_help_names_the_commands(command: Command, new_home: Callable[..., Home]) -> None:
    said = command(new_home(), "--help")
    assert said.code == 0
    for name in ("demo", "run", "status", "query", "replay", "dev"):
        assert name in said.out
