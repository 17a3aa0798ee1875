"""(f) The same increment on one times and on ten times the history."""

from datetime import timedelta
from functools import partial

from benchmarks.homes import Home, parts_table, require_rows
from benchmarks.inputs import LAST_DATE, Workplace
from benchmarks.process import Sample, alternate
from benchmarks.report import Bar, Limit, Section


def measure(place: Workplace) -> Section:
    """`chat-platform run` with 1 % of the smaller history as new messages, on both; a date is as full in either."""
    sizes = {"one times the history": (place.messages // 4, 7), "ten times the history": (place.messages // 4 * 10, 70)}
    increment = place.feed(max(1, place.messages // 400), days=1, last_date=LAST_DATE + timedelta(days=1), seed=17)
    homes, histories = {}, {}
    for name, (messages, days) in sizes.items():
        histories[name] = place.feed(messages, days=days)
        homes[name] = Home(place, name.replace(" ", "-"))
        homes[name].deliver(histories[name])
        homes[name].run()
        homes[name].save()

    def run_on(name: str) -> Sample:
        homes[name].restore()
        homes[name].deliver(increment)
        return homes[name].run()

    found = alternate({name: partial(run_on, name) for name in sizes}, place.repeats, warm=False)
    for name, home in homes.items():
        require_rows(found[name], histories[name].facts["accepted"] + increment.facts["accepted"])
        home.remove()
    columns, rows = parts_table(found)
    one, ten = found.values()
    return Section(
        "f",
        "An increment on a long history",
        f"{increment.facts['accepted']:,} new messages on one date, `chat-platform run` from its start to its end, on "
        f"a home with {sizes['one times the history'][0]:,} messages on 7 dates and on one with "
        f"{sizes['ten times the history'][0]:,} on 70.",
        columns,
        rows,
        [Limit("f", "an increment on ten times the history", ten.wall / one.wall, 1.5)],
        [Bar(f"platform, {name}", samples.wall) for name, samples in found.items()],
    )
