"""The real tracker that lies beside the checkout, repeated."""

import json
from collections.abc import Iterator
from typing import Any

from chat_platform.settings import PROJECT_ROOT

TRACKER = PROJECT_ROOT.parent / "shared" / "real" / "rasa" / "2888158124550630_tracker.jsonl"
EVENTS_OF_TRACKER = 666


def repeated(times: int) -> Iterator[dict[str, Any]]:
    """The events of the tracker, as often as this, each time with a sender, times and ids of its own."""
    events = [json.loads(line) for line in TRACKER.read_bytes().splitlines()]
    for number in range(times):
        for event in events:
            metadata = {**event["metadata"], "rasa_x_id": event["metadata"]["rasa_x_id"] + 10_000 * number}
            own = {"sender_id": f"{number}-{event['sender_id']}", "timestamp": event["timestamp"] + number / 64}
            if "message_id" in event:
                own["message_id"] = f"{number:08x}{event['message_id'][8:]}"
            yield {**event, **own, "metadata": metadata}
