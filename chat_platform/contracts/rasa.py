"""The Rasa event as a contract (rasa spec, section 1): what every event must have. The rest is unpacked as sent."""

import hashlib

SOURCE = "rasa"

SENTENCES = {
    "invalid_json": "The line is not valid JSON.",
    "not_an_object": "It is JSON, but not an object; a line is one event, or one tracker {sender_id, events: [...]}.",
    "duplicate_key": "event, timestamp, sender_id or events stands there twice; which one is meant cannot be told.",
    "event_missing": "event, the type of the event, is missing or not a text.",
    "timestamp_missing": "timestamp is missing or not a number; it is Unix seconds.",
    "timestamp_out_of_range": "timestamp lies before the first date of the platform or after tomorrow.",
    "sender_id_missing": "sender_id is missing or empty; neither the event nor its tracker has one.",
}


# Raised by hand when type_rasa.sql changes what an event becomes.
VERSION = 2


def version() -> str:
    """Hash of the contract; two loads with the same version were typed by the same rules."""
    return hashlib.sha256(repr((VERSION, sorted(SENTENCES))).encode()).hexdigest()[:16]
