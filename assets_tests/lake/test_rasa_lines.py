"""From delivered lines, trackers and stores to events in the lake (rasa spec, sections 1 and 5)."""

import gzip
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from functools import partial
from typing import Any

import duckdb
import pytest
from unpack.rasa_builder import deliver, take

from chat_platform.errors import LakeError
from chat_platform.lake.ingest import ingest
from chat_platform.lake.manifest import Manifest
from chat_platform.landing.erasing import erase_events
from chat_platform.settings import Settings
from chat_platform.status import read_status

DAY = 1_770_000_000.0
Event = dict[str, Any]


def event(kind: str = "user", seconds: float = DAY, sender: str | None = "s-1", **more: Any) -> Event:
    return {"event": kind, "timestamp": seconds, **({} if sender is None else {"sender_id": sender}), **more}


def lake_rows(settings: Settings, manifest: Manifest) -> list[Event]:
    files = [str(settings.lake / part.path) for part in manifest.parts]
    with closing(duckdb.connect()) as connection:
        found = connection.execute(
            "select * from read_parquet($1) order by source_file, byte_offset, position", [files]
        )
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def refused(settings: Settings, manifest: Manifest) -> list[tuple[int, str, bytes]]:
    files = [str(settings.lake / path) for path in manifest.rejects]
    with closing(duckdb.connect()) as connection:
        return connection.execute(
            "select line_number, reason, raw_line from read_parquet($1) order by line_number, message", [files]
        ).fetchall()


def test_an_event_a_line(settings: Settings) -> None:
    metadata = {"model_id": "m-1", "rasa_environment": "production", "session_id": "x-1"}
    manifest = take(settings, "a.jsonl", [event("user", text="hi", metadata=metadata), event("bot", DAY + 86400)])
    first, second = lake_rows(settings, manifest)
    assert (first["event"], first["sender_id"], first["unix_seconds"]) == ("user", "s-1", DAY)
    assert (first["model_id"], first["environment"], first["session_id"]) == ("m-1", "production", "x-1")
    assert (first["position"], second["position"]) == (1, 2)
    assert (first["event_date"], second["event_date"]) == (date(2026, 2, 2), date(2026, 2, 3))
    assert json.loads(first["data"])["text"] == "hi"
    assert manifest.lines_read == manifest.typed == 2


def test_a_tracker_carries_its_own_order(settings: Settings) -> None:
    events = [event(sender=None, seconds=DAY + more, n=n) for n, more in enumerate((0, 5, 3, 3, 9))]
    manifest = take(settings, "a.jsonl", [{"sender_id": "s-2", "slots": {}, "events": events}, event(sender="s-3")])
    found = lake_rows(settings, manifest)
    tracker = [row for row in found if row["sender_id"] == "s-2"]
    assert [json.loads(row["data"])["n"] for row in tracker] == [0, 1, 2, 3, 4]
    assert [row["position"] for row in tracker] == [1, 2, 3, 4, 5]
    # The greatest time so far: what stands behind is not earlier.
    assert [row["order_time"] - DAY for row in tracker] == [0, 5, 5, 5, 9]
    assert [row["unix_seconds"] - DAY for row in tracker] == [0, 5, 3, 3, 9]
    (single,) = (row for row in found if row["sender_id"] == "s-3")
    assert (single["position"], single["line_number"], single["order_time"]) == (2, 2, DAY)
    assert manifest.lines_read == manifest.typed == 6


def test_equal_events_have_one_hash_however_they_come(settings: Settings) -> None:
    payload = {"name": "x", "value": {"a": [1]}}
    manifest = take(
        settings,
        "a.jsonl",
        [
            event("slot", **payload),
            {"user_id": "u", **event("slot", **payload)},
            {"sender_id": "s-1", "events": [event("slot", sender=None, **payload)]},
            event("slot", sender="s-9", **payload),
            event("slot", seconds=DAY + 1, **payload),
            event("slot", name="x", value={"a": [2]}),
        ],
    )
    hashes = [row["content_hash"] for row in lake_rows(settings, manifest)]
    assert hashes[0] == hashes[1] == hashes[2]
    assert len(set(hashes)) == 4


