"""How fast Rasa events become tables, and how fast dlt makes the same tables of the same events.

Ends with 1 where unpacking is below 100,000 events a second or below 40 times dlt. Run it on a machine that is at rest.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "assets_tests"))
from unpack.dlt_oracle import dlt_tables

from chat_platform.lake.ingest import ingest
from chat_platform.publish.rasa import publish
from chat_platform.sample.rasa import generate_rasa
from chat_platform.settings import PROJECT_ROOT, Settings, load_settings

TRACKER = PROJECT_ROOT.parent / "shared" / "real" / "rasa" / "2888158124550630_tracker.jsonl"
LEAST_RATE, LEAST_TIMES = 100_000, 40
EVENTS, DLT_EVENTS = 400_000, 13_320


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock and of all processors."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, used


def home(folder: Path) -> Settings:
    """An empty home."""
    settings = load_settings({}, home=folder, pseudonym_key="a key for the measurement", first_date="2019-01-01")
    (settings.landing / "rasa").mkdir(parents=True)
    return settings


def unpacked(settings: Settings) -> tuple[int, float]:
    """Load what lies in landing and unpack it; events, and events a second of unpacking."""
    manifest = ingest(settings, "rasa").manifest
    assert manifest is not None
    wall, used = timed(lambda: publish(settings, "bench"))
    print(f"  {manifest.typed:,} events in {wall:.1f} s, {used:.1f} s of processor: {manifest.typed / wall:,.0f}/s")
    return manifest.typed, manifest.typed / wall


def main() -> int:
    """Measure and judge."""
    with tempfile.TemporaryDirectory() as folder:
        print("Generated events")
        made = home(Path(folder) / "made")
        generate_rasa(made.landing / "rasa", events=EVENTS, seed=1)
        _, rate = unpacked(made)
        lines = TRACKER.read_text().splitlines() if TRACKER.is_file() else []
        if not lines:
            print(f"Beside dlt: not measured, {TRACKER} is missing")
            return int(rate < LEAST_RATE)
        print("A real tracker, repeated")
        real = home(Path(folder) / "real")
        (real.landing / "rasa" / "a.jsonl").write_text("\n".join(lines * 200) + "\n")
        _, real_rate = unpacked(real)
        events = [json.loads(line) for line in lines] * (DLT_EVENTS // len(lines))
        wall, used = timed(lambda: dlt_tables([events], Path(folder)))
        dlt_rate = len(events) / wall
        print(f"dlt on the same: {len(events):,} events in {wall:.1f} s, {used:.1f} s of processor: {dlt_rate:,.0f}/s")
        print(f"Unpacking is {real_rate / dlt_rate:.0f} times as fast as dlt (at least {LEAST_TIMES} wanted)")
        return int(rate < LEAST_RATE or real_rate < LEAST_TIMES * dlt_rate)


if __name__ == "__main__":
    sys.exit(main())
