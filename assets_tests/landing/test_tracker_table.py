"""The table of a tracker store in Postgres: every row counts once and has its place, whatever order the transactions
end in, and however the rows are shared out over runs and lines.
"""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import duckdb
import psycopg2
import pytest

from chat_platform.errors import LandingError, SettingsError
from chat_platform.lake.ingest import ingest
from chat_platform.landing.tracker_table import collect
from chat_platform.settings import Settings, load_settings


@pytest.fixture
def store(postgres: str) -> Iterator[Callable[[], Any]]:
    """Connections to a store with the table of Rasa."""
    connections = []

    def connect() -> Any:
        connections.append(psycopg2.connect(postgres))
        return connections[-1]

    with closing(psycopg2.connect(postgres)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "create table events (id serial primary key, sender_id varchar(255) not null, type_name varchar(255), "
            "timestamp float, intent_name varchar(255), action_name varchar(255), data text)"
        )
    yield connect
    for connection in connections:
        connection.close()


@pytest.fixture
def reading(make_settings: Callable[..., Settings], postgres: str) -> Settings:
    return make_settings(rasa_tracker_store=postgres)


def add(connection: Any, *rows: tuple[str, str]) -> None:
    with connection.cursor() as cursor:
        for sender, data in rows:
            try:
                seconds = json.loads(data).get("timestamp")
            except ValueError:
                seconds = None
            row = (sender, seconds, data)
            cursor.execute("insert into events (sender_id, timestamp, data) values (%s, %s, %s)", row)


def event(number: int) -> str:
    return json.dumps({"event": "user", "timestamp": 1767600000.0 + number, "text": f"olá {number}"})


