"""The table of a tracker store in Postgres: every row comes once, whatever order the transactions end in."""

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

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
        cursor.executemany("insert into events (sender_id, data) values (%s, %s)", rows)


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
