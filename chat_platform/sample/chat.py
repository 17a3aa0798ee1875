"""A made-up feed of chat messages in the format of the chat source, with the truth about it.

The shape follows the distributions observed in a production feed (171 messages): a quarter of the
messages without a usable response, most without a thread, three quarters of the reasoning steps without a
type. Nothing here uses the rest of the platform, so that its results can be held against `Truth`.

Messages are written as they are made: memory grows with the messages of one date (a few numbers each) and
with the lines held back for the next delivery, not with the size of the feed.
"""

from __future__ import annotations

import gzip
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Literal, cast

import numpy as np
import orjson
import zstandard

from chat_platform.sample.chat_defects import bad_line, reordered, versions
from chat_platform.sample.chat_messages import AGENT_SHARE, SCREENSHOT_SHARE, Facts, Maker
from chat_platform.sample.chat_pools import Pools
from chat_platform.sample.chat_timeline import MICROS, Conversations, timeline

Compression = Literal["gzip", "zstd", "none"]
Layout = Literal["flat", "by_day"]

TABLES = (
    "chat_sessions",
    "responses",
    "usage_metrics",
    "tool_usage",
    "web_searches",
    "browser_automations",
    "web_automations",
)
REJECT_REASONS = (
    "invalid_json",
    "not_an_object",
    "timestamp_missing",
    "timestamp_out_of_range",
    "request_body_missing",
)

_FLUSH_BYTES = 1 << 20
_SUFFIX: dict[str, str] = {"gzip": ".gz", "zstd": ".zst", "none": ""}

# Of the extra lines: duplicates, superseding versions, bad lines; the rest are blank lines.
_DEFECTS = (0.4, 0.6, 0.9)


@dataclass
class DeliveredFile:
    """One file, in the order of delivery.

    `path` is relative to the output folder, `delivered` the ISO date of delivery, `lines` counts all lines.
    """

    path: str
    delivered: str
    late: bool
    lines: int


@dataclass
class Truth:
    """What was put into a feed, by the generator's own bookkeeping; every field can be written as JSON.

    Lines add up: lines = blank + rejected + duplicates + superseded + accepted (spec of the lines: chat spec,
    sections 1 and 2). Everything from `tables` on describes the accepted messages only, after duplicates and
    superseded versions of the whole feed are gone, in whatever order it is loaded. Dates are ISO texts, UTC.
    """

    lines: int = 0
    blank: int = 0
    rejected: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REJECT_REASONS, 0))
    duplicates: int = 0
    superseded: int = 0
    accepted: int = 0
    late_lines: int = 0
    files: list[DeliveredFile] = field(default_factory=list)
    tables: dict[str, dict[str, int]] = field(default_factory=lambda: {table: {} for table in TABLES})
    """Rows by table and event date."""
    typeless_steps: int = 0
    tool_types: dict[str, int] = field(default_factory=dict)
    """tool_usage rows by tool_type."""
    unrouted_steps: int = 0
    """tool_usage rows whose classification_target is null."""
    domains: dict[str, int] = field(default_factory=dict)
    """web_automations rows by domain_name; the empty text stands for null."""
    statuses: dict[str, int] = field(default_factory=dict)
    """Messages by task_completion_status."""
    agent_statuses: dict[str, int] = field(default_factory=dict)
    """The same, only messages with agent_progress steps."""
    no_response_reasons: dict[str, int] = field(default_factory=dict)
    """Messages without a usable response by task_completion_reason."""
    queries: int = 0
    """Messages that hold a query."""
    threads: int = 0
    threads_over_midnight: int = 0
    """Threads with messages on more than one date."""
    conversations: int = 0
    """Threads plus messages without a thread."""
    messages_with_user: int = 0
    known_users: int = 0
    """Distinct user ids."""
    total_cost: float = 0.0
    """Sum of total_cost as reported, US dollars, exact to 1/1000."""
    secrets: dict[str, list[str]] = field(default_factory=dict)
    """Texts planted anywhere in the feed, refused lines included, that must never be published, by kind."""

    @property
    def rejected_total(self) -> int:
        """Number of refused lines, all reasons together."""
        return sum(self.rejected.values())

    def rows(self, table: str) -> int:
        """Number of rows of a table over all dates."""
        return sum(self.tables[table].values())


