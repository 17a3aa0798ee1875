"""Semantic tables, the questions that people ask, and KPIs, on conversations that can be counted by hand."""

import datetime
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from homes import compiled_models, each_with_each
from rasa_reference import Delivery, Event
from rasa_warehouse import RasaWarehouse

from chat_platform.dbt.project import dbt_environment
from chat_platform.settings import load_settings

MONDAY = 1_767_571_200  # 2026-01-05 00:00 UTC


class Talk:
    """Events of one sender, one second apart."""

    def __init__(self, sender: str, start: float, environment: str | None = "production") -> None:
        self.sender, self.now, self.environment = sender, start, environment
        self.events: list[Event] = []

    def add(self, kind: str, **fields: Any) -> "Talk":
        metadata = {"model_id": "m1"} | ({"rasa_environment": self.environment} if self.environment else {})
        metadata |= fields.pop("metadata", {})
        self.events.append(
            {"sender_id": self.sender, "event": kind, "timestamp": self.now, "metadata": metadata, **fields}
        )
        self.now += 1
        return self

    def start(self) -> "Talk":
        return self.add("action", name="action_session_start", policy=None, confidence=1.0).add("session_started")

    def user(self, intent: str, text: str, confidence: float = 0.9) -> "Talk":
        return self.add(
            "user", text=text, parse_data={"intent": {"name": intent, "confidence": confidence}},
            input_channel="rest", message_id=f"{self.sender}-{len(self.events)}",
        )  # fmt: skip

    def action(self, name: str) -> "Talk":
        return self.add("action", name=name, policy="RulePolicy", confidence=1.0)

    def bot(self, text: str, utter: str | None = None) -> "Talk":
        return self.add("bot", text=text, metadata={"utter_action": utter} if utter else {})

    def slot(self, name: str, value: Any) -> "Talk":
        return self.add("slot", name=name, value=value)

    def form(self, name: str | None) -> "Talk":
        return self.add("active_loop", name=name)


def talks() -> list[Talk]:
    # frustrated, then handed over; a form on the way
    anna = Talk("anna", MONDAY + 3600).start().bot("Hello", "utter_greet")
    anna.user("view_bill_details", "show my bill").form("bill_form").slot("requested_slot", "month")
    anna.bot("Which month?", "utter_ask_month")
    anna.user("inform", "the one to ana@example.com", 0.4).action("action_default_fallback").bot("Sorry?")
    anna.slot("requested_slot", "month").bot("Which month?", "utter_ask_month")
    anna.user("inform", "May").slot("month", "May").slot("requested_slot", None).form(None)
    anna.user("react_frustrated", "call me on +55 11 91234-5678").action("action_agent_handoff").bot("A colleague ...")
    # two stories, the second resolved; back a week later, and bounced
    bert = Talk("bert", MONDAY + 7200).start().user("view_transactions", "list")
    bert.bot("Here").user("view_user_details", "and me").bot("You").user("thankyou", "thanks")
    bert.now = MONDAY + 7 * 86400 + 60
    bert.start().bot("Hello again", "utter_greet").action("action_default_fallback")
    # disputed after a flow had completed: abandoned; no environment
    cleo = (
        Talk("cleo", MONDAY + 86400, None).start().user("inform", "refund", 0.5).add("flow_completed", flow_id="refund")
    )
    cleo.user("raise_dispute", "no").bot("Oh").add("rewind")
    # a completed flow and no dispute after it; a pattern of the platform settles nothing
    dora = (
        Talk("dora@example.com", MONDAY + 90000)
        .start()
        .user("raise_dispute", "no")
        .add("flow_completed", flow_id="refund")
    )
    emil = (
        Talk("emil", MONDAY + 90000)
        .start()
        .user("inform", "x")
        .slot("count", 5)
        .add("flow_completed", flow_id="pattern_completed")
    )
    emil.events[2] |= {"message_id": "+55 (11) 91234-5678", "input_channel": "phone of ana@example.com"}
    # a person is asked for where flows are what the bot does; an intent that the stories did not expect
    fred = Talk("fred", MONDAY + 21 * 86400).start().user("inform", "well").action("action_unlikely_intent")
    fred.user("inform", "a person, please").add("flow_started", flow_id="pattern_human_handoff")
    fred.add("flow_started", flow_id="refund").bot("A colleague ...")
    return [anna, bert, cleo, dora, emil, fred]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> RasaWarehouse:
    made = RasaWarehouse(tmp_path_factory.mktemp("answers"))
    events = tuple(event for talk in talks() for event in talk.events)
    made.fill("acme", [Delivery("load", events, is_tracker=False, name="lines")])
    # the first confidence of all came as text, so that all others stand as text beside it
    made.execute("alter table acme_event.event_user alter parse_data__intent__confidence type varchar")
    made.execute("update acme_event.event_user set parse_data__intent__confidence = 'high' where text = 'x'")
    made.complete("acme", "load")
    # beside the platform dlt has loaded something
    made.execute("create table acme_event._dlt_loads as from acme_event._loads")
    made.execute("update acme_event._dlt_loads set load_id = 'of dlt'")
    said = made.run("build", prefix="acme")
    assert '_dlt_loads" stay pending: beside events that the platform unpacked' in " ".join(said.split())
    assert made.execute("select load_id, status from acme_event._loads order by status") == [("load", 0), ("load", 1)]
    return made


