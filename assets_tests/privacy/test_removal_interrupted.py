"""A removal that is killed, a rotation of keys, Postgres: the same end every time."""

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from homes import TEST_KEY, Home
from people_feed import KEYS, NATIONAL, NUMBER, SENDER, SPELLINGS, WORDS, WRITTEN, key_of
from search import files_of, found_in

from chat_platform import forget as removing
from chat_platform.errors import SettingsError
from chat_platform.forget import forget
from chat_platform.privacy import removal, tombstones
from chat_platform.privacy.people import person
from chat_platform.rotate import rotate

WANTED = (*SPELLINGS[:4], *KEYS[:3], *WORDS)
LAYERS = ("chat", "event", "voice", "semantic", "kpi")
NEW_KEY = "another key for tests, 32 chars!"


class KilledError(Exception):
    """The end of the process, as far as the code can tell."""


def remove(home: Home) -> None:
    forget(home.settings, person(WRITTEN), told=lambda _: None)


def shapes(home: Home) -> dict[str, int]:
    return {table: len(rows) for table, rows in home.dump(LAYERS).items()}


@pytest.mark.long
@pytest.mark.parametrize(
    ("module", "name", "call"),
    [
        (removal, "_flush", 3),
        (tombstones, "put_tombstone", 1),
        (removing, "swap_files", 1),
        (Path, "replace", 4),
        (removing.chat, "backfill", 1),
        (removing.rasa, "unpack_again", 1),
        (removing.voice, "backfill", 1),
        (removing, "rebuild_models", 1),
        (removing, "compact", 1),
        (removing, "publish_snapshot", 1),
    ],
)
@pytest.mark.parametrize("after", [False, True])
def test_killed_and_called_again(
    people: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, call: int, after: bool
) -> None:
    home = people.copy_to(tmp_path / "home")
    shape = shapes(home)
    real, calls = getattr(module, name), [0]

    def killed(*arguments: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] != call:
            return real(*arguments, **named)
        if after:
            real(*arguments, **named)
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(module, name, killed)
        if module is tombstones:
            patched.setattr(removal.tombstones, name, killed)
        with pytest.raises(KilledError):
            remove(home)
    assert calls[0] == call
    # Half of the files may have been put in place: a run in between finishes that, or finds nothing begun.
    home.publish()
    assert shapes(home) == shape
    remove(home)
    assert found_in(files_of(home), WANTED) == {}
    assert shapes(home) == shape
    assert not list(home.root.rglob("*forgetting*"))
    assert all(item.plan is None for item in tombstones.read_tombstones(home.settings.lake))


def links(home: Home) -> list[tuple[Any, ...]]:
    """What hangs on who is who: users, conversations and earlier calls, without their names."""
    return [
        *home.query("select count(distinct user_id), count(user_id) from demo_chat.chat_sessions"),
        *home.query("select count(distinct sender_key), count(*) from demo_event.event"),
        *home.query(
            "select again.call_id, before.call_id from demo_voice.calls as again join demo_voice.calls as before "
            "on again.phone_key = before.phone_key and again.started_at > before.started_at order by 1, 2"
        ),
        *home.query("select source, conversations_count, interactions_count from demo_semantic.users order by 1, 2, 3"),
    ]


