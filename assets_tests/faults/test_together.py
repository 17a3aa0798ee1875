"""Several at once: readers that ask all the time, and two runs; and a clock that goes back between two runs."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from homes import FEED, Home, assert_same, executable
from kill_points import PUBLISH_POINTS, killed_run
from test_killed import assert_as_never_killed

from chat_platform.lake import manifest as manifests
from chat_platform.lake.ingest import ingest

# One number of every layer; after a whole publish they hang together, and no two publishes here give the same.
QUESTION = """
    select
        (select count(*) from demo_chat.chat_sessions) as messages,
        (select count(*) from demo_semantic.interactions) as interactions,
        (select sum(numerator)::bigint from demo_kpi.daily where kpi = 'messages' and dimension = 'all') as kpi,
        (select sum(accepted)::bigint from demo_ops.loads) as accepted,
        (select count(*) filter (status = 1) from demo_event._loads) as published,
        (select count(distinct run_id) from demo_ops.run_scope) as runs
"""
READER = r"""
import json, sys, time, pathlib, duckdb
file, stop, question, said = sys.argv[1:]
answers = open(said, "w", buffering=1)
while not pathlib.Path(stop).exists():
    with duckdb.connect(file, read_only=True) as connection:
        answers.write(json.dumps(connection.execute(question).fetchone()) + "\n")
    time.sleep(0.01)
"""
# In a process of its own: all connections of one process to one file share what the first of them opened.
KEEPER = r"""
import sys, time, pathlib, duckdb
file, stop, question = sys.argv[1:4]
kept = duckdb.connect(file, read_only=True)
first = kept.execute(question).fetchone()
while not pathlib.Path(stop).exists():
    time.sleep(0.1)