@pytest.fixture(scope="module")
def compiled(warehouse: RasaWarehouse) -> Path:
    warehouse.run("compile", "--select", "path:analyses/rasa", prefix="acme")
    return warehouse.folder / "target" / "compiled" / "chat_platform" / "analyses" / "rasa"


def test_no_model_compares_each_row_with_each(warehouse: RasaWarehouse, compiled: Path) -> None:
    with duckdb.connect(str(warehouse.file), read_only=True) as connection:
        assert each_with_each(connection, compiled_models(warehouse.folder)) == []


def compile_with_gap(warehouse: RasaWarehouse, typed: str) -> subprocess.CompletedProcess[str]:
    """dbt with vars as somebody types them."""
    variables = "{source_schema_prefix: acme, session_gap_minutes: " + typed + "}"
    return warehouse.dbt("compile", "--select", "int_rasa__events", "--vars", variables)


@pytest.mark.long
def test_a_gap_may_be_off(warehouse: RasaWarehouse) -> None:
    """YAML reads it as false."""
    done = compile_with_gap(warehouse, "off")
    assert done.returncode == 0, done.stdout
    compiled = warehouse.folder / "target/compiled/chat_platform/models/intermediate/rasa/int_rasa__events.sql"
    assert "then 'gap'" not in compiled.read_text(encoding="utf-8")


@pytest.mark.long
def test_a_gap_that_is_none_is_named(warehouse: RasaWarehouse) -> None:
    done = compile_with_gap(warehouse, "soon")
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    assert "session_gap_minutes is " in said
    assert "it must be a number of minutes above 0, such as 60, or off." in said


