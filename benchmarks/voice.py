"""(h) Phone calls: a million events to indicators beside a bare script, and one late event in a year of them."""

import json
from datetime import date, timedelta
from pathlib import Path

from benchmarks.inputs import LAST_DATE, Workplace
from benchmarks.process import BenchmarkError, Sample, alternate, run_program
from benchmarks.report import Bar, Limit, Section

YEAR = 365


def measure(place: Workplace) -> Section:
    """Both ways to the indicators in turn; then the late event on a home that holds a year."""
    events = place.messages * 10 // 3
    landing, made = _calls(place, events, days=14)

    def platform() -> Sample:
        return run_program("indicators", landing, place.fresh("voice-home"))

    def bare() -> Sample:
        return run_program("bare-indicators", landing, place.fresh("voice-bare.duckdb"))

    found = alternate({"platform": platform, "bare script": bare}, place.repeats)
    require_same(found["platform"].facts["days"], found["bare script"].facts["days"])
    late = one_late_event(place)
    ours, theirs = found["platform"], found["bare script"]
    runs = (ours, theirs, late)
    rows: list[list[object]] = [["**all, by the clock**", *(f"**{run.wall:.1f}**" for run in runs)]]
    for name, seconds in ours.facts["parts"].items():
        rows.append([name, f"{seconds:.2f}", "", f"{late.facts['parts'][name]:.2f}"])
    rows.append(["of dbt, the semantic tables", f"{ours.facts['semantic']:.2f}", "", f"{late.facts['semantic']:.2f}"])
    without = (ours.wall - ours.facts["semantic"]) / theirs.wall
    rows.append(
        ["times the bare script; without the semantic tables", f"{ours.wall / theirs.wall:.2f}; {without:.2f}", "1", ""]
    )
    rows.append(["CPU seconds", f"{ours.cpu:.1f}", f"{theirs.cpu:.1f}", f"{late.cpu:.1f}"])
    return Section(
        "h",
        "Phone calls to indicators, and one late event in a year",
        f"{made['events']:,} events of {made['calls']:,} calls on 14 dates, {made['bytes'] / 1e6:,.0f} MB, through to "
        "the indicators by day: the steps of the platform and its dbt build, and one SQL script of the happy path "
        "that counts the same indicators. The semantic tables (interactions, messages, sessions, ...) and their tests, "
        "which the script has not, are no indicators; only the time to an answer is read from one of them. "
        f"Then one event that belongs into the middle of a year of {place.messages:,} events.",
        ("seconds", "platform", "bare script", "one late event"),
        rows,
        [
            Limit("h", "phone calls to indicators, beside a bare script", ours.wall / theirs.wall, 2),
            Limit("h", "one late event in a year, work of the warehouse", late.facts["warehouse"], 5, "s"),
        ],
        [Bar(f"phone calls, {name}", samples.wall) for name, samples in found.items()],
    )


def one_late_event(place: Workplace) -> Sample:
    """Deliver one more turn of a call in the middle of a year, after all the others."""
    landing, _ = _calls(place, place.messages, days=YEAR)
    home = place.fresh("voice-year")
    late = landing / "voice" / "late.jsonl"
    late.unlink(missing_ok=True)
    run_program("indicators", landing, home)
    late.write_text(_another_turn(landing / "voice"), encoding="utf-8")
    try:
        return run_program("indicators", landing, home)
    finally:
        late.unlink()


def _another_turn(folder: Path) -> str:
    """A turn that is none of those delivered, of the first call from the middle of the dates on."""
    files = sorted(folder.glob("voice-*.jsonl"))
    for file in files[len(files) // 2 :]:
        for line in file.read_text(encoding="utf-8").splitlines():
            if '"eventType": "AgentTalkedCustomer", "version": 1, ' in line:
                return json.dumps({**json.loads(line), "id": "00000000-0000-4000-a000-000000000001"}) + "\n"
    raise BenchmarkError(f"{folder} holds no turn")


def _calls(place: Workplace, events: int, days: int) -> tuple[Path, dict[str, int]]:
    """Landing with so many events on `days` dates; the same arguments, the same files."""
    landing, noted = place.folder / f"calls-{events}-{days}", place.folder / f"calls-{events}-{days}.json"
    if not noted.exists():
        first: date = LAST_DATE - timedelta(days=days - 1)
        made = run_program("generate-calls", landing, events, days, first, 7)
        noted.write_text(json.dumps(made.facts), encoding="utf-8")
    facts: dict[str, int] = json.loads(noted.read_text(encoding="utf-8"))
    return landing, facts


def require_same(ours: list[list[object]], theirs: list[list[object]]) -> None:
    """Raise BenchmarkError where the two count calls and turns differently: their times would mean nothing."""
    if ours != theirs:
        differ = [pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]]
        raise BenchmarkError(f"The bare script counts otherwise, for example {differ[:1] or (len(ours), len(theirs))}")
