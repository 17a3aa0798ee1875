"""Which column of a bot names the user is a setting; what is shown of it is a pseudonym, on both warehouses."""

import json
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from homes import Home
from people_feed import key_of
from search import files_of, found_in

from chat_platform.forget import forget
from chat_platform.privacy.people import person
from chat_platform.rotate import rotate

PHONE, OTHER = "5511987654321", "5521912345678"
NEW_KEY = "another key for tests, 32 chars!"
COLUMNS = {"rasa_user_id": "metadata__phone", "rasa_external_session_id": "metadata__visit"}
START = 1_767_862_800.0


def conversation(sender: str, phone: Any, visit: Any, start: float = START) -> list[dict[str, Any]]:
    metadata = {"phone": phone, "visit": visit}
    said = {"intent": {"name": "greet", "confidence": 0.9}}
    return [
        {"sender_id": sender, "event": "action", "timestamp": start, "name": "action_session_start"},
        {"sender_id": sender, "event": "session_started", "timestamp": start + 0.1, "metadata": metadata},
        {"sender_id": sender, "event": "user", "timestamp": start + 1, "text": "hi", "parse_data": said,
         "metadata": metadata},
        {"sender_id": sender, "event": "bot", "timestamp": start + 2, "text": "hello"},
        {"sender_id": sender, "event": "user", "timestamp": start + 4000, "text": "again", "parse_data": said},
    ]  # fmt: skip


def deliver(home: Home, name: str, events: list[dict[str, Any]]) -> None:
    folder = home.root / "landing" / "rasa"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")


def users(home: Home) -> list[tuple[Any, ...]]:
    return home.query(
        "select conversation_id, user_id, external_session_id from demo_semantic.sessions "
        "where source = 'rasa' order by 1, session_nr"
    )


def published_text(home: Home) -> str:
    return repr(home.dump(("semantic", "kpi")))


@pytest.mark.early
@pytest.mark.parametrize("on_postgres", [pytest.param(False, marks=pytest.mark.long), True])
def test_users_are_shown_by_their_pseudonym(
    new_home: Callable[..., Home], on_postgres: bool, request: pytest.FixtureRequest
) -> None:
    warehouse = {"warehouse": request.getfixturevalue("postgres")} if on_postgres else {}
    home = new_home(sources="rasa", **COLUMNS, **warehouse)
    deliver(home, "a.jsonl", [*conversation("s-1", PHONE, "visit-7"), *conversation("s-2", int(PHONE), "a@b.example")])
    home.publish()
    # As text and as number it is one id, so one user; an id of a session is hidden where it says who somebody is.
    assert users(home) == [
        ("s-1", key_of(PHONE), "visit-7"),
        ("s-2", key_of(PHONE), key_of("a@b.example")),
    ]
    deliver(home, "b.jsonl", [*conversation("s-3", OTHER, "visit-8"), *conversation("s-4", 4.5, None)])
    home.publish()
    assert users(home)[2:] == [("s-3", key_of(OTHER), "visit-8"), ("s-4", key_of("4.5"), None)]
    assert home.value("select count(*) from demo_semantic.users where source = 'rasa'") == 3
    shown = published_text(home)
    assert key_of(OTHER) in shown
    for secret in (PHONE, OTHER, "a@b.example"):
        assert secret not in shown
    if on_postgres:
        schemas_of_readers(warehouse["warehouse"])


def schemas_of_readers(address: str) -> None:
    """Whoever has the rights that operations.md gives readers reads no schema that privacy.md names, and all others."""
    import psycopg2

    docs = Path(__file__).resolve().parents[2] / "docs"
    places = (docs / "privacy.md").read_text(encoding="utf-8").split("## Pseudonyms")[0]
    restricted = {f"demo_{layer}" for layer in re.findall(r"^\| `\{prefix\}_(\w+)`", places, re.MULTILINE)}
    given = (docs / "operations.md").read_text(encoding="utf-8").split("create role reader;")[1].split("```")[0]
    with closing(psycopg2.connect(address)) as server, server.cursor() as cursor:
        cursor.execute("select nspname from pg_namespace where nspname like 'demo%'")
        schemas = {schema for (schema,) in cursor.fetchall()}
        # The role is gone with the transaction.
        cursor.execute("create role reader;" + given)
        cursor.execute(
            "select table_schema, bool_or(has_schema_privilege('reader', table_schema, 'usage') "
            "and has_table_privilege('reader', table_schema || '.' || table_name, 'select')) "
            "from information_schema.tables where table_schema like 'demo%' group by 1"
        )
        readable = {schema for schema, can_read in cursor.fetchall() if can_read}
        server.rollback()
    assert {"demo_event", "demo_staging"} <= restricted <= schemas
    assert readable == schemas - restricted


