"""How fast Rasa events become tables, and how fast dlt makes tables of the same events.

Ends with 1 where unpacking is below 100,000 events a second or below 40 times dlt. Run it on a machine that is at rest.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console

from chat_platform.lake.ingest import ingest
from chat_platform.publish.rasa import publish
from chat_platform.sample.rasa import generate_rasa
from chat_platform.settings import PROJECT_ROOT, Settings, load_settings

TRACKER = PROJECT_ROOT.parent / "shared" / "real" / "rasa" / "2888158124550630_tracker.jsonl"
LEAST_RATE, LEAST_TIMES = 100_000, 40
EVENTS, TRACKERS, DLT_TRACKERS = 400_000, 200, 20
out = Console(highlight=False)


def timed(what: str, events: int, work: Callable[[], object]) -> float:
    """Do the work and say how long it took; events a second."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    work()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    out.print(f"{what}: {events:,} events in {wall:.1f} s, {used:.1f} s of processor: {events / wall:,.0f}/s")
    return events / wall


def home(folder: Path) -> Settings:
    """An empty home."""
    settings = load_settings({}, home=folder, pseudonym_key="a key for the measurement")
    (settings.landing / "rasa").mkdir(parents=True)
    return settings


def unpacking(what: str, settings: Settings) -> float:
    """Load what lies in landing, and measure its way from the lake into the tables."""
    manifest = ingest(settings, "rasa").manifest
    assert manifest is not None
    return timed(what, manifest.typed, lambda: publish(settings, "benchmark"))


def with_dlt(events: list[dict[str, Any]], folder: Path) -> None:
    """The same events by dlt into a DuckDB file, one table an event type."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import dlt

    def rows() -> Iterator[Any]:
        for event in events:
            yield dlt.mark.with_table_name(event, f"event_{event['event']}")

    pipeline = dlt.pipeline(
        "benchmark",
        destination=dlt.destinations.duckdb(str(folder / "dlt.duckdb")),
        dataset_name="demo_event",
        pipelines_dir=str(folder / "pipelines"),
    )
    pipeline.run(dlt.resource(rows, name="events"))


def main() -> int:
    """Measure and judge."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = home(folder / "made")
        generate_rasa(made.landing / "rasa", events=EVENTS, seed=1)
        rate = unpacking("Generated events", made)
        if not TRACKER.is_file():
            out.print(f"Beside dlt: not measured, {TRACKER.name} does not lie beside the checkout")
            return int(rate < LEAST_RATE)
        lines = TRACKER.read_text().splitlines()
        real = home(folder / "real")
        (real.landing / "rasa" / "a.jsonl").write_text("\n".join(lines * TRACKERS) + "\n")
        real_rate = unpacking("A real tracker, repeated", real)
        events = [orjson.loads(line) for line in lines] * DLT_TRACKERS
        dlt_rate = timed("dlt on the same", len(events), lambda: with_dlt(events, folder))
        out.print(f"Unpacking is {real_rate / dlt_rate:.0f} times as fast as dlt (at least {LEAST_TIMES} wanted)")
        return int(rate < LEAST_RATE or real_rate < LEAST_TIMES * dlt_rate)


if __name__ == "__main__":
    sys.exit(main())