class _Sink:
    """One landing file, written under a hidden name and renamed when complete."""

    def __init__(self, path: Path, compression: Compression) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.lines = 0
        self._part = path.with_name(f".{path.name}.part")
        self._raw = self._part.open("wb")
        self._stream: IO[bytes]
        if compression == "gzip":
            # An empty name and time keep the bytes the same on every run.
            gz = gzip.GzipFile(filename="", mode="wb", compresslevel=4, fileobj=self._raw, mtime=0)
            self._stream = cast(IO[bytes], gz)
        elif compression == "zstd":
            writer = zstandard.ZstdCompressor(level=3).stream_writer(self._raw, closefd=False)
            self._stream = cast(IO[bytes], writer)
        else:
            self._stream = self._raw
        self._buffer: list[bytes] = []
        self._size = 0

    def write(self, line: bytes) -> None:
        """Append one line, given without its line feed."""
        self._buffer.append(line)
        self._size += len(line)
        self.lines += 1
        if self._size > _FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._buffer.append(b"")
        self._stream.write(b"\n".join(self._buffer))
        self._buffer = []
        self._size = 0

    def close(self) -> None:
        """Finish the file and give it its name."""
        self._flush()
        if self._stream is not self._raw:
            self._stream.close()
        self._raw.close()
        self._part.replace(self.path)

    def discard(self) -> None:
        """Drop an unfinished file."""
        self._raw.close()
        self._part.unlink(missing_ok=True)


class _Feed:
    """Writes the deliveries of a feed and keeps the books."""

    def __init__(self, out_dir: Path, compression: Compression, layout: Layout, truth: Truth) -> None:
        self._out_dir = out_dir
        self._compression = compression
        self._layout = layout
        self._late: dict[date, _Sink] = {}
        self._open: list[_Sink] = []
        self.truth = truth
        self.held: list[bytes] = []
        """Lines that go into the next delivery."""

    def sink(self, day: date, name: str) -> _Sink:
        """Open a file of a delivery on a date."""
        folder = self._out_dir / day.isoformat() if self._layout == "by_day" else self._out_dir
        sink = _Sink(folder / f"chat-{day.isoformat()}-{name}.jsonl{_SUFFIX[self._compression]}", self._compression)
        self._open.append(sink)
        return sink

    def late(self, day: date) -> _Sink:
        """Return the file of late lines that is delivered on a date."""
        if day not in self._late:
            self._late[day] = self.sink(day, "late")
        return self._late[day]

    def finish(self, sink: _Sink, day: date, *, late: bool) -> None:
        """Close a file and enter it into the books."""
        sink.close()
        self._open.remove(sink)
        path = sink.path.relative_to(self._out_dir).as_posix()
        self.truth.files.append(DeliveredFile(path, day.isoformat(), late, sink.lines))
        self.truth.lines += sink.lines
        if late:
            self.truth.late_lines += sink.lines

    def finish_late(self, until: date) -> None:
        """Close the files of late lines that are delivered up to a date."""
        for day in sorted(d for d in self._late if d <= until):
            self.finish(self._late.pop(day), day, late=True)

    def discard(self) -> None:
        """Drop the files that are not complete."""
        for sink in self._open:
            sink.discard()


