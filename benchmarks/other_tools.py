"""(c) What people would use instead: dlt and pandas, on a slice that they can take."""

from benchmarks.inputs import Workplace
from benchmarks.process import BenchmarkError, alternate, run_program
from benchmarks.report import TIMING_COLUMNS, Bar, Limit, Section, timing_row

LAKE, TABLES = "platform, landing → lake", "platform, landing → chat tables"
DLT, PANDAS = "dlt, landing → DuckDB", "pandas json_normalize, in memory"


def measure(place: Workplace) -> Section:
    """Each tool beside the platform on the same fifth of the messages, without bad lines: those end the tools."""
    feed = place.feed(place.messages // 5, defect_rate=0.0)
    found = alternate(
        {
            LAKE: lambda: run_program("ingest", feed.landing, place.fresh("home")),
            TABLES: lambda: run_program("tables", feed.landing, place.fresh("home")),
            DLT: lambda: run_program("dlt-pipeline", feed.landing, place.fresh("dlt")),
            PANDAS: lambda: run_program("json-normalize", feed.landing),
        },
        place.repeats,
        warm=False,
    )
    place.fresh("home")
    place.fresh("dlt")
    for name in (LAKE, DLT, PANDAS):
        if (rows := found[name].facts["rows"]) != feed.facts["lines"]:
            raise BenchmarkError(f"{name} has {rows:,} rows of {feed.facts['lines']:,} lines")
    faster_than_dlt = found[DLT].wall / found[LAKE].wall
    faster_than_pandas = found[PANDAS].wall / found[LAKE].wall
    return Section(
        "c",
        "Beside dlt and pandas",
        f"{feed.facts['lines']:,} messages ({feed.megabytes:,.0f} MB) without bad lines. dlt reads the files and ends "
        "with normalised tables in a DuckDB file; pandas ends with two flat frames in memory, of messages and steps, "
        "and stores nothing. The platform's time is that of landing → lake, typed and stored; the way on to its tables "
        "is given beside it.",
        TIMING_COLUMNS,
        [timing_row(name, samples, found[LAKE], feed.megabytes) for name, samples in found.items()],
        [
            Limit("c", "landing → lake faster than dlt", faster_than_dlt, 40, at_least=True),
            Limit("c", "landing → lake faster than pandas json_normalize", faster_than_pandas, 4, at_least=True),
        ],
        [Bar(name, feed.megabytes / samples.wall) for name, samples in found.items()],
        unit="MB/s",
    )
