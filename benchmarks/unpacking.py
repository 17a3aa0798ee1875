"""How fast Rasa events become tables, and how fast dlt makes tables of the same events.

Ends with 1 where unpacking is below 100,000 events a second or below 40 times dlt. Run it on a machine that is at rest.
A repeat of the tracker has a sender, times and ids of its own, so that nothing is quicker for having been seen before.
The sizes are such that twice as much takes about twice as long; that of dlt is said for two.
"""

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
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
EVENTS, TRACKERS, DLT_TRACKERS = 400_000, 1_000, (20, 60)
out = Console(highlight=False, soft_wrap=True)


class Timer:
    """Does the work at once; by the clock and of the processor."""

    def __init__(self, work: Callable[[], object]) -> None:
        before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        work()
        self.wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
        self.used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def tell(self, what: str, events: int) -> float:
        """Say how long it took; events a second."""
        rate = events / self.wall
        out.print(f"{what}: {events:,} events in {self.wall:.1f} s, {self.used:.1f} s of processor: {rate:,.0f}/s")
        return rate


def home(folder: Path) -> Settings:
    """An empty home."""
    settings = load_settings({}, home=folder, pseudonym_key="a key for the measurement")
    (settings.landing / "rasa").mkdir(parents=True)
    return settings


def unpacking(what: str, settings: Settings) -> float:
    """Measure the way from landing into the lake and from there into the tables; events a second of the second half."""
    found = []
    loading = Timer(lambda: found.append(ingest(settings, "rasa").manifest))
    (manifest,) = found
    assert manifest is not None
    filling = Timer(lambda: publish(settings, "benchmark"))
    loading.tell(f"{what}, landing to lake", manifest.typed)
    return filling.tell(f"{what}, lake to tables", manifest.typed)


def repeated(times: int) -> Iterator[dict[str, Any]]:
    """The events of the real tracker, as often as this."""
    events = [orjson.loads(line) for line in TRACKER.read_bytes().splitlines()]
    for number in range(times):
        for event in events:
            metadata = {**event["metadata"], "rasa_x_id": event["metadata"]["rasa_x_id"] + 10_000 * number}
            own = {"sender_id": f"{number}-{event['sender_id']}", "timestamp": event["timestamp"] + number / 64}
            if "message_id" in event:
                own["message_id"] = f"{number:08x}{event['message_id'][8:]}"
            yield {**event, **own, "metadata": metadata}


def with_dlt(events: list[dict[str, Any]], folder: Path) -> None:
    """The same events by dlt into a DuckDB file, one table an event type."""
    folder.mkdir()
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
        real = home(folder / "real")
        with (real.landing / "rasa" / "a.jsonl").open("w") as file:
            # As Rasa writes them: with a blank behind each comma and colon.
            file.writelines(json.dumps(event) + "\n" for event in repeated(TRACKERS))
        real_rate = unpacking("A real tracker, repeated", real)
        dlt_rate = 0.0
        for times in DLT_TRACKERS:
            events = list(repeated(times))
            work = Timer(partial(with_dlt, events, folder / str(times)))
            dlt_rate = max(dlt_rate, work.tell("dlt on the same", len(events)))
        out.print(f"Unpacking is {real_rate / dlt_rate:.0f} times as fast as dlt (at least {LEAST_TIMES} wanted)")
        return int(rate < LEAST_RATE or real_rate < LEAST_TIMES * dlt_rate)


if __name__ == "__main__":
    sys.exit(main())
