"""Good lines with bytes dropped, inserted, flipped, cut out, doubled and swapped: nothing crashes, nothing is lost,
nothing is accepted that is no message, and the lines around are untouched (invariants 1 and 5).
"""

import gzip
import json
import math
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import zstandard
from homes import FEED
from lake.chat_builder import agent, browser, conserved, deliver, message, refused_rows, search, typed_rows

from chat_platform.lake.ingest import ingest
from chat_platform.sample.chat import generate
from chat_platform.settings import Settings

# One line in so many stays as it is.
GOOD_EVERY = 8
INSERTED = b'0123456789-+.eE"{}[]:,\\ \n\r\t\x00\xff\xc3\xa9aNnu'
FIRST_DATE = datetime(2015, 1, 1, tzinfo=UTC).timestamp()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Lines to be mutated: messages with everything that the contract reads, and lines of the generator."""
    folder = tmp_path_factory.mktemp("models")
    truth = generate(folder, **{**FEED, "messages": 60, "defect_rate": 0.0})
    made = [line for file in truth.files for line in (folder / file.path).read_bytes().split(b"\n") if line]
    steps = [search(), browser(headers='{"user_id": "u-1", "timezone": "UTC"}'), agent("click", "https://a.example/")]
    built = [message("r", steps=steps[:number], query='é \U0001f600 \\ / " tower') for number in range(4)]
    built += [message(None, thread=None), message("r", response_body=""), message("r", _id={"$oid": "o"})]
    short = [json.dumps(one, ensure_ascii=odd).encode() for odd in (True, False) for one in built]
    return short * 4 + [line for line in made if len(line) < 3000]


def mutated(rnd: random.Random, line: bytes, others: list[bytes]) -> bytes:
    """The line after one to three mutations; most hit a byte that means something in JSON."""
    data = bytearray(line)
    for _ in range(rnd.choice((1, 1, 1, 2, 3))):
        marks = [place for place, byte in enumerate(data) if byte in b'{}[]:,"\\']
        at = rnd.choice(marks) if marks and rnd.random() < 0.5 else rnd.randrange(max(len(data), 1))
        kind = rnd.randrange(7)
        if kind == 0:
            del data[at : at + rnd.choice((1, 1, 2, 8))]
        elif kind == 1:
            data[at:at] = bytes(rnd.choice(INSERTED) for _ in range(rnd.choice((1, 1, 3))))
        elif kind == 2 and data:
            data[at] ^= 1 << rnd.randrange(8)
        elif kind == 3:
            # Cut short, or its beginning cut off.
            data = data[:at] if rnd.random() < 0.7 else data[at:]
        elif kind == 4:
            data[at:at] = data[at : at + rnd.randint(1, 200)]
        elif kind == 5:
            end = at + rnd.randint(1, 60)
            data[at:end] = data[at:end][::-1]
        elif kind == 6:
            other = rnd.choice(others)
            data[at:] = other[rnd.randrange(len(other)) :]
    return bytes(data)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        found["\0repeated"] = True
    return found


def _constant(name: str) -> float:
    raise ValueError(name)


def verdict(line: bytes) -> str | None:
    """What the contract says of a line, by Python's own parser: the reason of its refusal, None for a message."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return "not_utf8"
    try:
        found = json.loads(text.strip(" \t\r\n"), parse_constant=_constant, object_pairs_hook=_once)
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return "invalid_json"
    if not isinstance(found, dict):
        return "not_an_object"
    parts = (found, found.get("request_body"), found.get("response_body"))
    if any(isinstance(part, dict) and "\0repeated" in part for part in parts):
        return "duplicate_key"
    stamp = found.get("@timestamp")
    if isinstance(stamp, bool) or not isinstance(stamp, int | float):
        return "timestamp_missing"
    if not isinstance(found.get("request_body"), dict):
        return "request_body_missing"
    tomorrow = datetime.now(UTC).date() + timedelta(days=2)
    end = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=UTC).timestamp()
    return None if math.isfinite(stamp) and FIRST_DATE <= stamp < end else "timestamp_out_of_range"


# Which value of a repeated key is looked at first is nobody's business: the line is refused for one reason or another.
AS_GOOD_AS = {"duplicate_key": {"timestamp_missing", "request_body_missing", "timestamp_out_of_range"}}


