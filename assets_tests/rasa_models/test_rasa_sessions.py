"""Sessions and interactions of the models against the rules in plain Python, on a real tracker and thousands more."""

import json
import random
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from homes import SHARED
from rasa_feed import conversation, deliveries
from rasa_reference import Delivery, Event, in_order, sessions
from rasa_warehouse import RasaWarehouse

REAL = "2888158124550630_tracker.jsonl"
LITERAL = [31, 2, 14, 1, 10, 16, 1, 0, 7, 8]
LITERAL_WITH_GAP = [8, 8, 10, 5, 2, 14, 1, 9, 1, 9, 7, 1, 0, 7, 8]
SESSIONS = [31, 2, 14, 1, 10, 16, 1, 7, 8]
SESSIONS_WITH_GAP = [8, 8, 10, 5, 2, 14, 1, 9, 1, 9, 7, 1, 7, 8]
WITHOUT_UNDONE = [31, 2, 14, 1, 10, 16, 1, 5, 6]


def real_tracker(shared: Path) -> list[Event]:
    path = shared / "real" / "rasa" / REAL
    if not path.is_file():
        pytest.skip(f"{path} is missing: real input lies beside the checkout, not in it")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def delivered(events: list[Event]) -> Delivery:
    return Delivery("real", tuple(events), is_tracker=False, name="real")


@pytest.mark.parametrize(
    ("gap", "literal", "expected"),
    [
        (None, True, LITERAL),
        (60, True, LITERAL_WITH_GAP),
        (None, False, SESSIONS),
        (60, False, SESSIONS_WITH_GAP),
    ],
)
def test_the_rules_in_python_give_the_lists_of_the_real_tracker(
    shared: Path, gap: float | None, literal: bool, expected: list[int]
) -> None:
    (events,) = in_order([delivered(real_tracker(shared))]).values()
    assert len(events) == 666
    found = sessions(events, gap, literal=literal)
    assert [session.user_messages for session in found] == expected
    if gap is None:
        assert sum(len(session.interactions) for session in found) == (100 if literal else 99)
        assert sum(len(session.undone) for session in found) == 4


def test_trackers_that_are_cut_off_leave_the_order_as_it_was() -> None:
    """Beginnings, ends and windows of a tracker, in whatever order they come."""
    rng = random.Random(7)
    for number in range(300):
        events = conversation(rng, f"s{number}")
        # where an instant of the whole tracker begins
        latest = list(accumulate((event["timestamp"] for event in events), max))
        edges = [place for place in range(1, len(events)) if latest[place] > latest[place - 1]]
        edge = rng.choice([0, *edges])
        parts = rng.choice(
            [
                [(0, len(events)), (0, rng.randrange(1, len(events) + 1)), (rng.randrange(len(events)), len(events))],
                # nothing holds the whole; each instant stands whole in one of two windows that overlap
                [(0, edge), (rng.randrange(edge + 1), len(events))],
            ]
        )
        if latest != [event["timestamp"] for event in events] and parts[0][1] != len(events):
            continue
        given = [Delivery("load", tuple(events[a:b]), is_tracker=True, name=f"{a}-{b}") for a, b in parts]
        rng.shuffle(given)
        (found,) = in_order(given).values()
        assert [event | {"order_time": time} for event, time in zip(events, latest, strict=True)] == found


def assert_agrees(warehouse: RasaWarehouse, prefix: str, given: Iterable[Delivery], gap: float | None) -> int:
    """Every session, interaction and user message is where the rules put it; the number of senders."""
    found: dict[str, Any] = defaultdict(lambda: ([], [], {}))
    for sender, *row in warehouse.execute(
        "select conversation_id, interactions_count, undone_count, is_bounced, session_nr "
        f"from {prefix}_semantic.sessions where source = 'rasa' order by conversation_id, session_nr"
    ):
        found[sender][0].append(tuple(row))
    for sender, *row in warehouse.execute(
        "select conversation_id, session_nr, interaction_nr, reverse_interaction_nr, is_undone "
        f"from {prefix}_semantic.interactions where source = 'rasa' "
        "order by conversation_id, session_nr, interaction_nr"
    ):
        found[sender][1].append(tuple(row))
    for sender, message, *row in warehouse.execute(
        "select conversation_id, message_id, session_nr, interaction_nr, is_undone "
        f"from {prefix}_semantic.user_messages where source = 'rasa'"
    ):
        assert message not in found[sender][2]
        found[sender][2][message] = tuple(row)
    senders = in_order(given)
    assert set(found) == set(senders)
    for sender, events in senders.items():
        expected: tuple[Any, ...] = ([], [], {})
        for number, session in enumerate(sessions(events, gap), start=1):
            messages = session.user_messages
            expected[0].append((messages, len(session.undone), messages == 0, number))
            places = sorted(session.interactions)
            for left, place in zip(range(len(places), 0, -1), places, strict=True):
                expected[1].append((number, place, left, place in session.undone))
                for event in session.interactions[place]:
                    if event["event"] == "user":
                        expected[2][event["message_id"]] = (number, place, place in session.undone)
        assert found[sender] == expected, sender
    return len(senders)


