"""Small worlds of messages for tests of disorder.

A world has its own ids and threads; its dates, users and files it shares with all others of its batch. It says which
contents exist and when, how often, and in which file each is delivered. Many worlds go through one home at once, so
that one sequence of publishes and backfills tries all of them.
"""

import gzip
import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as runs
from hypothesis import strategies as st
from lake.chat_builder import Message, agent, browser, message, put, search

# Over the end of a week and of a month.
FIRST, DAYS, ROUNDS = date(2026, 3, 27), 9, 3
MIDNIGHT = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC).timestamp()
QUERIES = ("buy warm socks", "capital of Peru", "flights to Lisbon in May")
SITES = ("https://www.linkedin.com/feed", "https://shop.example/cart")
FILES = ("a.jsonl", "b.jsonl.gz", "c.json", "rewritten.jsonl")
COUNTS = ("lines_read", "blank", "rejected", "duplicates", "superseded", "accepted")


@dataclass(frozen=True)
class Version:
    """One content of a message; `ident` and `thread` are None where the message brings none."""

    ident: int | None
    thread: int | None
    day: int
    second: float
    kind: str
    query: int


@dataclass(frozen=True)
class Delivery:
    """One line: a version of the world, in a file (a place in FILES) of a round; `turned`: keys the other way round."""

    version: int
    round: int
    file: int
    turned: bool = False


@dataclass(frozen=True)
class World:
    """Versions, each delivered at least once, and lines that are blank or no JSON: (round, is blank)."""

    versions: tuple[Version, ...]
    deliveries: tuple[Delivery, ...]
    noise: tuple[tuple[int, bool], ...] = ()


