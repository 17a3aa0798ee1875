"""What goes wrong in the chat sample feed: redelivery, further versions under one id, lines to be refused."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import orjson

from chat_platform.sample.chat_messages import Facts, Maker
from chat_platform.sample.chat_pools import Json
from chat_platform.sample.chat_timeline import DAY_SECONDS, MICROS, Slot

_FIXED_BAD_LINES: tuple[tuple[str, bytes], ...] = (
    ("invalid_json", b"not json"),
    ("not_an_object", b"[]"),
    ("invalid_json", b'{"@timestamp": 1767571200.5, "request_body": {"messages": []},}'),
    ("not_an_object", b'"just a text"'),
    ("invalid_json", b"<html><body>502 Bad Gateway</body></html>"),
    ("not_an_object", b"42"),
    ("invalid_json", b'{"@timestamp": NaN, "request_body": {}}'),
    ("not_an_object", b"null"),
    ("invalid_json", b'{"@timestamp": 1767571200.5, "request_body": {}} {}'),
    ("not_an_object", b"true"),
)
_BAD_TIMES: tuple[Any, ...] = ("yesterday", None, True, {"$date": 1}, "1767571200.5", [])
_FAR_TIMES: tuple[float, ...] = (
    -62_135_596_800,
    253_402_300_799,
    1_767_571_200_000,
    -62_135_596_800.5,
    1e300,
)
_BAD_REQUESTS: tuple[Any, ...] = ("", None, [], "text", 7)


def bad_line(turn: int, body: Json, line: bytes) -> tuple[str, bytes]:
    """Make a line to be refused, and name the reason; the kinds come in turn (chat spec, section 1)."""
    kind, again = turn % 6, turn // 6
    if kind == 0:
        return _FIXED_BAD_LINES[again % len(_FIXED_BAD_LINES)]
    if kind in (1, 2):
        without = {key: value for key, value in body.items() if key != "@timestamp"}
        if kind == 1:
            choice = again % (len(_BAD_TIMES) + 1)
            if choice:
                without["@timestamp"] = _BAD_TIMES[choice - 1]
            return "timestamp_missing", orjson.dumps(without)
        return "timestamp_out_of_range", orjson.dumps(without | {"@timestamp": _FAR_TIMES[again % len(_FAR_TIMES)]})
    if kind == 3:
        choice = again % (len(_BAD_REQUESTS) + 1)
        without = {key: value for key, value in body.items() if key != "request_body"}
        if choice:
            without["request_body"] = _BAD_REQUESTS[choice - 1]
        return "request_body_missing", orjson.dumps(without)
    if kind == 4:
        return "not_an_object", b"[" + line + b"]"
    # The cut may fall inside a character outside ASCII; then the line would be refused for its encoding.
    return "invalid_json", line[: len(line) * 3 // 5].decode("utf-8", "ignore").encode()


def reordered(line: bytes) -> bytes:
    """Return the same JSON with the keys of every object in the opposite order."""

    def turn(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turn(value[key]) for key in reversed(value)}
        if isinstance(value, list):
            return [turn(item) for item in value]
        return value

    return orjson.dumps(turn(orjson.loads(line)))


def versions(
    turn: int, body: Json, facts: Facts, slot: Slot, maker: Maker, rnd: random.Random, limit: int
) -> tuple[Json, Json, Facts] | None:
    """Make an older and a newer version of a message under the same id, and the facts of the newer.

    None where there is no room for a later timestamp: it may fall on the next date only where no thread is
    involved, and never on or after `limit` (micros), the end of the last date.
    """
    last = limit if slot.thread < 0 else (slot.micros // (DAY_SECONDS * MICROS) + 1) * DAY_SECONDS * MICROS
    micros = slot.micros + rnd.randint(1, 1800) * MICROS
    if micros >= last:
        return None
    later = datetime.fromtimestamp(micros // MICROS, UTC).date().isoformat()
    response: Json = body["response_body"]
    choice: Json = response["choices"][0]
    message: Json = choice["message"]
    kind = turn % 3
    if kind == 0 and facts.status == "completed" and not facts.agent:
        # First seen while it was being answered.
        early_choice = choice | {"finish_reason": None, "message": message | {"content": "…"}}
        early = {key: value for key, value in response.items() if key != "usage"}
        early |= {"status": "PENDING", "choices": [early_choice]}
        return (
            body | {"response_body": early},
            body | {"@timestamp": micros / MICROS},
            facts._replace(date=later),
        )
    new_message = message | {"content": f"Corrected answer, version {turn}."}
    new_response = dict(response)
    new = facts._replace(date=later)
    if kind == 1:
        new_message["reasoning_steps"] = [*message["reasoning_steps"], maker.web_search_step()]
        new = new._replace(tools=(*facts.tools, "web_search"), web_searches=facts.web_searches + 1)
    elif facts.has_usage:
        old_usage = response["usage"]
        context_size = old_usage["search_context_size"]
        request_cost = round(old_usage["cost"]["request_cost"] * 1000)
        new_response["usage"], cost = maker.usage(response["model"], context_size, request_cost)
        new = new._replace(cost=cost)
    new_response["choices"] = [choice | {"message": new_message}]
    return body, body | {"@timestamp": micros / MICROS, "response_body": new_response}, new