ANSWERS: dict[str, set[tuple[Any, ...]]] = {
    "last_user_reply": {
        ("anna", "call me on [number]"), ("bert", "thanks"), ("cleo", "no"), ("dora", "no"), ("emil", "x"),
        ("fred", "a person, please"),
    },
    "before_frustration": {("anna", 1, 4, "call me on [number]", None, None)},
    "said_in_response": {
        ("utter_greet", "view_bill_details", 1), ("utter_ask_month", "inform", 2), ("Sorry?", "inform", 1),
        ("Here", "view_user_details", 1), ("You", "thankyou", 1),
    },
    "why_handover": {
        ("anna", 1, "call me on [number]", "react_frustrated", "action_agent_handoff", "May"),
        ("fred", 1, "a person, please", "inform", "pattern_human_handoff", "well"),
    },
    "before_fallback": {
        ("anna", "the one to [email]", "inform", Decimal("0.4")), ("fred", "well", "inform", Decimal("0.9")),
        ("bert", None, None, None),
    },
    "low_confidence_messages": {
        ("anna", "the one to [email]", "inform", Decimal("0.4")), ("cleo", "refund", "inform", Decimal("0.5")),
    },
    "landing_and_exit": {
        ("handover", "view_bill_details", "react_frustrated", 1), ("resolved", "view_transactions", "thankyou", 1),
        ("abandoned", "inform", "raise_dispute", 1), ("resolved", "raise_dispute", "raise_dispute", 1),
        ("abandoned", "inform", "inform", 1), ("handover", "inform", "inform", 1),
    },
    "conversations_by_state": {("handover", 2, 2), ("resolved", 2, 1), ("abandoned", 2, 2), ("bounced", 1, 1)},
    "interactions_in_a_story": {
        ("view_bill_details", "handover", 1, 4), ("view_transactions", "completed", 1, 1),
        ("view_user_details", "completed", 1, 2),
    },
    "slot_funnel": {("bill_form", "month", "handover", 2, 2, 1)},
    "bounces": {(7, 1)},
    "error_rate_by_intent": {
        ("inform", 6, 2), ("view_bill_details", 1, 0), ("react_frustrated", 1, 0), ("view_transactions", 1, 0),
        ("view_user_details", 1, 0), ("thankyou", 1, 0), ("raise_dispute", 2, 0),
    },
}  # fmt: skip


def test_every_question_is_asked(compiled: Path) -> None:
    assert {path.stem for path in compiled.glob("*.sql")} == set(ANSWERS)


@pytest.mark.parametrize("question", sorted(ANSWERS))
def test_questions_are_answered(warehouse: RasaWarehouse, compiled: Path, question: str) -> None:
    rows = warehouse.execute((compiled / f"{question}.sql").read_text(encoding="utf-8"))
    found = [tuple(value for value in row if not isinstance(value, datetime.datetime)) for row in rows]
    assert len(found) == len(set(found))
    assert set(found) == ANSWERS[question]


def test_slots_know_their_next_fill_and_their_next_attempt(warehouse: RasaWarehouse) -> None:
    rows = warehouse.execute(
        """
        select asked.name, asked.value, asked.slot_name_normalised, asked.slot_action_normalised, asked.active_form,
            asked.active_form_nr, asked.interaction_nr, fill.interaction_nr, attempt.interaction_nr
        from acme_semantic.slots as asked
        left join acme_semantic.interactions as fill on asked.next_fill_interaction_id = fill.interaction_id
        left join acme_semantic.interactions as attempt on asked.next_attempt_interaction_id = attempt.interaction_id
        where asked.conversation_id = 'anna' order by asked."timestamp"
        """
    )
    assert rows == [
        ("requested_slot", "month", "month", "requested_slot", "bill_form", 1, 1, 3, 2),
        ("requested_slot", "month", "month", "requested_slot", "bill_form", 1, 2, 3, None),
        ("month", "May", "month", "filled_slot", "bill_form", 1, 3, None, None),
        ("requested_slot", None, None, "requested_slot", "bill_form", 1, 3, None, None),
    ]


def test_a_value_is_one_text_whatever_its_type(warehouse: RasaWarehouse) -> None:
    assert warehouse.execute("select name, value from acme_semantic.slots where conversation_id = 'emil'") == [
        ("count", "5")
    ]


def test_ids_and_channels_say_nobodys_number_or_address(warehouse: RasaWarehouse) -> None:
    assert warehouse.execute(
        "select message_id, input_channel from acme_semantic.user_messages where conversation_id in ('cleo', 'emil') "
        'order by conversation_id, "timestamp"'
    ) == [("cleo-2", "rest"), ("cleo-4", "rest"), ("[number]", "phone of [email]")]
    for table in ("sessions", "interactions"):
        assert warehouse.execute(
            f"select max(input_channel) from acme_semantic.{table} where conversation_id = 'emil'"
        ) == [("phone of [email]",)]