# A number, an address and a CPF in every name that an event has; names that differ in nothing else.
PHONES, ADDRESS, CPF = ("11968322333", "11968322334"), "ana@example.com", "529.982.247-25"


def telling() -> Delivery:
    """A conversation whose names tell what must not be published, among names that tell nothing."""
    first, other = PHONES
    metadata = {"model_id": f"model of {ADDRESS}", "rasa_environment": f"test {CPF}"}
    kinds: list[Event] = [
        {"event": "action", "name": "action_session_start", "policy": f"policy_{first}"},
        {"event": "user", "text": f"call {first}", "input_channel": f"rest/{ADDRESS}",
         "parse_data": {"intent": {"name": f"inform_{first}"}}, "message_id": "telling-1"},
        {"event": "active_loop", "name": f"form_{first}"},
        {"event": "slot", "name": "requested_slot", "value": f"slot_{first}"},
        {"event": "bot", "text": CPF, "metadata": metadata | {"utter_action": f"utter_ask_{first}"}},
        {"event": "slot", "name": f"slot_{other}", "value": "one"},
        {"event": "slot", "name": f"slot_{first}", "value": f"two {ADDRESS}"},
        {"event": "active_loop", "name": f"form_{other}"},
        {"event": "action", "name": f"utter_ask_{first}", "policy": "RulePolicy"},
        {"event": "action", "name": "utter_greet2", "policy": "RulePolicy"},
        {"event": "flow_started", "flow_id": f"flow_{CPF}"},
        {"event": "user", "text": "bye", "input_channel": "rest", "parse_data": {"intent": {"name": "thankyou"}},
         "message_id": "telling-2", "metadata": {"model_id": "20260105-101500-brisk-bird"}},
    ]  # fmt: skip
    events = (
        {"sender_id": "telling", "timestamp": 1_690_000_000.0 + number, "metadata": metadata, **event}
        for number, event in enumerate(kinds)
    )
    return Delivery("load-0", tuple(events), is_tracker=False, name="telling")


def backwards() -> Delivery:
    """A tracker whose clock is set back a minute, twice within an answer and once between sessions."""
    kinds: list[tuple[float, Event]] = [
        (100, {"event": "action", "name": "action_session_start"}),
        (110, {"event": "user", "text": "1", "parse_data": {"intent": {"name": "greet", "confidence": 1.0000001192}}}),
        (105, {"event": "bot", "text": "early"}),
        (113, {"event": "bot", "text": "in time"}),
        (115, {"event": "bot", "text": "more"}),
        (120, {"event": "user", "text": "2", "parse_data": {"intent": {"name": "greet", "confidence": -1e-9}}}),
        (60, {"event": "bot", "text": "long ago"}),
        (50, {"event": "action", "name": "action_session_start"}),
        (60, {"event": "user", "text": "3", "parse_data": {"intent": {"name": "greet", "confidence": 1.2}}}),
        (62, {"event": "bot", "text": "hello"}),
    ]
    events = (
        {"sender_id": "backwards", "timestamp": 1_690_100_000.0 + second, "message_id": f"back-{number}", **event}
        for number, (second, event) in enumerate(kinds)
    )
    return Delivery("load-0", tuple(events), is_tracker=True, name="backwards")


@pytest.fixture(scope="module")
def feed() -> list[Delivery]:
    """Made-up conversations, and the real tracker where it is there."""
    made = [*deliveries(random.Random(20), senders=2000, loads=4), telling(), backwards()]
    if (SHARED / "real" / "rasa" / REAL).is_file():
        made.append(delivered(real_tracker(SHARED)))
    return made


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory, feed: list[Delivery]) -> RasaWarehouse:
    made = RasaWarehouse(tmp_path_factory.mktemp("rasa"))
    made.fill("acme", feed)
    # what is of no complete load must not be seen
    made.fill("acme", deliveries(random.Random(21), senders=30, loads=1, load="unfinished"))
    made.complete("acme", *{delivery.load for delivery in feed})
    made.run("build", prefix="acme")
    return made


def lists(warehouse: RasaWarehouse, prefix: str) -> tuple[list[int], list[int]]:
    rows = warehouse.execute(
        f"select interactions_count, undone_count from {prefix}_semantic.sessions "
        "where source = 'rasa' and conversation_id = '2888158124550630' order by session_nr"
    )
    return [count for count, _ in rows], [count - undone for count, undone in rows]


def test_the_models_give_the_lists_of_the_real_tracker(warehouse: RasaWarehouse, shared: Path) -> None:
    assert real_tracker(shared)
    assert lists(warehouse, "acme") == (SESSIONS, WITHOUT_UNDONE)
    of_tracker = "where conversation_id = '2888158124550630'"
    assert warehouse.execute(
        f"select count(*), sum(default_fallback_count) from acme_semantic.interactions {of_tracker}"
    ) == [(99, 4)]
    assert warehouse.execute(f"select count(*), count(utter_action) from acme_semantic.bot_messages {of_tracker}") == [
        (123, 11)
    ]
    assert warehouse.execute(f"select count(*) from acme_semantic.slots {of_tracker}") == [(178,)]
    assert warehouse.execute(f"select count(*) from acme_semantic.story_actions {of_tracker}") == [(229,)]


