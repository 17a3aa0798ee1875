"""Homes that `chat-platform run` works in, and where its seconds go."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.inputs import Feed, Workplace
from benchmarks.process import BenchmarkError, Sample, Samples, run_command, run_program
from benchmarks.programs import KEY

COMMAND = Path(sys.executable).with_name("chat-platform")


class Home:
    """A home that can be put back as it was. It is always at the same path: dbt parses anew where a path changes."""

    def __init__(self, place: Workplace, name: str) -> None:
        self.path = place.fresh(name)
        self._saved = place.fresh(f"{name}.saved")

    def deliver(self, feed: Feed) -> None:
        """Put the files of a feed into landing."""
        self.deliver_files(feed.landing)

    def deliver_files(self, landing: Path) -> None:
        """Put the files of another landing folder into that of the home (the same files, not copies)."""
        for file in landing.glob("*/*"):
            folder = self.path / "landing" / file.parent.name
            folder.mkdir(parents=True, exist_ok=True)
            os.link(file, folder / f"{landing.name}-{file.name}")

    def run(self, *arguments: str) -> Sample:
        """`chat-platform run`, measured whole; its facts are the seconds by part."""
        environ = {"CHAT_PLATFORM_HOME": str(self.path), "CHAT_PLATFORM_PSEUDONYM_KEY": KEY}
        run = run_command([str(COMMAND), "run", *arguments], environ)
        parts = run_program("run-parts", self.path, run.started, run.started + run.wall)
        return replace(run, facts=parts.facts)

    def save(self) -> None:
        """Remember the home as it is."""
        _copy(self.path, self._saved)

    def restore(self) -> None:
        """Make the home what it was when it was saved."""
        shutil.rmtree(self.path)
        _copy(self._saved, self.path)

    def remove(self) -> None:
        """Free the disk."""
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.rmtree(self._saved, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    # Landing files and the lake never change: a second name is enough. Everything else is written in place.
    def copy(old: str, new: str) -> None:
        if {"landing", "lake"} & set(Path(old).relative_to(source).parts[:1]):
            os.link(old, new)
        else:
            shutil.copy2(old, new)

    shutil.copytree(source, target, copy_function=copy)


def parts_table(runs: dict[str, Samples]) -> tuple[Sequence[str], list[list[object]]]:
    """Columns and rows of a table of seconds by part, one column a kind of run; medians."""
    parts = dict.fromkeys(part for samples in runs.values() for part in samples.facts["parts"])
    rows: list[list[object]] = [["**all, by the clock**", *(f"**{samples.wall:.1f}**" for samples in runs.values())]]
    for part in parts:
        seconds = [median(run.facts["parts"].get(part, 0.0) for run in samples.runs) for samples in runs.values()]
        rows.append([part, *(f"{value:.2f}" if value else "" for value in seconds)])
    rows.append(["CPU seconds, all", *(f"{samples.cpu:.1f}" for samples in runs.values())])
    return ("seconds", *runs), rows


def require_rows(samples: Samples, expected: int) -> None:
    """Raise BenchmarkError where a run wrote another number of messages than were delivered."""
    found = samples.facts["messages"]
    if found != expected:
        raise BenchmarkError(f"{expected:,} messages were delivered, {found:,} stand in the tables")
