"""Running one program in a process of its own, and what it cost."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from chat_platform.settings import ENV_PREFIX, PROJECT_ROOT


class BenchmarkError(Exception):
    """A program that is measured did not do its work; its time would mean nothing."""


@dataclass(frozen=True)
class Sample:
    """One run. Seconds of the work by the clock and by all processors, peak memory in bytes, and what it did.

    The peak is that of the largest process: the program itself, or one that it started and waited for.
    `started` is the time at which the process was started, Unix seconds.
    """

    wall: float
    cpu: float
    peak: int
    started: float
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Samples:
    """Runs of one program, one after the other."""

    runs: tuple[Sample, ...]

    @property
    def wall(self) -> float:
        """Median seconds by the clock."""
        return median(run.wall for run in self.runs)

    @property
    def cpu(self) -> float:
        """Median seconds of all processors."""
        return median(run.cpu for run in self.runs)

    @property
    def peak(self) -> int:
        """Greatest peak of memory, bytes."""
        return max(run.peak for run in self.runs)

    @property
    def facts(self) -> dict[str, Any]:
        """What the last run did."""
        return self.runs[-1].facts

    def part(self, name: str) -> float:
        """Median of a figure that the program gave itself."""
        return median(float(run.facts[name]) for run in self.runs)

    @property
    def spread(self) -> str:
        """Least and most seconds by the clock."""
        return f"{min(run.wall for run in self.runs):.1f} to {max(run.wall for run in self.runs):.1f}"


def _surroundings() -> dict[str, str]:
    """The environment without settings of the platform: what a user has set must not change the figures."""
    return {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}


def run_command(command: Sequence[str], environ: Mapping[str, str] | None = None) -> Sample:
    """Run a command to its end. A JSON object on the last line of its output becomes the facts.

    Raises BenchmarkError where it fails.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.time()
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=PROJECT_ROOT, env={**_surroundings(), **(environ or {})}, stdout=out, stderr=err
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        text = out.read().decode(errors="replace")
        if process.returncode:
            raise BenchmarkError(
                f"{' '.join(command[:5])} ended with {process.returncode}:\n{err.read()[-3000:].decode()}"
            )
    last = text.rstrip().rpartition("\n")[2]
    facts = json.loads(last) if last.startswith("{") else {}
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, started, facts)


def run_program(name: str, *arguments: object) -> Sample:
    """Run a program of `benchmarks.programs`; its time is that of the work, without starting Python and imports."""
    whole = run_command([sys.executable, "-m", "benchmarks.programs", name, *map(str, arguments)])
    facts = dict(whole.facts)
    return Sample(facts.pop("wall"), facts.pop("cpu"), whole.peak, whole.started, facts)


def alternate(programs: Mapping[str, Callable[[], Sample]], repeats: int, *, warm: bool = True) -> dict[str, Samples]:
    """Run the programs in turn, A B A B, after one round that does not count; a busy moment then hits all of them."""
    if warm:
        for program in programs.values():
            program()
    rounds = [{name: program() for name, program in programs.items()} for _ in range(repeats)]
    return {name: Samples(tuple(done[name] for done in rounds)) for name in programs}
