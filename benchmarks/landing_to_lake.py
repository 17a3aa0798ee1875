"""(a) Landing files to the lake, against the barest statement that reads lines and writes typed Parquet."""

from benchmarks.inputs import Workplace
from benchmarks.process import BenchmarkError, alternate, run_program
from benchmarks.report import TIMING_COLUMNS, Bar, Limit, Section, timing_row

PLATFORM, BARE, BY_LINES, CHDB = "platform", "bare DuckDB: read_json", "bare DuckDB: from_json on lines", "chdb"


def measure(place: Workplace) -> Section:
    """Time all four on the same files."""
    feed = place.feed(place.messages)
    found = alternate(
        {
            PLATFORM: lambda: run_program("ingest", feed.landing, place.fresh("home")),
            BARE: lambda: run_program("bare-lake", feed.landing, place.fresh("bare")),
            BY_LINES: lambda: run_program("bare-lake-by-lines", feed.landing, place.fresh("lines")),
            CHDB: lambda: run_program("chdb-lake", feed.landing, place.fresh("chdb")),
        },
        place.repeats,
    )
    rows = found[PLATFORM].facts["rows"]
    for name, samples in found.items():
        if abs(samples.facts["rows"] - rows) > 0.002 * rows:
            raise BenchmarkError(f"{name} wrote {samples.facts['rows']:,} rows, the platform {rows:,}")
    for name in ("home", "bare", "lines", "chdb"):
        place.fresh(name)
    facts = feed.facts
    return Section(
        "a",
        "Landing to lake",
        f"{feed.megabytes:,.0f} MB in {facts['lines']:,} lines with {facts['steps']:,} steps, not compressed; "
        f"{found[PLATFORM].facts['rejected']:,} lines are refused. The platform cuts lines, checks them, types them, "
        "keeps the refused ones, and writes Parquet and a manifest; the bare programs read the same fields into typed "
        "columns and write Parquet, nothing else.",
        (*TIMING_COLUMNS, "rows"),
        [
            [*timing_row(name, samples, found[BARE], feed.megabytes), f"{samples.facts['rows']:,}"]
            for name, samples in found.items()
        ],
        [
            Limit("a", "landing → lake: time of the barest statement", found[PLATFORM].wall / found[BARE].wall, 2.0),
            Limit("a", "the same, from_json on lines as the barest", found[PLATFORM].wall / found[BY_LINES].wall, 2.0),
            Limit("a", "goal beyond: time of chdb", found[PLATFORM].wall / found[CHDB].wall, 1.0),
        ],
        [Bar(name, samples.wall) for name, samples in found.items()],
    )
