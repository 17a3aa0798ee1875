"""(i) Rasa events into tables beside dlt; (j) an increment of them on one times and on ten times the history."""

import json
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from benchmarks.homes import Home, parts_table
from benchmarks.inputs import LAST_DATE, Workplace
from benchmarks.process import BenchmarkError, Sample, Samples, alternate, run_program
from benchmarks.report import Bar, Limit, Section
from benchmarks.trackers import EVENTS_OF_TRACKER, TRACKER

# How often the tracker is repeated: dlt is given two sizes, as its rate still rises a little.
REPEATS, REPEATS_OF_DLT = 1_000, (20, 60)
TIMES = {"one times the history": 1, "ten times the history": 10}


def unpacking(place: Workplace) -> Section:
    """Generated events, and the real tracker repeated where it lies beside the checkout, each in turn with dlt."""
    generated = place.messages * 4 // 3
    made = _generated(place, generated, LAST_DATE, days=14)

    def platform(landing: Path) -> Sample:
        return run_program("unpack", landing, place.fresh("unpack-home"))

    programs = {"generated events": partial(platform, made)}
    if TRACKER.is_file():
        real = _repeated(place, REPEATS)
        programs["a real tracker, repeated"] = partial(platform, real)
        for times in REPEATS_OF_DLT:
            landing = _repeated(place, times)
            programs[f"dlt on the same, {times * EVENTS_OF_TRACKER:,} events"] = partial(
                lambda landing: run_program("dlt-rasa", landing, place.fresh("dlt-rasa")), landing
            )
    found = alternate(programs, place.repeats, warm=False)
    rates = {name: samples.facts["events"] / samples.wall for name, samples in found.items()}
    limits = [Limit("i", "Rasa events unpacked in a second", rates["generated events"], 100_000, "", at_least=True)]
    notes = []
    dlt = [rate for name, rate in rates.items() if name.startswith("dlt")]
    if dlt:
        times = rates["a real tracker, repeated"] / max(dlt)
        limits.append(Limit("i", "unpacking faster than dlt", times, 40, at_least=True))
    else:
        notes.append(f"Beside dlt nothing was measured: {TRACKER.name} does not lie beside the checkout.")
    return Section(
        "i",
        "Rasa events into raw tables",
        "From the lake into the tables that build themselves; the way from landing into the lake is given beside it. A "
        "repeat of the tracker has a sender, times and ids of its own. dlt gets the same events as Python objects and "
        "ends with the same tables in a DuckDB file; the better of its two rates counts.",
        ("program", "events", "seconds", "CPU seconds", "events a second", "before it, landing → lake, seconds"),
        [
            [
                name,
                f"{samples.facts['events']:,}",
                f"{samples.wall:.2f}",
                f"{samples.cpu:.2f}",
                f"{rates[name]:,.0f}",
                f"{samples.part('lake'):.2f}" if "lake" in samples.facts else "",
            ]
            for name, samples in found.items()
        ],
        limits,
        [Bar(name, rate / 1000) for name, rate in rates.items()],
        unit="thousand events a second",
        notes=notes,
    )


def increment(place: Workplace) -> Section:
    """`chat-platform run` with new events of 1 % of the smaller history's senders, on a new date, on both histories."""
    events = place.messages // 15
    new = _generated(place, max(1, events // 100), LAST_DATE + timedelta(days=1), days=1)
    homes: dict[str, Home] = {}
    for name, times in TIMES.items():
        homes[name] = Home(place, "rasa-" + name.replace(" ", "-"))
        homes[name].deliver_files(_generated(place, events * times, LAST_DATE, days=7 * times))
        homes[name].run()
        homes[name].save()

    def run_on(name: str) -> Sample:
        homes[name].restore()
        homes[name].deliver_files(new)
        return homes[name].run()

    found: dict[str, Samples] = alternate({name: partial(run_on, name) for name in TIMES}, place.repeats, warm=False)
    for home in homes.values():
        home.remove()
    columns, rows = parts_table(found)
    one, ten = found.values()
    return Section(
        "j",
        "An increment of Rasa events on a long history",
        f"About {max(1, events // 100):,} new events on a new date, `chat-platform run` from start to end, on a "
        f"home with {events:,} events on 7 dates and on one with {events * 10:,} on 70. The senders of the new events "
        "have a history in both.",
        columns,
        rows,
        [Limit("j", "an increment of Rasa events on ten times the history", ten.wall / one.wall, 1.5)],
        [Bar(f"Rasa, {name}", samples.wall) for name, samples in found.items()],
    )


def _generated(place: Workplace, events: int, last_date: date, days: int) -> Path:
    """Landing with a made-up feed up to a date. Senders are numbered: the first are those of any other feed."""
    landing = place.folder / f"rasa-{events}-{last_date}-{days}"
    if not landing.exists():
        run_program("generate-rasa-events", landing, events, days, last_date - timedelta(days=days - 1))
    return landing


def _repeated(place: Workplace, times: int) -> Path:
    """Landing with the real tracker, so many times."""
    landing = place.folder / f"tracker-{times}"
    if not landing.exists():
        made = run_program("repeat-tracker", landing, times)
        if made.facts["events"] != times * EVENTS_OF_TRACKER:
            raise BenchmarkError(f"{TRACKER.name} has not {EVENTS_OF_TRACKER} events: {json.dumps(made.facts)}")
    return landing