@pytest.mark.long
def test_a_new_key_breaks_no_link(people: Home, tmp_path: Path) -> None:
    from people_feed import call, lines

    home = people.copy_to(tmp_path / "home")
    before = links(home)
    with pytest.raises(SettingsError, match=r"not the key that earlier loads were made with.*rotate"):
        home.overrides = {"pseudonym_key": NEW_KEY}
        (home.root / "landing" / "voice" / "x.jsonl").write_bytes(b"{}\n")
        removing.ingest(home.settings, "voice")
    (home.root / "landing" / "voice" / "x.jsonl").unlink()
    home.overrides = {"pseudonym_key": NEW_KEY, "pseudonym_keys_before": [TEST_KEY]}
    with pytest.raises(SettingsError, match="chat-platform rotate"):
        removing.chat.publish(home.settings, lambda _: None, "run")  # type: ignore[arg-type, return-value]

    assert rotate(home.settings, lambda _: None) == 2

    assert links(home) == before
    moved = {given: key_of(key_of(given), NEW_KEY) for given in (NUMBER, SENDER, NATIONAL)}
    readable = [home.root / "warehouse.duckdb", home.root / "warehouse.duckdb.working"]
    # The thread of one message has the number for an id; ids of threads stay under the first key.
    assert set(found_in(readable, KEYS)) == {key_of(NUMBER)}
    assert home.query(f"select 1 from demo_chat.chat_sessions where user_id = '{key_of(NUMBER)}'") == []
    assert set(found_in(readable, moved.values())) == set(moved.values())
    assert home.query("select distinct key_version from demo_voice.calls where phone_key is not null") == [(2,)]
    rotate(home.settings, lambda _: None)
    assert links(home) == before

    # A call after the rotation is one of the same person.
    again = call("0b0f2d52-0005-4000-8000-000000000005", "(11) 98765 4321", 1762128000 + 86400)
    (home.root / "landing" / "voice" / "again.jsonl").write_bytes(lines(again))
    home.publish()
    assert len(links(home)) == len(before) + 2
    assert home.query("select distinct key_version from demo_voice.calls where phone_key is not null") == [(2,)]

    home.overrides = {"pseudonym_key": TEST_KEY}
    with pytest.raises(SettingsError, match="not the keys that the warehouse was filled with"):
        removing.chat.publish(home.settings, lambda _: None, "run")  # type: ignore[arg-type, return-value]
    # Whoever was removed under the new key is kept out by what the old one said.
    home.overrides = {"pseudonym_key": NEW_KEY, "pseudonym_keys_before": [TEST_KEY]}
    remove(home)
    assert found_in(files_of(home), [*WANTED, *moved.values()]) == {}


def rows_of_server(address: str) -> str:
    """Everything that a Postgres database would tell: tables, views, statistics."""
    import psycopg2

    found = []
    with closing(psycopg2.connect(address)) as server, server.cursor() as cursor:
        cursor.execute(
            "select format('%I.%I', table_schema, table_name) from information_schema.tables "
            "where table_schema like 'demo%'"
        )
        names = [name for (name,) in cursor.fetchall()]
        assert len(names) > 40
        for name in [*names, "pg_stats"]:
            cursor.execute(f"select * from {name}")
            found.append(repr(cursor.fetchall()))
    return "\n".join(found)


@pytest.mark.long
def test_on_postgres(new_home: Callable[..., Home], postgres: str, tmp_path: Path) -> None:
    from people_feed import deliver

    home = new_home(warehouse=postgres, sources="chat,rasa,voice")
    deliver(home)
    home.publish()
    text = rows_of_server(postgres)
    assert [wanted for wanted in (*KEYS[:3], WORDS[3], WORDS[0]) if wanted not in text] == []
    shape, before = shapes(home), links(home)
    saved = tmp_path / "saved"
    shutil.copytree(home.root / "landing", saved)

    remove(home)

    text = rows_of_server(postgres)
    assert [wanted for wanted in WANTED if wanted in text] == []
    assert found_in(files_of(home), WANTED) == {}
    assert (shapes(home), links(home)) == (shape, before)
    for path in sorted(saved.rglob("*.*")):
        shutil.copyfile(path, home.root / "landing" / path.relative_to(saved).parent / f"again-{path.name}")
    home.publish()
    text = rows_of_server(postgres)
    assert [wanted for wanted in WANTED if wanted in text] == []
    assert shapes(home)["voice.events"] == shape["voice.events"]

    before = links(home)
    rotated = Home(home.root, **{**home.overrides, "pseudonym_key": NEW_KEY,
                                            "pseudonym_keys_before": [TEST_KEY]})  # fmt: skip
    rotate(rotated.settings, lambda _: None)
    assert links(rotated) == before