@pytest.mark.parametrize("indent", [None, 1])
def test_an_array_of_events_keeps_its_order(settings: Settings, indent: int | None) -> None:
    events = [event("slot", n=n) for n in (3, 1, 2)]
    manifest = take(settings, "a.json", json.dumps(events, indent=indent).encode())
    found = lake_rows(settings, manifest)
    positions = [row["position"] for row in found]
    assert [json.loads(row["data"])["n"] for row in sorted(found, key=lambda row: int(row["position"]))] == [3, 1, 2]
    assert len(set(positions)) == 3


def test_refused_events_are_kept_and_counted_and_stop_nothing(settings: Settings) -> None:
    lines = [
        event(),
        {"sender_id": "s-1", "events": [event(sender=None), {"event": 5, "timestamp": DAY}, 7, None]},
        {"sender_id": "s-1", "events": []},
        event(sender=None),
        event(sender=""),
        event(""),
        event(seconds=1.0),
        {"event": "user", "timestamp": str(DAY), "sender_id": "s-1"},
        [1],
        {"slots": {}},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines).encode()
    text += b'\n{"event": "a", "timestamp": 1770000000, "sender_id": "s", "value": NaN}\n{"event": "a",\n'
    text += b'{"event": "a", "event": "b", "timestamp": 1770000000, "sender_id": "s"}\n'
    manifest = take(settings, "a.jsonl", text)
    # Each event of a tracker counts as a line; a tracker without any is a blank one.
    assert manifest.lines_read == 17
    assert (manifest.blank, manifest.typed) == (2, 2)
    assert manifest.lines_read == manifest.blank + manifest.rejected + manifest.typed
    found = refused(settings, manifest)
    assert [(number, reason) for number, reason, _ in found] == [
        (2, "event_missing"), (2, "not_an_object"), (2, "not_an_object"), (4, "sender_id_missing"),
        (5, "sender_id_missing"), (6, "event_missing"), (7, "timestamp_out_of_range"), (8, "timestamp_missing"),
        (9, "not_an_object"), (10, "event_missing"), (12, "invalid_json"), (13, "invalid_json"),
        (14, "duplicate_key"),
    ]  # fmt: skip
    # What is kept of an event in a tracker can be corrected and delivered as it is.
    assert json.loads(found[0][2]) == {"sender_id": "s-1", "events": [{"event": 5, "timestamp": DAY}]}


def test_a_very_long_tracker_is_loaded_or_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [event("user", DAY + number, sender=None, text="x" * 10**6) for number in range(15)]
    deliver(settings, "a.jsonl", [event(), {"sender_id": "s-2", "events": events}, event()])
    with monkeypatch.context() as patched:
        patched.setattr("chat_platform.lake.rasa.VERY_LONG_MEMORY", "300MB")
        with pytest.raises(LakeError, match=r"rasa/a\.jsonl, line 2: the memory .* in several lines"):
            ingest(settings, "rasa")
    done = ingest(settings, "rasa").manifest
    assert done is not None
    assert (done.typed, done.rejected) == (17, 0)


def test_senders_that_are_phone_numbers_have_a_key_that_is_none(settings: Settings) -> None:
    manifest = take(settings, "a.jsonl", [event(sender="+55 11 99999-8888"), event(sender="web-7")])
    keys = {row["sender_id"]: row["sender_key"] for row in lake_rows(settings, manifest)}
    assert keys["web-7"] == "web-7"
    assert len(keys["+55 11 99999-8888"]) == 64


def test_a_numeric_sender_and_an_escaped_nul(settings: Settings) -> None:
    raw = b'{"event": "user", "timestamp": 1770000000, "sender_id": 42, "text": "a\\u0000b"}\n'
    (row,) = lake_rows(settings, take(settings, "a.jsonl", raw))
    assert (row["sender_id"], json.loads(row["data"])["text"]) == ("42", "ab")


def test_compressed_files(settings: Settings) -> None:
    manifest = take(settings, "a.jsonl.gz", gzip.compress(json.dumps(event()).encode()))
    assert manifest.typed == 1


