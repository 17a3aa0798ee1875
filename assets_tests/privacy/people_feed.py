"""One person in every source and in every kind of file, among others; and what came of them."""

import gzip
import hashlib
import hmac
import json
import re
import sqlite3
import uuid
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import zstandard
from homes import TEST_KEY, Home
from lake.chat_builder import MIDNIGHT, agent, browser, message, search

NUMBER = "5511987654321"
NATIONAL = NUMBER[2:]
WRITTEN = "(11) 98765-4321"
SENDER = "+" + NUMBER
E_MAIL = "ana.souza@example.com"
# Every way in which the feed writes the person, and what identifies them without the number.
SPELLINGS = (NUMBER, WRITTEN, SENDER, NATIONAL, E_MAIL)
WORDS = ("a secret wish of the person", "an answer to the wish", "wishlist", "quero falar do segredo")


def key_of(given: str, key: str = TEST_KEY) -> str:
    return hmac.new(key.encode(), given.encode(), hashlib.sha256).hexdigest()


KEYS = tuple(key_of(given) for given in (NUMBER, SENDER, NATIONAL, E_MAIL))


def chat_messages(user: str = NUMBER) -> dict[str, list[dict[str, Any]]]:
    """Messages by file: the person's thread, other people's, one that only mentions the number."""
    headers = json.dumps({"user_id": user, "timezone": "America/Sao_Paulo"})
    steps = [
        search([WORDS[2], "buy online"]),
        browser(headers=headers),
        agent("click", f"https://www.amazon.com/{WORDS[2]}?q={user}"),
        agent("finished", "https://www.amazon.com/done"),
    ]
    other = json.dumps({"user_id": "other-user", "timezone": "Europe/Lisbon"})
    answer = {"response_body__choices[0].message.content": WORDS[1]}
    return {
        "first": [
            message("m-1", thread="t-ana", query=f"{WORDS[0]}: buy a phone on amazon", steps=steps, **answer),
            message("m-2", thread="t-ana", seconds=MIDNIGHT + 120, query=WORDS[0]),
            message("m-3", thread="t-other", seconds=MIDNIGHT + 180, steps=[browser(headers=other), agent("click")]),
            message("m-4", thread=None, seconds=MIDNIGHT + 240, query=f"who is {WRITTEN}", steps=[search([WRITTEN])]),
        ],
        "second": [
            message("m-1", thread="t-ana", query=f"{WORDS[0]}: buy a phone on amazon", steps=steps, **answer),
            message("m-5", thread=user, seconds=MIDNIGHT + 90000, query="and this", response_body__model="sonar"),
            message("m-6", thread=None, seconds=MIDNIGHT + 90060, query="find a hotel in porto"),
            message("m-2", thread="t-ana", seconds=MIDNIGHT + 130, query=f"{WORDS[0]}, changed"),
        ],
    }


def rasa_events(sender: str = SENDER, start: float = MIDNIGHT) -> list[dict[str, Any]]:
    """A conversation of the person."""

    def event(kind: str, seconds: float, **fields: Any) -> dict[str, Any]:
        return {"sender_id": sender, "event": kind, "timestamp": start + seconds, **fields}

    said = {
        "text": WORDS[3],
        "intent": {"name": "greet", "confidence": 0.9},
        "entities": [{"entity": "phone", "value": WRITTEN, "start": 0, "end": 4}],
    }
    return [
        event("action", 1, name="action_session_start", policy=None, confidence=1.0),
        event("user", 2, text=WORDS[3], parse_data=said, input_channel="rest", message_id="one"),
        event("slot", 2, name="phone", value=WRITTEN),
        event("slot", 2, name="amount", value=7),
        event("slot", 2, name="requested_slot", value="amount"),
        event("bot", 3, text=f"is it {WRITTEN}?", metadata={"utter_action": "utter_ask"}),
        event("user", 4, text="yes", parse_data={"text": "yes", "intent": {"name": "affirm", "confidence": 0.8}}),
        event("user", 4, text="no", parse_data={"text": "no", "intent": {"name": "deny", "confidence": 0.8}}),
    ]