assert kept.execute(question).fetchone() == first, "an open reader keeps what it has opened"
"""


def check_readers(home: Home, parts: list[bytes], *, by_command: bool) -> int:
    """Publish the parts while readers ask; number of answers. The home has one publish already."""
    stop, said = home.root / "stop", home.root / "answers.txt"
    known = [home.query(QUESTION)[0]]
    with (home.root / "errors.txt").open("w") as errors:
        arguments = [str(home.root / "warehouse.duckdb"), str(stop), QUESTION, str(said)]
        readers = [
            subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.DEVNULL, stderr=errors)
            for program in (READER, KEEPER)
        ]
        asked: list[tuple[int, ...]] = []
        try:
            for number, part in enumerate(parts):
                home.write(f"part-{number}.jsonl", part)
                run = subprocess.Popen(
                    [executable("chat-platform"), "run"],
                    env=home.environment, cwd=home.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                )  # fmt: skip
                while by_command and run.poll() is None:
                    done = home.command("query", QUESTION, "--format", "json")
                    assert done.returncode == 0, done.stderr
                    asked.append(tuple(json.loads(done.stdout)[0].values()))
                _, wrong = run.communicate(timeout=150)
                assert run.returncode == 0, wrong
                known.append(home.query(QUESTION)[0])
            deadline = time.monotonic() + 20
            last = json.dumps(list(known[-1]))
            while not (said.exists() and last in said.read_text()) and time.monotonic() < deadline:
                time.sleep(0.1)
        finally:
            stop.touch()
            codes = [reader.wait(30) for reader in readers]
    assert codes == [0, 0], (home.root / "errors.txt").read_text()
    found = [tuple(json.loads(line)) for line in said.read_text().splitlines()]
    assert len(set(known)) == len(parts) + 1
    assert all(messages == interactions == kpi == accepted for messages, interactions, kpi, accepted, *_ in known)
    assert set(found) == set(known), "every publish was seen, and nothing between two of them"
    assert set(asked) <= set(known)
    assert not by_command or len(asked) >= len(parts)
    # What was seen went forward only.
    assert [known.index(answer) for answer in found] == sorted(known.index(answer) for answer in found)
    return len(found) + len(asked)


@pytest.mark.long
def test_a_reader_that_asks_all_the_time(half: Home, lines: list[bytes], tmp_path: Path) -> None:
    home = half.copy_to(tmp_path / "home")
    assert check_readers(home, [b"\n".join(lines[1::2]) + b"\n"], by_command=False) > 20


@pytest.mark.long
@pytest.mark.timeout(600)
def test_readers_over_many_publishes(half: Home, refreshed: Home, lines: list[bytes], tmp_path: Path) -> None:
    home = half.copy_to(tmp_path / "home")
    rest = lines[1::2]
    parts = [b"\n".join(rest[start::4]) + b"\n" for start in range(4)]
    assert check_readers(home, parts, by_command=True) > 100
    assert_same(home.dump(), refreshed.dump())


@pytest.mark.long
@pytest.mark.timeout(250)
def test_two_runs_at_once(half: Home, lines: list[bytes], refreshed: Home, tmp_path: Path) -> None:
    home = half.copy_to(tmp_path / "home")
    home.write("second.jsonl", b"\n".join(lines[1::2]) + b"\n")
    runs = [
        subprocess.Popen(
            [executable("chat-platform"), "run"],
            env=home.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=home.root,
        )
        for _ in range(2)
    ]  # fmt: skip
    assert [run.wait(200) for run in runs] == [0, 0]
    assert_as_never_killed(home, refreshed)


def set_back(home: Home, days: int) -> None:
    """Make all that has been noted lie so many days ahead: what a clock leaves that went ahead until now."""
    with duckdb.connect(str(home.root / "warehouse.duckdb.working")) as connection:
        for table, column in (
            ("demo_event._loads", "inserted_at"),
            ("demo_ops.loads", "ingested_at"),
            ("demo_ops.partition_ledger", "materialised_at"),
        ):
            connection.execute(f"update {table} set {column} = {column} + interval {days} day")
    (home.root / "warehouse.duckdb").write_bytes((home.root / "warehouse.duckdb.working").read_bytes())
    for path in home.root.rglob("runs.db"):
        with closing(sqlite3.connect(path)) as records, records:
            records.execute("update runs set start_time = start_time + ?", [days * 86400])
    ahead = time.time() + days * 86400
    for path in home.root.rglob("*"):
        if path.is_file():
            os.utime(path, (ahead, ahead))


@pytest.mark.long
def test_a_clock_that_goes_back(half: Home, refreshed: Home, lines: list[bytes], tmp_path: Path) -> None:
    """The snapshot of before bears a later time than the run that is killed before it can write another."""
    home = half.copy_to(tmp_path / "home")
    set_back(home, 2)
    home.write("second.jsonl", b"\n".join(lines[1::2]) + b"\n")
    killed_run(home, next(point for point in PUBLISH_POINTS if point.name == "snapshot: before the copy"))
    home.publish()
    assert_as_never_killed(home, refreshed)
    home.backfill(FEED["first_date"], FEED["first_date"])
    assert_same(home.dump(), refreshed.dump())


def test_a_snapshot_is_current_by_what_it_is_of_and_not_by_the_clock(half: Home, tmp_path: Path) -> None:
    from chat_platform.warehouse.snapshot import publish_snapshot, snapshot_is_current

    home = half.copy_to(tmp_path / "home")
    working, taken = home.root / "warehouse.duckdb.working", home.root / "warehouse.duckdb"
    assert snapshot_is_current(home.settings)
    with duckdb.connect(str(working)) as connection:
        connection.execute("delete from demo_kpi.daily")
    # Written two days before the snapshot, says the clock.
    ago = time.time() - 2 * 86400
    os.utime(working, (ago, ago))
    assert not snapshot_is_current(home.settings)
    publish_snapshot(home.settings)
    assert snapshot_is_current(home.settings)
    assert taken.read_bytes() == working.read_bytes()


@pytest.mark.long
def test_messages_of_a_date_that_is_not_yet(new_home: Callable[..., Home], monkeypatch: pytest.MonkeyPatch) -> None:
    """Accepted while the clock was ahead; they stay, and later runs go on."""
    home = new_home()
    now = datetime.now(UTC)
    moment = now + timedelta(days=3)
    line = {"@timestamp": moment.timestamp(), "request_body": {"query": "early"}, "response_body": ""}
    home.write("early.jsonl", json.dumps(line).encode() + b"\n")
    with monkeypatch.context() as patched:
        patched.setattr(manifests, "now_utc", lambda: now + timedelta(days=3))
        ingest(home.settings, "chat")
    home.publish()
    home.write("later.jsonl", json.dumps({**line, "@timestamp": now.timestamp()}).encode() + b"\n")
    home.write("refused.jsonl", json.dumps({**line, "request_body": {"query": "too early"}}).encode() + b"\n")
    home.publish()
    home.backfill(now.date(), now.date() + timedelta(days=1))
    dates = home.query("select event_date, count(*) from demo_chat.chat_sessions group by 1 order by 1")
    assert dates == [(now.date(), 1), (moment.date(), 1)]
    assert home.query("select reason, lines from demo_ops.load_issues") == [("timestamp_out_of_range", 1)]