def check_fuzzed(settings: Settings, models: list[bytes], seed: int, number: int) -> Counter[str]:
    """Counts of verdicts over `number` mutated lines in plain and compressed files of one load."""
    rnd = random.Random(seed)
    packs: dict[str, Callable[[bytes], bytes]] = {
        "a.jsonl": bytes, "b.jsonl.gz": gzip.compress, "c.jsonl.zst": zstandard.compress,
    }  # fmt: skip
    texts: dict[str, bytes] = {}
    for name, pack in packs.items():
        lines = []
        for place in range(number // len(packs) + 1):
            if place % GOOD_EVERY == 0:
                good = message(f"good-{name}-{place}", thread=None, query=f"untouched {place}")
                lines.append(json.dumps(good).encode())
            lines.append(mutated(rnd, rnd.choice(models), models))
        texts[f"chat/{name}"] = b"\n".join(lines) + b"\n"
        deliver(settings, name, pack(texts[f"chat/{name}"]))
    done = ingest(settings, "chat")
    manifest = done.manifest
    assert manifest is not None
    assert done.notices == ()
    expected: dict[tuple[str, int], tuple[int, bytes, str | None]] = {}
    blank = 0
    for name, text in texts.items():
        offset = 0
        for place, line in enumerate(text.split(b"\n")[:-1], 1):
            if line.strip(b" \t\r\n"):
                expected[name, place] = (offset, line, verdict(line))
            else:
                blank += 1
            offset += len(line) + 1
    refused = {(row["source_file"], row["line_number"]): row for row in refused_rows(settings, manifest)}
    typed = {(row["source_file"], row["line_number"]): row for row in typed_rows(settings)}
    assert conserved(manifest)
    assert manifest.lines_read == sum(text.count(b"\n") for text in texts.values())
    assert (manifest.blank, manifest.rejected, manifest.typed) == (blank, len(refused), len(typed))
    assert refused.keys() | typed.keys() == expected.keys()
    assert not refused.keys() & typed.keys()
    wrong = []
    for place, (offset, line, reason) in expected.items():
        row = refused.get(place) or typed[place]
        assert row["byte_offset"] == offset
        if (told := row.get("reason")) != reason and told not in AS_GOOD_AS.get(reason or "", set()):
            wrong.append((reason, row.get("reason"), row.get("message"), line))
        if place in refused:
            assert (row["length"], row["raw_line"]) == (len(line) + 1, line + b"\n")
            assert row["message"].endswith(".")
    assert not wrong, f"seed {seed}: {len(wrong)} lines, such as {sorted(wrong, key=lambda one: len(one[3]))[0]}"
    for name, text in texts.items():
        short = name.removeprefix("chat/")
        for place, line in enumerate(text.split(b"\n")[:-1], 1):
            if line.startswith(b'{"@timestamp": 1762128060, ') and b'"id": "good-' + short.encode() in line:
                row = typed[name, place]
                assert row["session_id"].startswith("good-")
                assert row["user_query"] == json.loads(line)["request_body"]["messages"][0]["content"]
                assert (row["response_content"], row["total_tokens"]) == ("an answer", 120)
    return Counter(reason or "typed" for _, _, reason in expected.values())


def test_ten_thousand_mutated_lines(settings: Settings, models: list[bytes]) -> None:
    found = check_fuzzed(settings, models, 1, 10_000)
    assert sum(found.values()) > 10_000
    for reason in ("typed", "invalid_json", "not_utf8", "duplicate_key", "timestamp_missing", "request_body_missing"):
        assert found[reason] > 5, found


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(2, 6))
def test_a_hundred_thousand_mutated_lines(seed: int, settings: Settings, models: list[bytes]) -> None:
    assert sum(check_fuzzed(settings, models, seed, 25_000).values()) > 25_000


def damaged_file(rnd: random.Random, models: list[bytes], place: int) -> tuple[str, bytes]:
    """An array whose elements, or a compressed file whose bytes were mutated."""
    lines = [rnd.choice(models) for _ in range(6)]
    if place % 3 == 0:
        lines[rnd.randrange(6)] = mutated(rnd, lines[0], models)
        return f"{place}.json", b"[" + b",\n".join(lines) + b"]\n"
    if place % 3 == 1:
        return f"{place}.json", mutated(rnd, b"[" + b", ".join(lines) + b"]", models)
    suffix, pack = rnd.choice((("gz", gzip.compress), ("zst", zstandard.compress)))
    return f"{place}.jsonl.{suffix}", mutated(rnd, pack(b"\n".join(lines)), models)


def check_damaged_files(settings: Settings, models: list[bytes], seed: int, number: int) -> None:
    """Whatever is in a file, others are whole, each line counts once, and a refused one stands where it is said to."""
    rnd = random.Random(seed)
    texts: dict[str, bytes] = {}
    for place in range(number):
        name, data = damaged_file(rnd, models, place)
        texts[f"chat/{name}"] = data
        deliver(settings, name, data)
        if place % GOOD_EVERY == 0:
            deliver(settings, f"{place}-good.jsonl", [message(f"good-{place}", thread=None)])
    done = ingest(settings, "chat")
    manifest = done.manifest
    assert manifest is not None
    assert done.notices == ()
    assert conserved(manifest)
    assert sum(file.lines_read for file in manifest.files) == manifest.lines_read
    refused, typed = refused_rows(settings, manifest), typed_rows(settings)
    assert (manifest.rejected, manifest.typed) == (len(refused), len(typed))
    good = {row["session_id"]: row["user_query"] for row in typed if row["source_file"].endswith("-good.jsonl")}
    assert good == {f"good-{place}": "how tall is the tower" for place in range(0, number, GOOD_EVERY)}
    for row in refused:
        assert row["line_number"] > 0
        assert row["reason"]
        assert row["message"].endswith(".")
        if row["source_file"].endswith(".json"):
            text = texts[row["source_file"]]
            end = row["byte_offset"] + row["length"]
            assert end <= len(text)
            # In an array the commas between elements, and what closes it, count as blanks.
            assert text[row["byte_offset"] : end].strip(b" \n[],}") == row["raw_line"].strip(b" \n[],}")
    by_file = Counter(row["source_file"] for row in [*refused, *typed])
    # Nothing of a file goes without a word: it was mutated, so at least one line of it is told of.
    assert all(by_file[name] for name, data in texts.items() if data.strip(b" \r\n\t[]"))


def test_damaged_arrays_and_compressed_files(settings: Settings, models: list[bytes]) -> None:
    check_damaged_files(settings, models, 1, 150)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(2, 6))
def test_many_damaged_arrays_and_compressed_files(seed: int, settings: Settings, models: list[bytes]) -> None:
    check_damaged_files(settings, models, seed, 1500)