@pytest.mark.long
def test_a_change_of_the_rules_builds_everything_anew(new_home: Callable[..., Home]) -> None:
    home = new_home(sources="rasa")
    deliver(home, "a.jsonl", conversation("s-1", PHONE, "visit-7"))
    home.publish()
    assert users(home) == [("s-1", "s-1", "s-1")]
    told = Home(home.root, sources="rasa", **COLUMNS, rasa_session_gap_minutes=60, rasa_happy="greet")
    deliver(told, "b.jsonl", [*conversation("s-2", OTHER, "visit-8"), *conversation("s-3", 4.5, "a@b.example")])
    told.publish()
    # Also the conversation that the new load says nothing of. The gap cuts off the second message, which names nobody.
    assert users(told) == [
        ("s-1", key_of(PHONE), "visit-7"), ("s-1", None, None),
        ("s-2", key_of(OTHER), "visit-8"), ("s-2", None, None),
        ("s-3", key_of("4.5"), key_of("a@b.example")), ("s-3", None, None),
    ]  # fmt: skip
    outcomes = "select distinct outcome from demo_semantic.sessions where source = 'rasa'"
    assert told.query(outcomes) == [("resolved",)]
    versions = "select count(distinct code_version) from demo_ops.partition_ledger where source = 'rasa'"
    assert told.value(versions) == 1
    shown = published_text(told)
    assert key_of(OTHER) in shown
    for secret in (PHONE, OTHER, "a@b.example"):
        assert secret not in shown


@pytest.mark.long
def test_rotating_and_forgetting_reach_them(new_home: Callable[..., Home]) -> None:
    home = new_home(sources="rasa", **COLUMNS)
    deliver(home, "a.jsonl", [*conversation("s-1", PHONE, "visit-7"), *conversation("s-2", OTHER, "b@b.example")])
    deliver(home, "b.jsonl", [*conversation("s-3", int(PHONE), 77), *conversation("s-4", 500, 78)])
    home.publish()
    rotated = Home(
        home.root, **{**home.overrides, "pseudonym_key": NEW_KEY, "pseudonym_keys_before": (home_key(home),)}
    )
    rotate(rotated.settings, lambda _: None)
    others = [
        ("s-2", key_of(key_of(OTHER), NEW_KEY), key_of(key_of("b@b.example"), NEW_KEY)),
        ("s-4", key_of(key_of("500"), NEW_KEY), "78"),
    ]
    theirs = key_of(key_of(PHONE), NEW_KEY)
    assert users(rotated) == [("s-1", theirs, "visit-7"), others[0], ("s-3", theirs, "77"), others[1]]
    wanted = (PHONE, key_of(PHONE), theirs)
    assert set(found_in(files_of(rotated), wanted)) >= {wanted[0], wanted[2]}
    active = "select sum(value) from demo_kpi.daily where kpi = 'active_users_day'"
    before = rotated.value(active)
    assert before is not None

    def left() -> list[tuple[Any, ...]]:
        """What stands of the two conversations; the other ones are as they were."""
        found = users(rotated)
        assert [row for row in found if row[0] in {"s-2", "s-4"}] == [row for row in others if row in found]
        assert rotated.value(active) == before
        return [row for row in found if row[0] not in {"s-2", "s-4"}]

    forget(rotated.settings, person(PHONE), told=lambda _: None)
    assert found_in(files_of(rotated), wanted) == {}
    # Both conversations are of one user still: the number named them as the text did.
    (first, user, visit), (second, again, other_visit) = left()
    assert user == again != theirs
    assert user not in {None, others[0][1], others[1][1]}
    assert not {first, second} & {"s-1", "s-3"}
    assert len({visit, other_visit, "visit-7", "77"}) == 4
    assert None not in {visit, other_visit}
    # Removed by the sender: their other id is a number and stays one user.
    forget(rotated.settings, person("s-4"), told=lambda _: None)
    assert len({user for _, user, _ in left()} - {None}) == 2


def home_key(home: Home) -> str:
    return home.settings.keys[0]
