"""When the messages of the chat sample feed happen, and which of them belong to one thread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

DAY_SECONDS = 86_400
MICROS = 1_000_000
_CHUNK = 8_192

# From the observed feed.
_IN_THREAD = 63 / 171
_LATENCY = ((0.0, 0.5, 0.9, 0.975, 0.99, 1.0), (0.1, 0.71, 1.12, 2.4, 11.19, 28.7))  # seconds by quantile

# Traffic by day of the week from Monday on, and by hour of the day (UTC): only the proportions count.
_WEEK = (1.0, 1.05, 1.06, 1.02, 0.94, 0.58, 0.52)
_NIGHT = (35, 25, 18, 14, 13, 16, 25, 45)
_DAYTIME = (70, 90, 100, 105, 100, 105, 115, 120, 115, 110, 105, 100)
_EVENING = (95, 85, 70, 50)


class Slot(NamedTuple):
    """Where a message stands in time: micros since epoch, created in seconds, number of its thread or -1."""

    micros: int
    created: int
    thread: int


@dataclass
class Conversations:
    """How many threads and conversations a timeline holds; complete once it is used up."""

    threads: int = 0
    threads_over_midnight: int = 0
    conversations: int = 0


class Day(NamedTuple):
    """The messages of one date in order of time."""

    date: date
    micros: npt.NDArray[np.int64]
    created: npt.NDArray[np.int64]
    thread: npt.NDArray[np.int64]

    def slots(self, start: int, stop: int) -> Iterator[Slot]:
        """Yield the places of messages start to stop (exclusive)."""
        for a in range(start, stop, _CHUNK):
            b = min(stop, a + _CHUNK)
            yield from map(Slot, self.micros[a:b].tolist(), self.created[a:b].tolist(), self.thread[a:b].tolist())


def _per_day(rng: np.random.Generator, messages: int, first_date: date, days: int) -> list[int]:
    """Split the messages over the dates: less at weekends, a little noise; the sum is exact."""
    weights = np.array([_WEEK[(first_date + timedelta(days=n)).weekday()] for n in range(days)])
    weights *= 1 + 0.06 * (rng.random(days) - 0.5)
    ends = np.floor(np.cumsum(weights) / weights.sum() * messages + 0.5).astype(int)
    return cast(list[int], np.diff(ends, prepend=0).tolist())


def timeline(
    rng: np.random.Generator, messages: int, first_date: date, days: int, counts: Conversations
) -> Iterator[Day]:
    """Yield the dates with their messages; no two messages share a timestamp.

    Counts threads and conversations into `counts` on the way. A thread's messages follow each other by about
    a minute, sometimes by hours, and so reach into the next date.
    """
    hours = np.cumsum((0.0, *_NIGHT, *_DAYTIME, *_EVENING))
    carried = [np.empty(0, np.int64)] * 3
    first_thread = 0
    for n, count in enumerate(_per_day(rng, messages, first_date, days)):
        day = first_date + timedelta(days=n)
        begin = int(datetime.combine(day, time(), UTC).timestamp())
        threaded = round(count * _IN_THREAD)
        sizes = np.minimum(12, rng.geometric(0.42, threaded))
        cut = np.cumsum(sizes)
        used = int(np.searchsorted(cut, threaded)) + 1 if threaded else 0
        sizes = sizes[:used]
        if used:
            sizes[-1] -= cut[used - 1] - threaded
        sizes = np.concatenate([sizes, np.ones(count - threaded, np.int64)])
        starts = np.interp(rng.random(len(sizes)) * hours[-1], hours, np.arange(25) * 3600.0)
        long = np.flatnonzero(sizes[:used] > 1)
        evening = long[: -(-len(long) // 50)]
        starts[evening] = DAY_SECONDS - 60 * (1 + 9 * rng.random(len(evening)))

        owner = np.repeat(np.arange(len(sizes)), sizes)
        begins = np.cumsum(sizes) - sizes
        gaps = np.exp(rng.normal(4.3, 1.2, count))
        gaps[begins] = 0.0
        total = np.cumsum(gaps)
        offsets = np.minimum(total - total[begins][owner], 6 * 3600.0)
        created = begin + np.floor(starts[owner] + offsets).astype(np.int64)
        latency = np.interp(rng.random(count), *_LATENCY)
        micros = created * MICROS + np.maximum(100_000, np.round(latency * MICROS)).astype(np.int64)
        end = (begin + DAY_SECONDS) * MICROS
        if n == days - 1:
            # Nothing may leave the last date: whole conversations move to an earlier time.
            excess = np.zeros(len(sizes), np.int64)
            np.maximum.at(excess, owner, np.maximum(0, -(-(micros - end + 1) // MICROS)))
            created -= excess[owner]
            micros -= excess[owner] * MICROS
        over = micros >= end
        if used:
            first_over = np.minimum.reduceat(over[:threaded], begins[:used])
            last_over = np.maximum.reduceat(over[:threaded], begins[:used])
            counts.threads_over_midnight += int((first_over != last_over).sum())
        thread = np.where(owner < used, owner + first_thread, -1)
        first_thread += used
        counts.threads += used
        counts.conversations += len(sizes)
        columns = [
            np.concatenate([old, new[~over]]) for old, new in zip(carried, (micros, created, thread), strict=True)
        ]
        carried = [new[over] for new in (micros, created, thread)]
        order = np.argsort(columns[0], kind="stable")
        micros, created, thread = (column[order] for column in columns)
        steps = np.arange(len(micros))
        micros = np.maximum.accumulate(micros - steps) + steps
        if len(micros):
            micros = np.minimum(micros, end - 1 - steps[::-1])
        yield Day(day, micros, created, thread)
