"""What a question gives back, and the page that is made of it."""

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.process import Samples
from chat_platform.settings import PROJECT_ROOT

_PACKAGES = (
    "duckdb", "pyarrow", "numpy", "scikit-learn", "dagster", "dbt-core", "dbt-duckdb", "pandas", "chdb", "dlt",
)  # fmt: skip


# Share of the processors that others may take before their work shows in every figure.
BUSY = 0.25


@dataclass(frozen=True)
class Run:
    """How the benchmark was run; `load` is the machine's average load of a minute before it began."""

    messages: int
    repeats: int
    load: float


@dataclass(frozen=True)
class Limit:
    """One demand: what is compared, the figure of this run, and the figure that it may have at most (or at least)."""

    question: str
    what: str
    figure: float
    limit: float
    unit: str = "×"
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """True where the figure keeps the limit."""
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit


@dataclass(frozen=True)
class Bar:
    """One bar of the chart: seconds or a ratio, with its limit where it has one."""

    name: str
    value: float


@dataclass(frozen=True)
class Section:
    """The answer to one question: text, a table (rows of cells), limits, and the bars of its part of the chart."""

    letter: str
    title: str
    text: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    limits: Sequence[Limit] = ()
    bars: Sequence[Bar] = ()
    unit: str = "seconds"
    notes: Sequence[str] = field(default=())


def timing_row(name: str, samples: Samples, against: Samples, megabytes: float) -> list[object]:
    """A row of a table that compares programs; columns are TIMING_COLUMNS."""
    return [
        name,
        f"{samples.wall:.2f}",
        samples.spread,
        f"{samples.cpu:.2f}",
        f"{megabytes / samples.wall:,.1f}",
        f"{samples.wall / against.wall:.2f}",
        f"{samples.cpu / against.cpu:.2f}",
        f"{samples.peak / 1e9:.2f}",
    ]


TIMING_COLUMNS = (
    "program", "seconds", "from - to", "CPU seconds", "MB/s", "× time", "× CPU", "peak memory, GB",
)  # fmt: skip


def _verdict(limit: Limit) -> str:
    return "holds" if limit.holds else "**falls short**"


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    return "\n".join(lines + [f"| {' | '.join(map(str, row))} |" for row in rows])


def _figure(value: float, unit: str) -> str:
    if unit == "×":
        return f"{value:.2f} ×"
    return f"{value:.1f} {unit}" if unit else f"{value:,.0f}"


def limits_table(limits: Sequence[Limit]) -> str:
    """The limits with their verdicts, as Markdown."""
    rows = [
        (
            limit.question,
            limit.what,
            f"at {'least' if limit.at_least else 'most'} {_figure(limit.limit, limit.unit)}",
            _figure(limit.figure, limit.unit),
            _verdict(limit),
        )
        for limit in limits
    ]
    return _table(("", "what", "limit", "this run", "verdict"), rows)


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} not installed"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def machine(run: Run) -> str:
    """Machine, versions and size of the run, as Markdown."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    after = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return _table(
        ("", ""),
        (
            ("messages", f"{run.messages:,}"),
            ("runs of each program", f"{run.repeats}, after one that does not count"),
            ("machine", f"{os.cpu_count()} processors ({_processor()}), {memory / 2**30:.0f} GB of memory"),
            ("system", f"{platform.system()} {platform.release()}, Python {platform.python_version()}"),
            ("load before the run; after it, over 1, 5 and 15 minutes", f"{run.load:.1f}; {after}"),
            ("versions", ", ".join(_version(package) for package in _PACKAGES)),
            ("code", f"{_commit()}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
        ),
    )


def page(introduction: str, sections: Sequence[Section], run: Run, chart: str) -> str:
    """The whole report, Markdown."""
    limits = [limit for section in sections for limit in section.limits]
    busy = run.load > BUSY * (os.cpu_count() or 1)
    warning = (
        "**Other work was running on this machine**, so times by the clock say little: programs wait for processors as "
        "long as for their own work. The ratios of CPU seconds in the tables below are the ones to read."
    )
    parts = [
        introduction.strip(),
        "## Verdict",
        *([warning] if busy else []),
        limits_table(limits),
        f"![Figures of this run]({chart})",
        "## The run",
        machine(run),
    ]
    for section in sections:
        parts += [f"## {section.letter}. {section.title}", section.text, _table(section.columns, section.rows)]
        parts += section.notes
    return "\n\n".join(parts) + "\n"