def test_the_models_agree_with_the_rules_in_python(warehouse: RasaWarehouse, feed: list[Delivery]) -> None:
    assert assert_agrees(warehouse, "acme", feed, None) >= 2000


def test_names_tell_nobodys_number_or_address(warehouse: RasaWarehouse) -> None:
    published = repr(warehouse.dump("acme"))
    assert "form_[number] / slot_[number]" in published, "KPIs by form and slot"
    for secret in (*PHONES, ADDRESS, CPF):
        assert secret not in published, secret
    of_table = "from acme_semantic.{} where conversation_id = 'telling'"
    actions = warehouse.execute(f"select action_name, policy {of_table.format('story_actions')} order by step_index")
    assert actions == [
        ("action_session_start", "policy_[number]"), ("utter_ask_[number]", "RulePolicy"),
        ("utter_greet2", "RulePolicy"),
    ]  # fmt: skip
    messages = warehouse.execute(
        "select intent_name, input_channel, model_id, environment "
        f"{of_table.format('user_messages')} order by message_id"
    )
    assert messages[0] == ("inform_[number]", "rest/[email]", "model of [email]", "test [number]")
    assert messages[1][:3] == ("thankyou", "rest", "20260105-101500-brisk-bird"), "as Rasa names a model"
    # Names that are masked alike stay two: the slot that was asked for is filled by its own value, in its own form.
    asked, other, filled = warehouse.execute(
        "select name, slot_name_normalised, value, active_form, active_form_nr, id, next_fill_id "
        f'{of_table.format("slots")} order by "timestamp"'
    )
    assert asked[1] == other[0] == filled[0] == filled[1] == "slot_[number]"
    assert asked[-1] == filled[-2]
    assert (filled[2], filled[3]) == ("two [email]", "form_[number]")
    assert warehouse.execute(f"select forms_activated, outcome {of_table.format('sessions')}") == [(2, "resolved")]


def test_users_and_sessions_agree_on_the_first_and_the_last(warehouse: RasaWarehouse) -> None:
    """A user is a sender here: first and last are those of the conversation, in its own order, one is new."""
    rows = warehouse.execute(
        """
        select
            conversations.first_session_id, users.first_session_id, conversations.last_session_id,
            users.last_session_id, conversations.first_seen, users.first_seen, conversations.last_seen, users.last_seen,
            conversations.sessions_count, users.sessions_count
        from acme_semantic.conversations full join acme_semantic.users using (source, user_id)
        """
    )
    assert len(rows) > 2000
    for row in rows:
        assert row[::2] == row[1::2]
    assert warehouse.execute(
        "select distinct is_returning_user = (session_nr > 1) from acme_semantic.sessions where source = 'rasa'"
    ) == [(True,)]
    (ties,) = warehouse.execute(
        "select count(*) from (select conversation_id from acme_semantic.sessions group by conversation_id, "
        "start_timestamp having count(*) > 1)"
    )
    assert ties > (50,), "sessions of one instant are among them"


def test_a_tracker_whose_clock_runs_back(warehouse: RasaWarehouse) -> None:
    """Seconds from question to first bot message that is no earlier: 3 and 2; none where the clock was set back."""
    of_tracker = "where conversation_id = 'backwards'"
    assert warehouse.execute(
        f"select session_nr, is_returning_user from acme_semantic.sessions {of_tracker} order by session_nr"
    ) == [(1, False), (2, True)]
    assert warehouse.execute(
        "select session_nr, interaction_nr, answer_time_ms, last_answer_time_ms, has_response "
        f"from acme_semantic.interactions {of_tracker} order by session_nr, interaction_nr"
    ) == [
        (1, 0, None, None, False), (1, 1, 3000, 5000, True), (1, 2, None, None, True), (2, 0, None, None, False),
        (2, 1, 2000, 2000, True),
    ]  # fmt: skip


def test_a_confidence_that_is_one_but_for_rounding_is_one(warehouse: RasaWarehouse) -> None:
    """As single floats give it; 1.2 is none."""
    assert warehouse.execute(
        "select intent_confidence from acme_semantic.user_messages where conversation_id = 'backwards' order by text"
    ) == [(Decimal(1),), (Decimal(0),), (None,)]


@pytest.mark.long
def test_the_models_agree_with_the_rules_in_python_with_a_gap(
    warehouse: RasaWarehouse, feed: list[Delivery], shared: Path
) -> None:
    before = warehouse.dump("acme")
    warehouse.run("build", "--full-refresh", prefix="acme", session_gap_minutes=60, dest_schema_prefix="gap")
    assert real_tracker(shared)
    assert lists(warehouse, "gap")[0] == SESSIONS_WITH_GAP
    assert assert_agrees(warehouse, "gap", feed, 60) >= 2000
    assert warehouse.dump("acme") == before