def test_flows_that_hand_over_and_unlikely_intents_are_steps(warehouse: RasaWarehouse) -> None:
    assert warehouse.execute(
        "select action_name, is_handoff, is_fallback from acme_semantic.story_actions "
        "where conversation_id = 'fred' order by step_index"
    ) == [
        ("action_session_start", False, False),
        ("action_unlikely_intent", False, True),
        ("pattern_human_handoff", True, False),
    ]


def test_kpis(warehouse: RasaWarehouse) -> None:
    rows = warehouse.execute(
        "select cast(event_date as varchar), kpi, dimension, dimension_value, numerator, denominator "
        "from acme_kpi.daily where source = 'rasa'"
    )
    found = {tuple(key): (number, of) for *key, number, of in rows}
    assert len(found) == len(rows)
    first, second, week = "2026-01-05", "2026-01-06", "2026-01-12"
    for day, kpi, dimension, value, expected in [
        (first, "sessions", "all", "all", (2, 1)),
        (first, "containment_rate", "all", "all", (1, 2)),
        (first, "handoff_rate", "all", "all", (1, 2)),
        (first, "handoff_rate", "environment", "production", (1, 2)),
        (first, "handoff_rate", "model", "m1", (1, 2)),
        (first, "handoff_rate", "channel", "rest", (1, 2)),
        (first, "frustration_rate", "all", "all", (1, 2)),
        (first, "happy_rate", "all", "all", (1, 2)),
        (first, "resolution_rate", "all", "all", (1, 2)),
        (first, "fallback_rate", "all", "all", (1, 7)),
        (first, "low_confidence_rate", "all", "all", (1, 7)),
        (first, "intent_mix", "intent", "inform", (2, 7)),
        (first, "fallback_intent_mix", "intent", "inform", (1, 1)),
        (first, "interactions_per_session", "all", "all", (7, 2)),
        (first, "interaction_funnel", "depth", "04", (1, 2)),
        (first, "interaction_funnel", "outcome and depth", "handover / 04", (1, 1)),
        (first, "interaction_funnel", "outcome and depth", "resolved / 04", (0, 1)),
        (first, "slot_fill_rate", "form and slot", "bill_form / month", (2, 2)),
        (first, "slot_fill_rate", "outcome, form and slot", "handover / bill_form / month", (2, 2)),
        (first, "story_completion_rate", "all", "all", (2, 3)),
        (first, "story_funnel", "outcome and story", "handover / view_bill_details", (1, 1)),
        (first, "sessions_by_outcome", "channel and outcome", "rest / handover", (1, 1)),
        (first, "interaction_funnel", "channel and depth", "rest / 04", (1, 2)),
        (first, "interaction_funnel", "model, outcome and depth", "m1 / handover / 04", (1, 1)),
        (first, "slot_fill_rate", "channel, form and slot", "rest / bill_form / month", (2, 2)),
        (first, "story_completion_rate", "environment", "production", (2, 3)),
        (first, "story_funnel", "model, outcome and story", "m1 / handover / view_bill_details", (1, 1)),
        (first, "session_length_distribution", "bucket", "01: 10 to below 30", (1, 2)),
        (first, "session_length_distribution", "environment and bucket", "production / 01: 10 to below 30", (1, 2)),
        (first, "new_user_share_day", "channel", "rest", (2, 2)),
        (first, "active_users_week", "channel", "rest", (4, 1)),
        (first, "active_users_week", "environment", "production", (4, 1)),
        (week, "returning_user_share_week", "environment", "production", (1, 1)),
        # cleo's two messages name no environment, emil's came by a channel of its own
        (second, "intent_mix", "intent", "inform", (2, 4)),
        (second, "intent_mix", "environment and intent", "production / inform", (1, 2)),
        (second, "intent_mix", "channel and intent", "rest / inform", (1, 3)),
        (second, "intent_confidence", "channel and intent", "rest / inform", (Decimal("0.5"), 1)),
        (first, "fallback_intent_mix", "channel and intent", "rest / inform", (1, 1)),
        (first, "retention_rate", "cohort_week", "2026-01-05", (5, 5)),
        (week, "retention_rate", "cohort_week", "2026-01-05", (1, 5)),
        # nobody at all came in this week, and in the next somebody new
        ("2026-01-19", "retention_rate", "cohort_week", "2026-01-05", (0, 5)),
        ("2026-01-26", "retention_rate", "cohort_week", "2026-01-05", (0, 5)),
        ("2026-01-26", "retention_rate", "cohort_week", "2026-01-26", (1, 1)),
        (week, "bounce_rate", "all", "all", (1, 1)),
        (week, "containment_rate", "all", "all", (0, 0)),
        (week, "returning_user_share_week", "all", "all", (1, 1)),
        (first, "new_user_share_day", "all", "all", (2, 2)),
        (first, "active_users_week", "all", "all", (5, 1)),
        (second, "dispute_rate", "all", "all", (2, 3)),
        (second, "abandonment_rate", "all", "all", (2, 3)),
        (second, "undone_rate", "all", "all", (1, 4)),
        (second, "unanswered_rate", "all", "all", (3, 4)),
        (second, "sessions", "environment", "production", (2, 1)),
    ]:
        assert found[day, kpi, dimension, value] == expected, (day, kpi, dimension, value)
    assert sum(kpi == "retention_rate" for _, kpi, *_ in found) == 5
    # seconds from a question to the first answer: 3, 2, none, 2 and 1, 1, none
    percentiles = dict(
        warehouse.execute(
            "select kpi, value from acme_kpi.daily where event_date = '2026-01-05' and dimension = 'all' "
            "and kpi like 'answer_time%'"
        )
    )
    assert percentiles == {"answer_time_p50_ms": 2000.0, "answer_time_p95_ms": 2800.0, "answer_time_p99_ms": 2960.0}