def call(ident: str, phone: str | None, start: float) -> list[dict[str, Any]]:
    """A call with everything that a call can have; the person's number and words stand in several places."""

    def event(kind: str, seconds: float, **context: Any) -> dict[str, Any]:
        if phone is not None and kind != "AgentCalledAPI":
            numbers = {"identifiers": [{"key": "phone", "value": phone}]}
            context["customer"] = {**numbers, **context.get("customer", {})}
        when = datetime.fromtimestamp(start + seconds, UTC).isoformat().replace("+00:00", "Z")
        name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{ident}{kind}{seconds}"))
        return {
            "id": name, "eventType": kind, "version": 1, "when": when, "through": "vda",
            "correlationId": ident, "context": context,
        }  # fmt: skip

    words, wish = (WORDS[3], WORDS[0]) if phone and phone.endswith(NATIONAL) else ("meu saldo", "nothing")
    # The number of whoever calls in every field that holds a text, be it meant for a name.
    top = {"topScoringIntent": {"intent": f"top {phone}", "score": 0.9}}
    nlp = {"intent": f"INTERNET {phone}", "score": 0.9, "realResponse": top}
    said = {"capturedText": words, "cleansedText": words, "nlp": nlp}
    api = {"apiName": f"SALDO {phone}", "uri": f"http://a.example/{phone}", "httpStatus": 200}
    return [
        event("CustomerInitiatedCall", 0, customer={"capturedText": "start_conversation", "listenedDataUsage": True}),
        event(
            "AgentTalkedCustomer",
            2,
            agent={"text": "Oi", "command": "<Say/>", "dialogType": f"RDM{phone}", "scriptPoint": f"P{phone}"},
        ),
        event("CustomerTalkedAgent", 5, customer=said),
        event("AgentCalledAPI", 6, api={**api, "executionElapsedTime": int(re.sub("[^0-9]", "", phone or "250"))}),
        event("AgentSolvedRequest", 8, agent={"solution": {"lastSolution": "SALDO", "previousSolutions": ["A"]}}),
        event("CustomerAnsweredSurvey", 8.5, survey={"scale": f"1-5 {phone}", "electronicScore": 5}),
        event(f"RobotWrote {phone}", 9, note={"to": phone, "text": wish, f"of {phone}": 3}),
        event("CustomerCallEnded", 20, customer={"reason": f"AgentSolvedRequest {phone}"}),
    ]


def calls(number: str = NUMBER) -> list[dict[str, Any]]:
    """Calls of the person, written in two ways, and of somebody else."""
    made = [
        call("0b0f2d52-0001-4000-8000-000000000001", number[2:], MIDNIGHT),
        call("0b0f2d52-0002-4000-8000-000000000002", "+" + number, MIDNIGHT + 7200),
        call("0b0f2d52-0003-4000-8000-000000000003", "11900000001", MIDNIGHT + 3600),
        call("0b0f2d52-0004-4000-8000-000000000004", None, MIDNIGHT + 5400),
    ]
    return [event for events in made for event in events]


def lines(items: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(item, ensure_ascii=False).encode() + b"\n" for item in items)


def deliver(home: Home, user: str = NUMBER, sender: str = SENDER) -> None:
    """Landing with the person in plain, compressed, array, refused, tracker and SQLite files."""
    made = chat_messages(user)
    bad = b'{"@timestamp": "x", "request_body": {"query": "' + user.encode() + b'"}}\n{"a": ' + user.encode() + b",}\n"
    home.write("first.jsonl.gz", gzip.compress(lines(made["first"]) + b"\n" + bad))
    home.write("second.jsonl.zst", zstandard.compress(lines(made["second"])))
    array = [message("m-7", thread="t-ana", seconds=MIDNIGHT + 200, query=WORDS[0]), *made["first"][2:3]]
    home.write("array.json", json.dumps([*array, message("m-8", query="last", thread=None)], indent=1).encode())
    rasa = home.root / "landing" / "rasa"
    rasa.mkdir(exist_ok=True)
    others = [event for event in rasa_events("someone") if "98765" not in json.dumps(event) and event["timestamp"] > 3]
    greeting = {"event": "user", "timestamp": MIDNIGHT, "text": "hello", "metadata": {"user_id": sender}}
    (rasa / "events.jsonl").write_bytes(lines(rasa_events(sender)) + lines(others))
    tracker = {"sender_id": sender, "events": rasa_events(sender, MIDNIGHT + 86400)}
    named = {"sender_id": "web-1", "events": [greeting]}
    (rasa / "trackers.jsonl").write_bytes(lines([tracker, named]))
    with closing(sqlite3.connect(rasa / "store.db")) as store:
        store.execute("create table events (id integer primary key, sender_id text, timestamp float, data text)")
        for event in [*rasa_events(sender, MIDNIGHT + 7200), *({**one, "timestamp": 1762128900} for one in others)]:
            row = (event["sender_id"], event["timestamp"], json.dumps(event))
            store.execute("insert into events (sender_id, timestamp, data) values (?, ?, ?)", row)
        store.commit()
    voice = home.root / "landing" / "voice"
    voice.mkdir(exist_ok=True)
    made_calls = calls()
    broken = json.dumps(made_calls[0]).replace('"version": 1,', "").encode() + b"\n"
    (voice / "calls.jsonl").write_bytes(lines(made_calls[:20]) + broken)
    (voice / "calls.jsonl.gz").write_bytes(gzip.compress(lines(made_calls[18:])))


def later(user: str = NUMBER, sender: str = SENDER, *, now: float) -> tuple[bytes, bytes, bytes]:
    """A message, an event and a call of the same person after the removal."""
    headers = json.dumps({"user_id": user, "timezone": "UTC"})
    said = message("m-new", thread="t-new", seconds=now, query="again", steps=[browser(headers=headers)])
    event = {"sender_id": sender, "event": "user", "timestamp": now, "text": "again", "parse_data": {}}
    called = call("0b0f2d52-0009-4000-8000-000000000009", user[2:], now)[:1]
    return lines([said]), lines([event]), lines(called)
