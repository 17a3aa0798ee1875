"""(b) Landing files to all chat tables, scoring apart, against one script that does only the happy path."""

from benchmarks.inputs import Workplace
from benchmarks.process import BenchmarkError, alternate, run_program
from benchmarks.report import TIMING_COLUMNS, Bar, Limit, Section, timing_row

PLATFORM, BARE = "platform", "bare SQL script"


def measure(place: Workplace) -> Section:
    """Time both, and hold the rows of each table against each other and against the generator's own books."""
    feed = place.feed(place.messages)
    found = alternate(
        {
            PLATFORM: lambda: run_program("tables", feed.landing, place.fresh("home")),
            BARE: lambda: run_program("bare-tables", feed.landing, place.fresh("bare.duckdb")),
        },
        place.repeats,
    )
    for name in ("home", "bare.duckdb"):
        place.fresh(name)
    ours, bare = (found[name].facts["rows"] for name in (PLATFORM, BARE))
    for table, rows in feed.facts["rows"].items():
        if ours[table] != rows or abs(bare[table] - rows) > 0.001 * rows:
            raise BenchmarkError(f"{table}: made {rows:,}, platform {ours[table]:,}, bare script {bare[table]:,}")
    counts = ", ".join(f"{table} {ours[table]:,} ({bare[table]:,})" for table in sorted(ours))
    return Section(
        "b",
        "Landing to all chat tables",
        f"The same files through the lake into the warehouse; every query gets the same label in place of a score. Of "
        f"the platform's time {found[PLATFORM].part('lake'):.1f} s are landing → lake and "
        f"{found[PLATFORM].part('tables'):.1f} s lake → tables.",
        TIMING_COLUMNS,
        [timing_row(name, samples, found[BARE], feed.megabytes) for name, samples in found.items()],
        [Limit("b", "landing → chat tables: time of the bare script", found[PLATFORM].wall / found[BARE].wall, 2.0)],
        [Bar(name, samples.wall) for name, samples in found.items()],
        notes=[
            f"Rows, platform (bare script): {counts}. The script takes a few lines that the platform refuses, such as "
            "a time sent as text."
        ],
    )
