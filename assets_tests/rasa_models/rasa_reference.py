"""Sessions and interactions of Rasa events in plain Python, written from the rules and from nothing else.

Slow and simple on purpose: one pass over the events of a sender, state in variables.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

Event = dict[str, Any]


@dataclass(frozen=True)
class Delivery:
    """Events that came together: the lines of a file, or one tracker. `load` is the load that brought them."""

    load: str
    events: tuple[Event, ...]
    is_tracker: bool
    name: str


@dataclass
class Session:
    """What a session holds, in order."""

    events: list[Event] = field(default_factory=list)
    interactions: dict[int, list[Event]] = field(default_factory=lambda: defaultdict(list))
    undone: set[int] = field(default_factory=set)

    @property
    def user_messages(self) -> int:
        return sum(event["event"] == "user" for event in self.events)


def payload(event: Event) -> str:
    return json.dumps(event, sort_keys=True)


def in_order(deliveries: Iterable[Delivery]) -> dict[str, list[Event]]:
    """The events of each sender, each as often as it happened, in their order."""
    copies: dict[str, dict[tuple[str, int], tuple[float, int, int]]] = defaultdict(dict)
    for delivery in deliveries:
        times = [event["timestamp"] for event in delivery.events]
        if delivery.is_tracker:
            times = list(accumulate(times, max))
        instants = Counter(times)
        seen: Counter[str] = Counter()
        for position, (event, time) in enumerate(zip(delivery.events, times, strict=True)):
            text = payload(event)
            seen[text] = seen[text] + 1 if delivery.is_tracker else 1
            known, copy = copies[event["sender_id"]], (text, seen[text])
            # Of the copies of an event a tracker's knows the order: its time is the latest, or it holds more of the
            # instant than others. Of trackers that hold as much the longest counts, where the place is the greatest.
            place = (time, instants[time] if delivery.is_tracker else 1, position)
            known[copy] = max(known.get(copy, place), place)
    ordered = {}
    for sender, known in copies.items():
        items = sorted(known.items(), key=lambda item: (item[1][0], item[1][2], _hash_of(item[0][0]), item[0][1]))
        ordered[sender] = [{**json.loads(text), "order_time": time} for (text, _), (time, _, _) in items]
    return ordered


def _hash_of(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def content_hash(event: Event) -> str:
    """Hash of everything that an event says."""
    return _hash_of(payload(event))


def _is_action(event: Event, name: str) -> bool:
    return event["event"] == "action" and event.get("name") == name


def _is_metadata_slot(event: Event) -> bool:
    return event["event"] == "slot" and event.get("name") == "session_started_metadata"


def _given(event: Event) -> str | None:
    # an empty id is none
    return (event.get("metadata") or {}).get("session_id") or None


def session_starts(events: list[Event], gap_minutes: float | None, *, literal: bool = False) -> list[bool]:
    """For each event whether a session starts at it. `literal`: a session at every restart and every session start."""
    opens = []
    after_restart = False
    for event in events:
        if _is_action(event, "action_restart"):
            opens.append(True)
            after_restart = True
        elif _is_action(event, "action_session_start"):
            opens.append(literal or not after_restart)
        else:
            opens.append(False)
            if event["event"] == "user":
                after_restart = False
    starts = []
    current: str | None = None
    for index, event in enumerate(events):
        given = _given(event)
        if given is not None or current is not None:
            starts.append(given is not None and given != current)
            current = given if given is not None else current
            continue
        before = events[index - 1] if index else None
        moved_up = before is not None and _is_metadata_slot(before) and not literal
        opened = opens[index] and not moved_up
        if not literal and _is_metadata_slot(event) and index + 1 < len(events) and opens[index + 1]:
            opened = True
        silent = (
            gap_minutes is not None
            and before is not None
            and round((event["order_time"] - before["order_time"]) * 1_000_000) >= gap_minutes * 60_000_000
        )
        starts.append(index == 0 or opened or silent)
    return starts


def undone_messages(events: list[Event]) -> set[int]:
    """Places of the user messages that a rewind took back."""
    undone, standing = set(), []
    for index, event in enumerate(events):
        kind = event["event"]
        if kind in {"restart", "session_started"}:
            standing = []
        elif kind == "user":
            standing.append(index)
        elif kind == "rewind" and standing:
            undone.add(standing.pop())
    return undone


def sessions(events: list[Event], gap_minutes: float | None = None, *, literal: bool = False) -> list[Session]:
    """The sessions of one sender's events, which are in order."""
    found: list[Session] = []
    undone = undone_messages(events)
    number = 0
    starts = session_starts(events, gap_minutes, literal=literal)
    for index, event in enumerate(events):
        if starts[index]:
            found.append(Session())
            number = 0
        if event["event"] == "user":
            number += 1
            if index in undone:
                found[-1].undone.add(number)
        found[-1].events.append(event)
        found[-1].interactions[number].append(event)
    return found
