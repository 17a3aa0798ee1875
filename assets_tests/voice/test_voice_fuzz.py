"""Good lines with bytes dropped, inserted and flipped: nothing crashes, nothing is lost, what is accepted is an event,
and the lines around are untouched (invariants 1 and 5).
"""

import json
import random
from collections.abc import Callable

import pytest
from voice.voice_builder import FIRST_DATE, GOLDEN, conserved, event, line, load, query, refused, value

from chat_platform.contracts import voice
from chat_platform.settings import Settings

INSERTED = b'0123456789-+.eE"{}[]:,\\ \n\r\t\x00\xff\xc3\xa9aNnu'
ENVELOPE = {"id", "eventType", "version", "when", "correlationId", "context"}
# One line in so many stays as it is.
GOOD_EVERY = 10
FRAMING = {"not_utf8"}


def models() -> list[bytes]:
    """Good lines of every type: those of the worked example, and others with odd characters."""
    kinds = (*voice.EVENT_TYPES, "AgentBargedIn")
    made = [line(event(kind, f'é \U0001f600 \\ / "{number}', number)) for number, kind in enumerate(kinds)]
    read = []
    for text in (GOLDEN / "events.jsonl").read_bytes().split(b"\n"):
        try:
            item = json.loads(text)
        except ValueError:
            continue
        if isinstance(item, dict) and set(item) >= ENVELOPE and item["when"].endswith("Z"):
            read.append(text)
    assert len(read) > 50
    return made * 3 + read


def mutated(rnd: random.Random, text: bytes) -> bytes:
    """The line with one to three bytes dropped, inserted or flipped; most where JSON means something."""
    data = bytearray(text)
    for _ in range(rnd.choice((1, 1, 2, 3))):
        marks = [place for place, byte in enumerate(data) if byte in b'{}[]:,"\\']
        at = rnd.choice(marks) if marks and rnd.random() < 0.5 else rnd.randrange(len(data))
        kind = rnd.randrange(3)
        if kind == 0:
            del data[at : at + rnd.choice((1, 1, 2, 8))]
        elif kind == 1:
            data[at:at] = bytes(rnd.choice(INSERTED) for _ in range(rnd.choice((1, 1, 3))))
        else:
            data[at] ^= 1 << rnd.randrange(8)
    return bytes(data)


def _strict(text: bytes) -> object:
    """The line as strict JSON; ValueError where it is none."""

    def refuse(name: str) -> float:
        raise ValueError(name)

    return json.loads(text.decode(), parse_constant=refuse)


@pytest.mark.parametrize(
    "count", [pytest.param(10_000, id="quick"), pytest.param(100_000, id="much", marks=pytest.mark.long)]
)
def test_damaged_lines_are_refused_or_read_and_never_lost(count: int, make_settings: Callable[..., Settings]) -> None:
    rnd = random.Random(count)
    settings = make_settings(first_date=FIRST_DATE)
    kinds = models()
    lines = [line(event(call="first"))]
    for number in range(count):
        if number % GOOD_EVERY == 0:
            lines.append(line(event(call=f"good-{number}")))
        else:
            lines.append(mutated(rnd, rnd.choice(kinds)))
    text = b"\n".join(lines) + b"\n"
    load(settings, "damaged.jsonl", text)
    conserved(settings)
    ((lines_read, blank, rejected),) = query(settings, "select lines_read, blank, rejected from ops.loads")
    assert lines_read == text.count(b"\n")
    assert blank == sum(not cut.strip(b" \t\r") for cut in text.split(b"\n")[:-1])
    rows = refused(settings)
    assert len(rows) == rejected
    assert rejected > count / 4
    codes = {reason.partition(":")[0] for reason, _ in rows}
    assert codes <= set(voice.SENTENCES) | FRAMING, codes
    assert {"json_parse_error", "missing_required", "invalid_timestamp"} <= codes
    # Every line that was left alone stands in the tables.
    untouched = [json.loads(lines[1 + number])["correlationId"] for number in range(0, count, GOOD_EVERY)]
    standing = {call for (call,) in query(settings, "select call_id from voice.calls")}
    assert set(untouched) <= standing
    assert len(set(untouched)) == count // GOOD_EVERY
    # What was refused as no JSON is none, and what was accepted is JSON.
    for reason, raw in rows:
        if reason == "json_parse_error":
            with pytest.raises((ValueError, RecursionError)):
                _check_text(raw)
    bad = {raw for _, raw in rows}
    accepted = [cut for cut in text.split(b"\n")[:-1] if cut.strip(b" \t\r") and cut not in bad]
    for cut in accepted:
        item = _strict(cut)
        assert isinstance(item, dict)
        assert set(item) >= ENVELOPE, cut
    assert value(settings, "select sum(lines_read - blank - rejected) from ops.loads") == len(accepted)


def _check_text(raw: bytes) -> None:
    """ValueError where the line is no strict JSON, or holds half a character."""
    text = json.dumps(_strict(raw), ensure_ascii=False)
    text.encode()
