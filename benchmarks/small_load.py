"""(e) A small load on a warehouse that is there, and a backfill of 30 dates with as many messages, all in."""

from datetime import timedelta

from benchmarks.homes import Home, parts_table, require_rows
from benchmarks.inputs import LAST_DATE, Workplace
from benchmarks.process import Sample, alternate
from benchmarks.report import Bar, Limit, Section

DATES = 30


def measure(place: Workplace) -> Section:
    """`chat-platform run` on the command line, started on a home that holds a tenth of the messages."""
    small = max(1_000, place.messages // 100)
    history = place.feed(place.messages // 10, days=DATES, last_date=LAST_DATE - timedelta(days=DATES))
    dates = place.feed(small, days=DATES, seed=11)
    load = place.feed(small, days=1, last_date=LAST_DATE + timedelta(days=1), seed=13)
    home = Home(place, "home")
    home.deliver(history)
    home.deliver(dates)
    home.run()
    home.save()

    def run_load() -> Sample:
        home.restore()
        home.deliver(load)
        return home.run()

    def run_backfill() -> Sample:
        home.restore()
        first = LAST_DATE - timedelta(days=DATES - 1)
        return home.run("--from", first.isoformat(), "--to", LAST_DATE.isoformat())

    # The first run after a copy finds its files in memory, so there is nothing to warm up.
    found = alternate({"small load": run_load, "backfill of 30 dates": run_backfill}, place.repeats, warm=False)
    before = history.facts["accepted"] + dates.facts["accepted"]
    require_rows(found["small load"], before + load.facts["accepted"])
    require_rows(found["backfill of 30 dates"], before)
    home.remove()
    columns, rows = parts_table(found)
    return Section(
        "e",
        "A small load, and 30 dates anew",
        f"`chat-platform run` from its start to its end on a home with {before:,} messages: {small:,} new messages "
        f"on one date, and a backfill of {DATES} dates that hold {small:,} messages together.",
        columns,
        rows,
        [
            Limit("e", "small load, all in", found["small load"].wall, 30, "s"),
            Limit("e", "backfill of 30 dates, all in", found["backfill of 30 dates"].wall, 60, "s"),
        ],
        [Bar(f"platform, {name}", samples.wall) for name, samples in found.items()],
    )
