"""Killed at any moment, then run again: the same tables as if never killed, no process left behind, no hang."""

import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from homes import FEED, Home, assert_same, executable

FIRST = FEED["first_date"]
# What the command line says when a stage begins, and about how long the stage takes with this feed, in seconds.
STAGES = {
    "Preparing": 0.6,
    "Reading": 0.5,
    "Filling": 1.2,
    "Building": 9.0,
    "Swapping": 0.2,
}


@dataclass(frozen=True)
class Kill:
    """When and how: so many seconds into a stage (no stage: after the start), all processes or the first one only."""

    stage: str
    after: float
    whole: bool

    def __str__(self) -> str:
        return f"{self.stage}-{self.after:.2f}-{'all' if self.whole else 'first'}"


def of_seed(seed: int) -> Kill:
    """Kills spread over the stages, most of them where most of the time goes."""
    rnd = random.Random(seed)
    stage = [*STAGES, "Building", "Building", "Filling"][seed % 8]
    return Kill(stage, rnd.uniform(0, STAGES[stage]), rnd.random() < 0.5)


KILLS = [
    Kill("Reading", 0.05, whole=False),
    Kill("Filling", 0.5, whole=True),
    Kill("Building", 4.0, whole=False),
    *(pytest.param(of_seed(seed), marks=pytest.mark.long) for seed in range(32)),
]


def processes_of(home: Home) -> list[int]:
    """Processes, other than this one, that were started for this home."""
    mark = f"CHAT_PLATFORM_HOME={home.link}\0".encode()
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit() and int(place.name) != os.getpid():
            try:
                if mark in (place / "environ").read_bytes() + b"\0":
                    found.append(int(place.name))
            except OSError:
                continue
    return found


def run_and_kill(home: Home, kill: Kill, *arguments: str) -> int:
    """Exit code of a run that is killed at its moment; 0 where it was done before."""
    process = subprocess.Popen(
        [executable("chat-platform"), "run", *arguments],
        env=home.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=home.root,
    )
    assert process.stderr is not None
    while kill.stage and (line := process.stderr.readline()):
        if line.startswith(kill.stage):
            break
    try:
        process.wait(kill.after)
    except subprocess.TimeoutExpired:
        if kill.whole:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    code = process.wait(60)
    process.stderr.close()
    return code


def assert_nothing_runs_on(home: Home) -> None:
    deadline = time.monotonic() + 5
    while left := processes_of(home):
        assert time.monotonic() < deadline, f"processes {left} go on writing"
        time.sleep(0.05)


def assert_as_never_killed(home: Home, expected: Home) -> None:
    assert_same(home.dump(), expected.dump())
    loads = home.query("select load_id, sum(status), count(*) from demo_event._loads group by 1")
    assert len(loads) == 2
    assert all(row[1:] == (1, 2) for row in loads), "one row of status 0, one of status 1"
    ((read, rest, accepted),) = home.query(
        "select sum(lines_read), sum(blank + rejected + duplicates + superseded + accepted), sum(accepted) "
        "from demo_ops.loads"
    )
    assert read == rest
    assert accepted == home.value("select count(*) from demo_chat.chat_sessions")
    assert not list((home.root / "lake" / "_loads").glob("*.tmp"))


@pytest.fixture
def delivered(half: Home, lines: list[bytes], tmp_path: Path) -> Home:
    """Half of the feed is published, the other half has just been delivered."""
    home = half.copy_to(tmp_path / "home")
    home.write("second.jsonl", b"\n".join(lines[1::2]) + b"\n")
    return home


@pytest.mark.timeout(150)
@pytest.mark.parametrize(
    "kill", KILLS, ids=lambda kill: f"{kill.stage}-{kill.after:.2f}-{'all' if kill.whole else 'one'}"
)
def test_a_killed_publish(kill: Kill, delivered: Home, half: Home, refreshed: Home) -> None:
    code = run_and_kill(delivered, kill)
    assert_nothing_runs_on(delivered)
    seen = delivered.dump()
    # Readers see the publish before, or this one: nothing in between.
    assert seen in (half.dump(), refreshed.dump())
    if kill.stage in ("Reading", "Filling"):
        assert code == -signal.SIGKILL
        assert seen == half.dump()
    delivered.publish()
    assert_as_never_killed(delivered, refreshed)


@pytest.mark.timeout(150)
@pytest.mark.parametrize(
    "kill", [pytest.param(of_seed(seed), marks=pytest.mark.long) for seed in range(40, 52)], ids=str
)
def test_a_killed_backfill_and_a_publish_after_it(kill: Kill, delivered: Home, refreshed: Home) -> None:
    # A backfill does not tell its stages; it has begun after about 4 seconds.
    moment = Kill("", random.Random(str(kill)).uniform(3, 15), kill.whole)
    run_and_kill(delivered, moment, "--from", FIRST.isoformat(), "--to", FIRST.isoformat())
    assert_nothing_runs_on(delivered)
    delivered.publish()
    assert_as_never_killed(delivered, refreshed)


@pytest.mark.timeout(250)
@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_killed_again_and_again(seed: int, delivered: Home, refreshed: Home) -> None:
    rnd = random.Random(seed)
    for _ in range(4):
        run_and_kill(delivered, of_seed(rnd.randint(100, 1000)))
        assert_nothing_runs_on(delivered)
    delivered.publish()
    assert_as_never_killed(delivered, refreshed)


def test_a_backfill_after_an_interrupted_publish(delivered: Home, refreshed: Home) -> None:
    delivered.interrupted_publish()
    delivered.backfill(FIRST, FIRST + timedelta(days=2))
    delivered.publish()
    assert_as_never_killed(delivered, refreshed)


@pytest.mark.long
@pytest.mark.timeout(250)
def test_two_runs_at_once(delivered: Home, refreshed: Home) -> None:
    runs = [
        subprocess.Popen(
            [executable("chat-platform"), "run"],
            env=delivered.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=delivered.root,
        )
        for _ in range(2)
    ]
    assert [run.wait(200) for run in runs] == [0, 0]
    assert_as_never_killed(delivered, refreshed)