class _Books:
    """Adds up what the accepted messages hold."""

    def __init__(self) -> None:
        self._rows: dict[str, Counter[str]] = {table: Counter() for table in TABLES}
        self._tool_types: Counter[str] = Counter()
        self._domains: Counter[str] = Counter()
        self._status: Counter[str] = Counter()
        self._agent_status: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._users: set[str] = set()
        self._routed = 0
        self._typeless = 0
        self._cost = 0
        self._accepted = 0
        self._queries = 0
        self._with_user = 0

    def add(self, facts: Facts) -> None:
        """Count one accepted message."""
        rows, day = self._rows, facts.date
        self._accepted += 1
        self._queries += facts.has_query
        rows["chat_sessions"][day] += 1
        self._status[facts.status] += 1
        if not facts.usable:
            self._reasons[facts.reason] += 1
            return
        rows["responses"][day] += 1
        self._typeless += facts.typeless
        if facts.has_usage:
            rows["usage_metrics"][day] += 1
            self._cost += facts.cost
        if not facts.tools:
            return
        routed = {
            "web_searches": facts.web_searches,
            "browser_automations": facts.browser_steps,
            "web_automations": len(facts.domains),
        }
        self._routed += sum(routed.values())
        for table, count in (routed | {"tool_usage": len(facts.tools)}).items():
            if count:
                rows[table][day] += count
        self._tool_types.update(facts.tools)
        self._domains.update(facts.domains)
        if facts.agent:
            self._agent_status[facts.status] += 1
        if facts.user:
            self._with_user += 1
            self._users.add(facts.user)

    def close(self, truth: Truth) -> None:
        """Write the sums into the truth."""
        truth.accepted = self._accepted
        truth.queries = self._queries
        truth.tables = {table: dict(sorted(counts.items())) for table, counts in self._rows.items()}
        truth.typeless_steps = self._typeless
        truth.tool_types = dict(sorted(self._tool_types.items()))
        truth.unrouted_steps = sum(self._tool_types.values()) - self._routed
        truth.domains = dict(sorted(self._domains.items()))
        truth.statuses = dict(sorted(self._status.items()))
        truth.agent_statuses = dict(sorted(self._agent_status.items()))
        truth.no_response_reasons = dict(sorted(self._reasons.items()))
        truth.messages_with_user = self._with_user
        truth.known_users = len(self._users)
        truth.total_cost = self._cost / 1000


def generate(
    out_dir: Path,
    *,
    messages: int,
    seed: int = 7,
    first_date: date = date(2026, 1, 5),
    days: int = 14,
    deliveries_per_day: int = 1,
    late_share: float = 0.01,
    defect_rate: float = 0.02,
    agent_share: float = AGENT_SHARE,
    screenshot_share: float = SCREENSHOT_SHARE,
    compression: Compression = "gzip",
    layout: Layout = "flat",
) -> Truth:
    """Write a feed of chat messages into landing files and say what is in it.

    messages: distinct good messages, on `days` dates from `first_date` on (UTC); defects add more lines.
    deliveries_per_day: files `chat-<date>-<n>.jsonl[.gz|.zst]` per date, each the next stretch of time.
    late_share: share of messages delivered one to three days after their date, in files `chat-<date>-late`.
    defect_rate: extra lines per message: 40 % redelivered messages (the same bytes, or other key order; at
        once or with the next delivery), 20 % further versions under the same id, 30 % lines to refuse,
        10 % blank.
    agent_share: share of messages that are runs of the browser agent, with nine steps on average.
    screenshot_share: share of an agent's steps that carry a screenshot, of some hundred kilobytes.
    layout: all files in `out_dir`, or in one folder per date of delivery.

    Same arguments, same bytes, on one version of Python and numpy. Existing files of the same name are
    replaced, others left alone. Raises ValueError for arguments out of range, OSError where files cannot be
    written.
    """
    if messages < 0 or days < 1 or deliveries_per_day < 1:
        raise ValueError("messages must be 0 or more, days and deliveries_per_day 1 or more")
    if not all(0 <= share <= 1 for share in (late_share, defect_rate, agent_share, screenshot_share)):
        raise ValueError("late_share, defect_rate, agent_share and screenshot_share must lie between 0 and 1")
    truth = Truth()
    feed = _Feed(out_dir, compression, layout, truth)
    try:
        shares = (late_share, defect_rate, agent_share, screenshot_share)
        _write(feed, messages, seed, first_date, days, deliveries_per_day, *shares)
    except BaseException:
        feed.discard()
        raise
    return truth


