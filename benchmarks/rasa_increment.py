"""An increment of Rasa events on one times and on ten times the history: `chat-platform run` as a whole.

The increment is new events of 1 % of the smaller history's senders, on a new date. The quickest of three counts, taken
in turns. Ends with 1 where it takes more than 1.5 times as long on ten times the history.
"""

import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console

from chat_platform.run import run_publish
from chat_platform.sample.rasa import generate_rasa
from chat_platform.settings import Settings, load_settings

EVENTS, DAYS, LAST_DATE = 20_000, 14, date(2026, 6, 30)
INCREMENTS, MOST = 3, 1.5
out = Console(highlight=False, soft_wrap=True)


def deliver(settings: Settings, events: int, last_date: date, days: int) -> None:
    """A feed that ends on a date. The senders are those of any other feed, beginning with the same one."""
    first = last_date - timedelta(days=days - 1)
    folder = settings.landing / "rasa" / f"{events}-{last_date}"
    generate_rasa(folder, events=events, seed=1, first_date=first, days=days, defect_rate=0)


def publish(settings: Settings) -> float:
    """Seconds of a whole run."""
    started = time.perf_counter()
    result = run_publish(settings)
    assert result.success, result.failures
    return time.perf_counter() - started


def main() -> int:
    """Measure and judge."""
    with tempfile.TemporaryDirectory() as name:
        homes = {
            times: load_settings(
                {}, home=Path(name) / str(times), pseudonym_key="a key for the measurement", sources="rasa"
            )
            for times in (1, 10)
        }
        for times, settings in homes.items():
            deliver(settings, EVENTS * times, LAST_DATE, DAYS * times)
            publish(settings)
        taken: dict[int, list[float]] = {times: [] for times in homes}
        for number in range(1, INCREMENTS + 1):
            for times, settings in homes.items():
                deliver(settings, EVENTS // 100, LAST_DATE + timedelta(days=number), 1)
                taken[times].append(publish(settings))
    for times, seconds in taken.items():
        shown = ", ".join(f"{each:.1f}" for each in seconds)
        out.print(f"{EVENTS // 100:,} events on {EVENTS * times:,}: {shown} s")
    ratio = min(taken[10]) / min(taken[1])
    out.print(f"On ten times the history {ratio:.2f} times as long (at most {MOST} wanted)")
    return int(ratio > MOST)


if __name__ == "__main__":
    sys.exit(main())