def trackers(settings: Settings) -> list[tuple[str, str, list[Any]]]:
    """File, sender and events of everything that was written."""
    found = []
    for path in sorted((settings.landing / "rasa" / "tracker_store").glob("*.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            tracker = json.loads(line)
            found.append((path.name, tracker["sender_id"], tracker["events"]))
    return found


def numbers(settings: Settings) -> list[int]:
    return [round(item["timestamp"] - 1767600000) for _, _, events in trackers(settings) for item in events]


def said(seconds: float, text: str) -> str:
    return json.dumps({"event": "user", "timestamp": 1767600000.0 + seconds, "text": text})


def ordered(settings: Settings, sender: str) -> list[tuple[str, float]]:
    """What was said and the time it is ordered by, in the order of the sender, each event as often as it counts (rasa
    spec, section 5): the greatest count of any delivery, and of the copies the one that knows most.
    """
    with closing(duckdb.connect()) as connection:
        found = connection.execute(
            "select load_id, source_file, byte_offset, order_time, position, content_hash, data "
            "from read_parquet($1) where sender_id = $2 order by load_sequence, source_file, byte_offset, position",
            [f"{settings.lake}/rasa/*/*.parquet", sender],
        ).fetchall()
    seen: Counter[tuple[Any, ...]] = Counter()
    chosen: dict[tuple[str, int], tuple[float, int, str, str]] = {}
    for load, file, offset, order_time, position, content, data in found:
        seen[load, file, offset, content] += 1
        event = (content, seen[load, file, offset, content])
        copy = (order_time, position, content, json.loads(data)["text"])
        chosen[event] = min(chosen.get(event, copy), copy, key=lambda item: (-item[0], item[1]))
    return [(text[:9], order_time - 1767600000) for order_time, _, _, text in sorted(chosen.values())]


def test_new_rows_become_a_file_of_trackers(store: Callable[[], Any], reading: Settings) -> None:
    assert collect(reading) is None
    connection = store()
    add(
        connection, ("ana", event(1)), ("rui", event(2)), ("ana", event(3)), ("o'x\"", '{"a":\n 1}'), ("bad", "no json")
    )
    connection.commit()
    path = collect(reading)
    assert path is not None
    assert [(sender, len(events)) for _, sender, events in trackers(reading)] == [
        ("ana", 2), ("rui", 1), ('o\'x"', 1), ("bad", 1),
    ]  # fmt: skip
    assert trackers(reading)[0][2][1]["text"] == "olá 3"
    assert collect(reading) is None
    add(connection, ("ana", event(4)))
    connection.commit()
    assert collect(reading) not in {None, path}
    assert trackers(reading)[-1][2] == [json.loads(event(4))]
    manifest = ingest(reading, "rasa").manifest
    assert manifest is not None
    assert (manifest.lines_read, manifest.typed, manifest.rejected) == (6, 4, 2)


def test_rows_that_are_committed_late_are_not_lost(store: Callable[[], Any], reading: Settings) -> None:
    slow, quick, gone = store(), store(), store()
    add(quick, ("ana", event(1)))
    quick.commit()
    add(slow, ("rui", event(2)), ("rui", event(3)))
    add(gone, ("eva", event(99)))
    add(quick, ("ana", event(4)))
    quick.commit()
    gone.rollback()
    collect(reading)
    assert numbers(reading) == [1, 4]
    collect(reading)
    assert numbers(reading) == [1, 4]
    slow.commit()
    add(quick, ("ana", event(5)))
    quick.commit()
    collect(reading)
    assert sorted(numbers(reading)) == [1, 2, 3, 4, 5]
    assert collect(reading) is None, "each row comes once"


def test_killed_before_it_noted_what_it_read_it_reads_the_same_again(
    store: Callable[[], Any], reading: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = store()
    add(connection, ("ana", event(1)))
    connection.commit()
    with monkeypatch.context() as patched:
        patched.setattr("chat_platform.landing.tracker_table._put", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            collect(reading)
    add(connection, ("ana", event(2)))
    connection.commit()
    collect(reading)
    assert numbers(reading) == [1, 2]


def test_the_order_of_a_store_does_not_depend_on_when_it_is_read(store: Callable[[], Any], reading: Settings) -> None:
    connection = store()
    runs = [
        [*(("m", said(0, text)) for text in ("m1", "m2", "m3")), ("n", said(10, "n1")), ("n", said(11, "n2"))],
        [("m", said(0, "m4")), ("n", said(5, "n3")), ("q", said(1, "q")), ("q", said(2, "r")), ("q", said(9e9, "s"))],
        # The same row again counts again; what is refused moves nothing.
        [("q", said(1, "q")), ("q", said(3, "t"))],
    ]
    for rows in runs:
        add(connection, *rows)
        connection.commit()
        collect(reading)
        ingest(reading, "rasa")
    expected = {
        "m": [("m1", 0), ("m2", 0), ("m3", 0), ("m4", 0)],
        "n": [("n1", 10), ("n2", 11), ("n3", 11)],
        "q": [("q", 1), ("r", 2), ("q", 2), ("t", 3)],
    }
    assert {sender: ordered(reading, sender) for sender in expected} == expected
    # Read anew from its beginning, nothing is there twice.
    (reading.landing / "rasa" / "tracker_store").rename(reading.landing / "rasa" / "before")
    collect(reading)
    assert ingest(reading, "rasa").manifest is not None
    assert {sender: ordered(reading, sender) for sender in expected} == expected


def test_a_row_that_is_committed_late_takes_its_place(store: Callable[[], Any], reading: Settings) -> None:
    slow, quick = store(), store()
    add(quick, ("ana", said(1, "a")))
    quick.commit()
    add(slow, ("ana", said(8, "b")), ("ana", said(2, "c")))
    add(quick, ("ana", said(2, "c")), ("ana", said(3, "d")), ("rui", said(3, "r")))
    quick.commit()
    collect(reading)
    ingest(reading, "rasa")
    slow.commit()
    collect(reading)
    ingest(reading, "rasa")
    assert ordered(reading, "ana") == [("a", 1), ("b", 8), ("c", 8), ("c", 8), ("d", 8)]
    assert len([sender for _, sender, _ in trackers(reading) if sender == "rui"]) == 1


def test_the_order_of_a_large_tracker_goes_on_over_its_lines(store: Callable[[], Any], reading: Settings) -> None:
    connection = store()
    filler = "x" * 10**6
    times = [0, 30, 5, 7, 5, 5, 40, *range(8, 21), 5]
    # Four of them are the same text at the same time, far from each other.
    texts = [("same" if seconds == 5 else f"t{number}").ljust(9) for number, seconds in enumerate(times)]
    add(connection, *(("ana", said(seconds, text + filler)) for seconds, text in zip(times, texts, strict=True)))
    connection.commit()
    collect(reading)
    assert len(trackers(reading)) == 3
    ingest(reading, "rasa")
    greatest = [max(times[: number + 1]) for number in range(len(times))]
    assert ordered(reading, "ana") == list(zip(texts, greatest, strict=True))


def test_a_large_tracker_is_cut_into_lines_that_are_taken(store: Callable[[], Any], reading: Settings) -> None:
    connection = store()
    for number in range(20):
        add(connection, ("ana", json.dumps({"event": "user", "timestamp": 1767600000.0 + number, "text": "x" * 10**6})))
    connection.commit()
    collect(reading)
    assert numbers(reading) == list(range(20))
    manifest = ingest(reading, "rasa").manifest
    assert manifest is not None
    assert (manifest.typed, manifest.rejected) == (20, 0)


def test_a_store_that_was_emptied_is_told(store: Callable[[], Any], reading: Settings) -> None:
    connection = store()
    add(connection, ("ana", event(1)), ("ana", event(2)))
    connection.commit()
    collect(reading)
    with connection.cursor() as cursor:
        cursor.execute("truncate events restart identity")
    add(connection, ("ana", event(3)))
    connection.commit()
    with pytest.raises(LandingError, match="up to 1, and ids up to 2 were read before"):
        collect(reading)


def test_a_store_that_cannot_be_reached_is_told_without_its_password(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(rasa_tracker_store="postgresql://bot:hush@127.0.0.1:1/rasa")
    with pytest.raises(LandingError, match="RASA_TRACKER_STORE cannot be read: no server answers") as error:
        collect(settings)
    assert "hush" not in str(error.value) + repr(settings)
    with pytest.raises(SettingsError, match=r"RASA_TRACKER_STORE: got \(hidden\)"):
        load_settings({"CHAT_PLATFORM_RASA_TRACKER_STORE": "bot.db"})