def _write(
    feed: _Feed,
    messages: int,
    seed: int,
    first_date: date,
    days: int,
    deliveries_per_day: int,
    late_share: float,
    defect_rate: float,
    agent_share: float,
    screenshot_share: float,
) -> None:
    truth = feed.truth
    # Not for secrets: the feed must come out the same again.
    rnd = random.Random(seed)  # noqa: S311
    pools = Pools(rnd, min(20_000, max(20, messages // 40)), seed)
    maker = Maker(rnd, pools, seed, agent_share, screenshot_share)
    books = _Books()
    rng = np.random.Generator(np.random.PCG64(seed))
    duplicate, version, bad = (defect_rate * share for share in _DEFECTS)
    turns = dict.fromkeys(("duplicate", "version", "bad", "blank"), 0)
    final_day = first_date + timedelta(days=days - 1)
    end = datetime.combine(final_day, time(), UTC) + timedelta(days=1)
    limit = int(end.timestamp()) * MICROS
    r, dumps = rnd.random, orjson.dumps

    def redeliver(line: bytes, sink: _Sink) -> None:
        turn = turns["duplicate"]
        turns["duplicate"] += 1
        truth.duplicates += 1
        copy = line if turn % 3 else reordered(line)
        if turn % 2:
            feed.held.append(copy)
        else:
            sink.write(copy)

    counts = Conversations()
    for day in timeline(rng, messages, first_date, days, counts):
        iso = day.date.isoformat()
        bounds = [len(day.micros) * k // deliveries_per_day for k in range(deliveries_per_day + 1)]
        for delivery in range(deliveries_per_day):
            on_time = feed.sink(day.date, str(delivery + 1))
            for line in feed.held:
                on_time.write(line)
            feed.held = []
            is_last = day.date == final_day and delivery == deliveries_per_day - 1
            for slot in day.slots(bounds[delivery], bounds[delivery + 1]):
                body, facts = maker.message(slot, iso)
                sink = on_time
                if r() < late_share:
                    sink = feed.late(day.date + timedelta(days=rnd.randint(1, 3)))
                u = r()
                if duplicate <= u < version and facts.usable:
                    made = versions(turns["version"], body, facts, slot, maker, rnd, limit)
                    if made is not None:
                        old, new, facts = made
                        turn = turns["version"]
                        turns["version"] += 1
                        truth.superseded += 1
                        lines = [dumps(old), dumps(new)]
                        if turn % 3 == 1:
                            lines.reverse()
                        sink.write(lines[0])
                        if turn % 2:
                            feed.held.append(lines[1])
                        else:
                            sink.write(lines[1])
                        if turn % 4 == 0:
                            redeliver(lines[0], sink)
                        books.add(facts)
                        continue
                books.add(facts)
                line = dumps(body)
                sink.write(line)
                if u >= defect_rate:
                    continue
                if u < duplicate:
                    redeliver(line, sink)
                elif version <= u < bad:
                    reason, refused = bad_line(turns["bad"], body, line)
                    turns["bad"] += 1
                    truth.rejected[reason] += 1
                    sink.write(refused)
                elif u >= bad:
                    sink.write(b"" if turns["blank"] % 2 else b"  ")
                    turns["blank"] += 1
                    truth.blank += 1
            if is_last:
                for line in feed.held:
                    on_time.write(line)
                feed.held = []
            feed.finish(on_time, day.date, late=False)
        feed.finish_late(day.date)
    feed.finish_late(date.max)
    books.close(truth)
    truth.threads = counts.threads
    truth.threads_over_midnight = counts.threads_over_midnight
    truth.conversations = counts.conversations
    truth.secrets = {kind: sorted(values) for kind, values in sorted(maker.planted.items())}