@dataclass(frozen=True)
class Plan:
    """What happens after each round but the last, which is always published: publish, interrupt or ingest only.

    `backfills`: (after which round, first date, number of dates), where it was published. `order` mixes the lines.
    """

    ends: tuple[str, ...] = ("publish", "publish")
    backfills: tuple[tuple[int, int, int], ...] = ()
    order: int = 0


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any world. Few times, ids and threads, so that versions meet, tie and move."""
    versions = draw(
        st.lists(
            st.builds(
                Version,
                ident=st.sampled_from([0, 0, 1, 2, None]),
                thread=st.sampled_from([0, 1, None]),
                day=st.integers(0, DAYS - 1),
                second=st.sampled_from([0, 0.000001, 43200, 86399.999999]),
                kind=st.sampled_from(["plain", "search", "agent", "failed", "pending"]),
                query=st.integers(0, len(QUERIES) - 1),
            ),
            min_size=1,
            max_size=5,
        )
    )
    # Of every second world all versions lie at one time: the tie is decided by the content alone.
    if draw(st.booleans()):
        one = versions[0]
        versions = [Version(v.ident, v.thread, one.day, one.second, v.kind, v.query) for v in versions]
    deliveries = [
        Delivery(place, *where)
        for place in range(len(versions))
        for where in draw(
            st.lists(
                st.tuples(st.integers(0, ROUNDS - 1), st.integers(0, len(FILES) - 1), st.booleans()),
                min_size=1,
                max_size=3,
            )
        )
    ]
    noise = draw(st.lists(st.tuples(st.integers(0, ROUNDS - 1), st.booleans()), max_size=2))
    return World(tuple(versions), tuple(deliveries), tuple(noise))


def plans() -> st.SearchStrategy[Plan]:
    """Any plan."""
    return st.builds(
        Plan,
        ends=st.tuples(*[st.sampled_from(["publish", "publish", "interrupt", "ingest"])] * (ROUNDS - 1)),
        backfills=st.lists(
            st.tuples(st.integers(0, ROUNDS - 1), st.integers(-1, DAYS), st.integers(1, 4)), max_size=2
        ).map(tuple),
        order=st.integers(0, 2**16),
    )


def harvest(number: int, of_seed: int) -> list[World]:
    """So many worlds: the same for the same seed."""
    found: list[World] = []

    @seed(of_seed)
    @runs(max_examples=number, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(worlds())
    def collect(world: World) -> None:
        found.append(world)

    collect()
    return found


def message_of(number: int, version: Version) -> Message:
    """The message of a version in the world of this number."""
    name = f"w{number}"
    user = json.dumps({"user_id": f"u-{number % 3}", "timezone": "UTC"})
    steps: dict[str, list[Any]] = {
        "search": [search()],
        "agent": [browser(headers=user), agent("click", SITES[version.query % 2]), agent("finished", thought="Done.")],
    }
    made = message(
        None if version.ident is None else f"{name}-m{version.ident}",
        seconds=MIDNIGHT + version.day * 86400 + version.second,
        thread=None if version.thread is None else f"{name}-t{version.thread}",
        query=f"{name} {QUERIES[version.query]}",
        steps=steps.get(version.kind),
    )
    if version.kind == "failed":
        put(made, "response_body", {"id": made["response_body"]["id"], "error": {"type": "rate_limit"}})
    if version.kind == "pending":
        put(made, "response_body.status", "PENDING")
    return made


def line_of(number: int, world: World, delivery: Delivery) -> bytes:
    """The delivered line."""
    made = message_of(number, world.versions[delivery.version])
    return json.dumps(dict(reversed(made.items())) if delivery.turned else made).encode()


@dataclass
class File:
    """A file to be delivered, and its lines: parsed, or None for a blank one, or bytes for one that is no JSON."""

    name: str
    data: bytes
    lines: list[Any]


def files_of(batch: Iterable[World], plan: Plan) -> list[list[File]]:
    """The files of each round; lines of all worlds lie mixed in them."""
    rnd = random.Random(plan.order)
    rounds = []
    for number in range(ROUNDS):
        lines: list[list[bytes]] = [[] for _ in FILES]
        for place, world in enumerate(batch):
            for delivery in world.deliveries:
                if delivery.round == number:
                    lines[delivery.file].append(line_of(place, world, delivery))
            for when, blank in world.noise:
                if when == number:
                    lines[place % 2].append(b"" if blank else f"w{place} is no JSON".encode())
        files = []
        for name, content in zip(FILES, lines, strict=True):
            if content:
                rnd.shuffle(content)
                shown = name if name.startswith("rewritten") else f"{rnd.randint(0, 9)}-{number}-{name}"
                files.append(_packed(shown, content))
        rounds.append(files)
    return rounds


def _packed(name: str, content: list[bytes]) -> File:
    begin, between, end = (b"[\n", b",\n", b"\n]\n") if name.endswith(".json") else (b"", b"\n", b"\n")
    data = begin + between.join(content) + end
    parsed = [None if not line else line if line.endswith(b"no JSON") else json.loads(line) for line in content]
    return File(name, gzip.compress(data, mtime=0) if name.endswith(".gz") else data, parsed)


def in_one_file(batch: Iterable[World]) -> File:
    """Every version of every world once, in one file."""
    lines = [
        json.dumps(message_of(place, version)).encode()
        for place, world in enumerate(batch)
        for version in world.versions
    ]
    return _packed("all.jsonl", lines)


def expected_counts(files: Iterable[File]) -> dict[str, int]:
    """Counts of all loads together, from the rules alone: contents by id, compared as parsed JSON."""
    found: Counter[str] = Counter()
    contents: dict[Any, list[Message]] = {}
    known: set[tuple[str, bytes]] = set()
    for file in files:
        mark = (file.name, hashlib.sha256(file.data).digest())
        if mark in known:
            continue
        known.add(mark)
        for line in file.lines:
            found["lines_read"] += 1
            if line is None or isinstance(line, bytes):
                found["blank" if line is None else "rejected"] += 1
                continue
            ident = line["response_body"]["id"] or (line["thread_id"], line["@timestamp"], query_of(line))
            versions = contents.setdefault(ident, [])
            if line in versions:
                found["duplicates"] += 1
            else:
                versions.append(line)
    found["accepted"] = len(contents)
    found["superseded"] = sum(len(versions) - 1 for versions in contents.values())
    return {name: found[name] for name in COUNTS}


def query_of(line: Message) -> str:
    """What the user asked."""
    return str(line["request_body"]["messages"][0]["content"])


def line_at(file: File, line_number: int, byte_offset: int) -> Message:
    """The message at a place of a delivered file; line and offset have to agree."""
    data = gzip.decompress(file.data) if file.name.endswith(".gz") else file.data
    behind = data[byte_offset:]
    begin = byte_offset + len(behind) - len(behind.lstrip(b" \n[,"))
    assert data[:begin].count(b"\n") + 1 == line_number
    found, _ = json.JSONDecoder().raw_decode(data[begin:].decode())
    assert isinstance(found, dict)
    return found


def dates_of(first: int, number: int) -> list[date]:
    """Dates of a backfill."""
    return [FIRST + timedelta(days=first + day) for day in range(number)]


def explain(batch: list[World], plan: Plan, rows: Any) -> str:
    """The worlds that differing rows speak of, ready to be tried alone."""
    numbers = sorted({int(found) for found in re.findall(r"\bw(\d+)[- ]", repr(rows))})
    alone = "\n".join(f"    @example([{batch[number]!r}], {plan!r})" for number in numbers[:3])
    return f"worlds {numbers or 'unknown'} differ; alone (test_worlds_without_dbt):\n{alone}"