@pytest.mark.long
def test_lists_of_special_events_may_be_given(warehouse: RasaWarehouse) -> None:
    warehouse.run(
        "build", "--full-refresh", prefix="acme", dest_schema_prefix="mine",
        handoff=["utter_x", "action_default_fallback"], happy=["inform"], story_start=["o'hara"],
    )  # fmt: skip
    outcomes = warehouse.execute("select conversation_id, outcome from mine_semantic.sessions where session_nr = 1")
    # Given, a list stands alone: of the flow that fred was handed over by it says nothing.
    assert dict(outcomes) == {
        "anna": "handover", "bert": "abandoned", "cleo": "resolved", "dora": "resolved", "emil": "resolved",
        "fred": "resolved",
    }  # fmt: skip
    assert warehouse.execute("select count(*) from mine_semantic.stories") == [(0,)]


@pytest.mark.long
def test_settings_of_the_platform_do_what_vars_do(warehouse: RasaWarehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {
        "user_id": "metadata__user_id",
        "session_gap_minutes": 1,
        "handoff": ["utter_x", "action_default_fallback"],
    }
    warehouse.run("build", "--full-refresh", prefix="acme", dest_schema_prefix="by_var", **chosen)
    settings = load_settings(
        {
            "CHAT_PLATFORM_RASA_USER_ID": "metadata__user_id",
            "CHAT_PLATFORM_RASA_SESSION_GAP_MINUTES": "1",
            "CHAT_PLATFORM_RASA_HANDOFF": "utter_x, action_default_fallback",
        }
    )
    handed = {name: value for name, value in dbt_environment(settings).items() if "_RASA_" in name}
    environment = {**warehouse.environment(), **handed}
    monkeypatch.setattr(warehouse, "environment", lambda: environment)
    warehouse.run("build", "--full-refresh", prefix="acme", dest_schema_prefix="by_setting")
    found = warehouse.dump("by_setting")
    assert found == warehouse.dump("by_var")
    assert found["_semantic.sessions"] != warehouse.dump("acme")["_semantic.sessions"]
    # A var wins over the setting.
    warehouse.run("build", "--full-refresh", prefix="acme", dest_schema_prefix="by_both", handoff=["utter_none"])
    assert warehouse.dump("by_both")["_semantic.sessions"] != found["_semantic.sessions"]