def test_a_tracker_store(settings: Settings) -> None:
    path = deliver(settings, "store.part", b"")
    with closing(sqlite3.connect(path)) as store:
        store.execute(
            "create table events (id integer primary key, sender_id text, type_name text, timestamp real, "
            "intent_name text, action_name text, data text)"
        )
        for ident, sender, seconds, data in (
            (7, "b", 1.0, None),
            (1, "a", 4.0, "{}"),
            (2, "b", 9.0, "{}"),
            (3, "a", 2.0, "{}"),
            (4, "a", 2.0, "{}"),
            (5, "a", 2.0, "no json"),
        ):
            if data == "{}":
                data = json.dumps(event("slot", DAY + seconds, None, n=ident, text='"quoted" ✓'))
            store.execute("insert into events (id, sender_id, data) values (?, ?, ?)", (ident, sender, data))
        store.commit()
    path.rename(path.with_name("tracker.db"))
    done = ingest(settings, "rasa").manifest
    assert done is not None
    assert (done.lines_read, done.rejected, done.typed) == (6, 2, 4)
    found = lake_rows(settings, done)
    assert [(row["sender_id"], json.loads(row["data"])["n"], row["order_time"] - DAY) for row in found] == [
        ("a", 1, 4.0), ("a", 3, 4.0), ("a", 4, 4.0), ("b", 2, 9.0),
    ]  # fmt: skip
    assert [row["position"] for row in found] == [1, 3, 4, 2], "the ids of the store"
    # Corrected and delivered, a row has its place again.
    assert json.loads(refused(settings, done)[0][2]) == {"sender_id": "a", "event_ids": [5], "events": ["no json"]}
    assert [reason for _, reason, _ in refused(settings, done)] == ["not_an_object", "not_an_object"]


def test_a_file_that_is_no_store_is_left_alone(settings: Settings) -> None:
    deliver(settings, "tracker.db", b"no database at all, but long enough to be looked at")
    deliver(settings, "a.jsonl", [event()])
    done = ingest(settings, "rasa")
    assert done.manifest is not None
    assert [file.name for file in done.manifest.files] == ["rasa/a.jsonl"]
    assert [(notice.name, notice.reason) for notice in done.notices] == [("rasa/tracker.db", "unreadable")]


def test_a_store_that_cannot_be_used_is_told_with_its_cause_until_it_can(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, timeout=0.1))

    def store(name: str, *statements: str) -> sqlite3.Connection:
        connection = sqlite3.connect(deliver(settings, name, b""), isolation_level=None)
        for statement in statements:
            connection.execute(statement)
        return connection

    table = "create table events (id integer primary key, sender_id text, data text)"
    data = json.dumps(event(sender=None)).replace("'", "''")
    row = f"insert into events (sender_id, data) values ('s', '{data}')"
    store("other.db", "create table things (id integer)").close()
    store("old.db", "create table events (sender_id text, data text)").close()
    locked = store("locked.db", table, row, "begin exclusive")
    store("cut.db", table, *[row] * 200).close()
    cut = settings.landing / "rasa" / "cut.db"
    cut.write_bytes(cut.read_bytes()[:12_288])
    assert len(read_status(settings).new_files) == 4
    assert ingest(settings, "rasa").manifest is None
    status = read_status(settings)
    assert status.new_files == []
    told = {row["name"]: row["message"] for row in status.notices if row["reason"] == "unreadable"}
    assert told == {
        "rasa/other.db": "The file cannot be read (no table events(sender_id, id, data)).",
        "rasa/old.db": "The file cannot be read (no table events(sender_id, id, data)).",
        "rasa/locked.db": "The file cannot be read (locked by another program).",
        "rasa/cut.db": "The file cannot be read (damaged; deliver a copy that the program which writes it has made).",
    }
    # Nobody can be removed from a file that cannot be searched: that is not passed over.
    with pytest.raises(OSError, match="no table events"):
        erase_events(settings.landing / "rasa" / "other.db", settings.landing / "copy", lambda *_: True)
    locked.execute("commit")
    locked.close()
    cut.unlink()
    done = ingest(settings, "rasa").manifest
    assert done is not None
    assert (done.files[0].name, done.typed) == ("rasa/locked.db", 1)
    assert [row["name"] for row in read_status(settings).notices] == ["rasa/old.db", "rasa/other.db"]


def test_each_source_has_its_own_loads(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    take(settings, "a.jsonl", [event()])
    assert ingest(settings, "chat").manifest is None
    assert ingest(settings, "rasa").manifest is None
