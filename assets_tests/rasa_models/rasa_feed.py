"""Made-up conversations that are hard on the rules: ties, restarts, rewinds, gaps, disorder, repeated delivery."""

import random
from typing import Any

from rasa_reference import Delivery, Event

INTENTS = (
    "greet", "view_bill_details", "view_transactions", "react_frustrated", "thankyou", "raise_dispute",
    "nlu_fallback", "out_of_scope", "inform",
)  # fmt: skip
ACTIONS = ("action_listen", "utter_greet", "action_default_fallback", "action_agent_handoff", "action_unlikely_intent")
SLOTS = ("amount", "card", "requested_slot")


def conversation(rng: random.Random, sender: str) -> list[Event]:
    """One sender's events as they happened; some times tie, some run back."""
    now = 1_700_000_000 + rng.randrange(40 * 86400) + rng.random()
    with_ids = rng.random() < 0.15
    session, user = 0, None
    events: list[Event] = []

    def add(kind: str, **fields: Any) -> None:
        nonlocal now
        step = rng.random()
        if step < 0.35:
            pass  # the same instant
        elif step < 0.9:
            now += rng.random() * 20
        elif step < 0.95:
            now += rng.choice((1800.0, 3599.5, 3600.0, 3601.0, 90000.0))
        metadata: dict[str, Any] = {"model_id": f"m{session % 3}"}
        if rng.random() < 0.5:
            metadata["rasa_environment"] = "production"
        if with_ids and rng.random() < 0.8:
            metadata["session_id"] = f"{sender}-{session}" if rng.random() < 0.95 else ""
        if user is not None and kind in {"user", "session_started"}:
            metadata["user_id"] = user
        time = now - 5 if rng.random() < 0.03 else now
        events.append({"sender_id": sender, "event": kind, "timestamp": time, "metadata": metadata, **fields})

    for _ in range(rng.randrange(1, 30)):
        choice = rng.random()
        if choice < 0.34:
            if user is None and rng.random() < 0.2:
                user = f"u{rng.randrange(400)}"
            intent = rng.choice(INTENTS)
            add(
                "user",
                text=f"about {intent}",
                parse_data={"intent": {"name": intent, "confidence": round(rng.random(), 4)}},
                input_channel=rng.choice(("rest", "facebook")),
                message_id=f"{sender}-{len(events)}-{rng.randrange(10**9)}",
            )
        elif choice < 0.5:
            add("action", name=rng.choice(ACTIONS), policy="RulePolicy", confidence=1.0)
        elif choice < 0.62:
            add("bot", text="Here you are.")
        elif choice < 0.72:
            add("slot", name=rng.choice(SLOTS), value=rng.choice(("amount", "card", 5, None)))
        elif choice < 0.78:
            add("rewind")
        elif choice < 0.82:
            add("active_loop", name=rng.choice(("card_form", "amount_form", None)))
        elif choice < 0.84:
            add("restart")
        elif choice < 0.86:
            add(rng.choice(("undo", "user_featurization", "something_new")))
        elif choice < 0.88:
            add("flow_completed", flow_id=rng.choice(("transfer", "pattern_completed")))
        else:
            session += 1
            if rng.random() < 0.3:
                add("action", name="action_restart", policy=None, confidence=None)
                for _ in range(rng.randrange(3)):
                    add(rng.choice(("restart", "bot")))
                if rng.random() < 0.3:
                    add("slot", name="session_started_metadata", value=None)
                if rng.random() < 0.7:
                    add("action", name="action_session_start", policy=None, confidence=1.0)
            else:
                if rng.random() < 0.4:
                    add("slot", name="session_started_metadata", value=None)
                add("action", name="action_session_start", policy=None, confidence=1.0)
            if rng.random() < 0.7:
                add("session_started")
    return events


def deliveries(rng: random.Random, senders: int, loads: int, load: str = "load") -> list[Delivery]:
    """Conversations as they are delivered over some loads: as lines or trackers, in pieces, late, and repeated."""
    lines: dict[str, list[Event]] = {f"{load}-{number}": [] for number in range(loads)}
    found: list[Delivery] = []
    for number in range(senders):
        sender = f"s{number:05}"
        events = conversation(rng, sender)
        if rng.random() < 0.5:
            # a tracker holds all that is known when it is written, or the latest events of it
            for part in range(rng.randrange(1, 4)):
                end = len(events) if part == 0 else rng.randrange(1, len(events) + 1)
                start = 0 if part == 0 or rng.random() < 0.5 else rng.randrange(end)
                came_with = f"{load}-{rng.randrange(loads)}"
                some = tuple(events[start:end])
                found.append(Delivery(came_with, some, is_tracker=True, name=f"tracker-{sender}-{part}"))
        else:
            for event in events:
                for _ in range(2 if rng.random() < 0.1 else 1):
                    lines[f"{load}-{rng.randrange(loads)}"].append(event)
    for came_with, events in lines.items():
        if rng.random() < 0.3:
            rng.shuffle(events)
        found.append(Delivery(came_with, tuple(events), is_tracker=False, name="lines"))
    return found
