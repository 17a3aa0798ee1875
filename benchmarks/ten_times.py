"""(d) Ten times the input: time and memory."""

from benchmarks.inputs import Workplace
from benchmarks.process import Samples, run_program
from benchmarks.report import TIMING_COLUMNS, Bar, Limit, Section, timing_row


def measure(place: Workplace) -> Section:
    """Landing → chat tables on a quarter of the messages and on ten times as many; 300,000 make 0.3 and 3 GB."""
    feeds = [place.feed(place.messages // 4, days=7), place.feed(place.messages // 4 * 10, days=70)]
    run_program("tables", feeds[0].landing, place.fresh("home"))
    small, large = (
        Samples(tuple(run_program("tables", feed.landing, place.fresh("home")) for _ in range(repeats)))
        for feed, repeats in zip(feeds, (place.repeats, 1), strict=True)
    )
    place.fresh("home")
    times = feeds[1].megabytes / feeds[0].megabytes
    return Section(
        "d",
        "Ten times the input",
        f"Landing → chat tables of {feeds[0].megabytes:,.0f} MB ({feeds[0].facts['lines']:,} lines on 7 dates) and of "
        f"{feeds[1].megabytes:,.0f} MB ({feeds[1].facts['lines']:,} lines on 70 dates), {times:.2f} times as much. The "
        "large one is run once.",
        TIMING_COLUMNS,
        [
            timing_row("one times", small, small, feeds[0].megabytes),
            timing_row("ten times", large, small, feeds[1].megabytes),
            *_parts("landing → lake", "lake", small, large),
            *_parts("lake → tables", "tables", small, large),
        ],
        [
            Limit("d", "ten times the input: time", large.wall / small.wall * 10 / times, 11),
            Limit("d", f"peak memory for {feeds[1].megabytes / 1000:.1f} GB", large.peak / 1e9, 2, "GB"),
        ],
        [Bar("platform, one times", small.wall), Bar("platform, ten times", large.wall)],
    )


def _parts(part: str, key: str, small: Samples, large: Samples) -> list[list[object]]:
    one, ten = (samples.part(key) for samples in (small, large))
    blank = [""] * (len(TIMING_COLUMNS) - 2)
    rows: list[list[object]] = [
        [f"{part}, {name}", f"{value:.2f}", *blank] for name, value in (("one", one), ("ten", ten))
    ]
    rows[1][5] = f"{ten / one:.2f}"
    return rows
