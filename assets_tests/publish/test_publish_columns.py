"""The columns of the chat tables, from the chat spec, sections 3 and 4."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from lake.chat_builder import (
    ABSENT,
    MIDNIGHT,
    Message,
    Row,
    agent,
    browser,
    by_id,
    deliver,
    message,
    publish_all,
    read_tables,
    search,
    take,
)

from chat_platform.lake.ingest import ingest
from chat_platform.publish.chat import write_domain_classifications
from chat_platform.settings import Settings, load_settings

KEY = "a key for tests, 32 characters!!"
PLAIN: dict[str, Message] = {}
LONG = "x" * 65_534 + "😀 and more"
LONG_WORDS = [f"word {n} " + "é" * 100 for n in range(900)]


def case(ident: str, **options: Any) -> str:
    PLAIN[ident] = message(ident, _id={"$oid": ident}, **options)
    return ident


def with_status(finish_reason: Any, status: Any) -> dict[str, Any]:
    return {"response_body__choices[0]__finish_reason": finish_reason, "response_body__status": status}


SUCCEEDED = {
    "thought": "Task Succeeded: it is in the cart.",
    "type": "agent_progress",
    "agent_progress": {"action": "x"},
}
FAILED = {"thought": "Task Failed: no such shop.", "type": "agent_progress", "agent_progress": {"action": None}}
SAID_SO_LATER = agent(thought="The Task Succeeded, I think")
Y, N, O = True, False, None  # noqa: E741 - a table of outcomes reads better with one letter a cell
COMPLETION = [
    (case("agent-finished", steps=[browser(), agent(), agent("finished")]), Y, "completed"),
    (case("agent-succeeded", steps=[browser(), SUCCEEDED]), Y, "completed"),
    (case("agent-failed", steps=[browser(), agent(), FAILED]), N, "failed"),
    (case("agent-neither", steps=[browser(), agent(), agent("type")]), O, "partial"),
    (case("agent-in-the-middle", steps=[agent("finished"), agent()]), O, "partial"),
    (case("agent-failed-then-finished", steps=[FAILED, agent("finished")]), Y, "completed"),
    (case("agent-then-other-steps", steps=[agent("finished"), search(), {"thought": "Task Failed"}]), Y, "completed"),
    (case("agent-word-inside", steps=[SAID_SO_LATER]), O, "partial"),
    (case("agent-without-browser", steps=[agent("finished")]), Y, "completed"),
    (case("agent-before-status", steps=[agent()], **with_status("stop", "COMPLETED")), O, "partial"),
    (case("agent-before-length", steps=[agent("finished")], **with_status("length", "COMPLETED")), Y, "completed"),
    (case("agent-before-pending", steps=[FAILED], **with_status(None, "PENDING")), N, "failed"),
    (case("thought-alone", steps=[{"thought": "Task Failed"}], **with_status("stop", "COMPLETED")), Y, "completed"),
    (case("plain-stop", **with_status("stop", "COMPLETED")), Y, "completed"),
    (case("plain-length", **with_status("length", "COMPLETED")), O, "partial"),
    (case("plain-pending", **with_status(None, "PENDING")), O, "in_progress"),
    (case("plain-pending-stop", **with_status("stop", "PENDING")), O, "in_progress"),
    (case("none-401", response_body="<title>401 Authorization Required</title>"), N, "failed"),
    (case("none-empty", response_body=""), N, "failed"),
    (case("none-missing", response_body=ABSENT), N, "failed"),
    (case("none-gzip", response_body="\x1f\ufffd\b"), N, "failed"),
    (case("none-error", response_body={"error": {"type": "rate_limit_error"}}), N, "failed"),
]  # fmt: skip
REASONS = {
    "none-401": "http_401",
    "none-empty": "empty_body",
    "none-missing": "empty_body",
    "none-gzip": "undecodable_body",
    "none-error": "rate_limit_error",
}

# Steps, the step_type of each typed one, and the table that each goes to.
ROUTES: list[tuple[str, list[tuple[int, str, str | None, str | None]]]] = [
    (
        case("route-carried", steps=[
            agent(), {"thought": "hm"}, browser("ENTROPY_REQUEST"), agent(), {"thought": "hm"}, search(), agent(),
            browser("SEARCH_BROWSER"), agent(), browser("ENTROPY_REQUEST"), agent("finished"),
        ]),
        [
            (0, "agent_progress", None, None),
            (2, "browser_tool_execution", "ENTROPY_REQUEST", "browser_automations"),
            (3, "agent_progress", "ENTROPY_REQUEST", "web_automations"),
            (5, "web_search", None, "web_searches"),
            (6, "agent_progress", "ENTROPY_REQUEST", "web_automations"),
            (7, "browser_tool_execution", "SEARCH_BROWSER", "browser_automations"),
            (8, "agent_progress", "SEARCH_BROWSER", None),
            (9, "browser_tool_execution", "ENTROPY_REQUEST", "browser_automations"),
            (10, "agent_progress", "ENTROPY_REQUEST", "web_automations"),
        ],
    ),
    (
        case("route-not-into-another-message", steps=[agent(), agent("finished")]),
        [(0, "agent_progress", None, None), (1, "agent_progress", None, None)],
    ),
    (
        case("route-nameless-browser", steps=[browser("ENTROPY_REQUEST"), browser(None), agent()]),
        [
            (0, "browser_tool_execution", "ENTROPY_REQUEST", "browser_automations"),
            (1, "browser_tool_execution", None, "browser_automations"),
            (2, "agent_progress", None, None),
        ],
    ),
    (
        case("route-others", steps=[
            {"type": "fetch_url_content"}, {"type": "execute_python"}, {"type": "browser_agent"},
            {"type": "file_attachment_search"}, {"type": "tomorrow_s_tool"}, {"type": ""}, {"type": None}, {},
        ]),
        [(n, name, None, None) for n, name in enumerate(
            ["fetch_url_content", "execute_python", "browser_agent", "file_attachment_search", "tomorrow_s_tool"]
        )],
    ),
]  # fmt: skip
ACTIONS = {
    "SEARCH_BROWSER": "search_browser",
    "BROWSER_OPEN_TAB": "open_tab",
    "ENTROPY_REQUEST": "start_agent",
    "SOMETHING_NEW": "something_new",
    None: "unknown",
}
case("actions", steps=[browser(name) for name in ACTIONS])

WEB = [
    # Action, address, thought → action_type, domain_name, task_status, task_completed.
    (agent("click", "https://www.Shop.example:443/cart"), ("click", "shop.example", "in_progress", None)),
    (agent("", "about:blank"), ("unknown", None, "in_progress", None)),
    (agent(None, None), ("unknown", None, "in_progress", None)),
    (agent("finished", "https://amazon.com/x"), ("finished", "amazon.com", "completed", True)),
    (agent("x", "https://a.example", "Task Succeeded"), ("x", "a.example", "completed", True)),
    (agent("x", "https://a.example", "Task Failed: no"), ("x", "a.example", "failed", False)),
    (agent("finished", None, "Task Failed: no"), ("finished", None, "completed", True)),
]
case("web-buy", query="buy a lamp", steps=[browser(), *(step for step, _ in WEB)])
case("web-abstained", query="do it", steps=[
    browser(), agent("a", "https://www.amazon.com/x"), agent("b", "https://nowhere.example"), agent("c"),
])  # fmt: skip
case("web-no-query", request_body__messages=[], steps=[browser(), agent("a", "https://www.amazon.com/x")])

PRICES = {"low": "0.006", "medium": "0.010", "high": "0.014"}
TOKENS = [(0, 0), (1, 1), (7, 13), (1_000, 2_000), (123_456, 654_321), (2_147_483_647, 2_147_483_647)]
for size in PRICES:
    for number, (prompt, completion) in enumerate(TOKENS):
        case(
            f"cost-{size}-{number}",
            response_body__usage={
                "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": 5,
                "search_context_size": size,
                "cost": {"input_tokens_cost": 0.1, "output_tokens_cost": 0.2, "request_cost": 0.3, "total_cost": 0.4},
            },
        )  # fmt: skip
case("cost-unknown", response_body__model="sonar-of-tomorrow")
case("cost-no-usage", response_body__usage=ABSENT)
case("cost-bare-usage", response_body__usage={})

LATENCY = [
    (case("latency-2s", response_body__created=MIDNIGHT + 58), 2000),
    (case("latency-fraction", seconds=MIDNIGHT + 60.357, response_body__created=MIDNIGHT + 60), 357),
    (case("latency-zero", response_body__created=MIDNIGHT + 60), 0),
    (case("latency-negative", response_body__created=MIDNIGHT + 61), None),
    (case("latency-little-negative", seconds=MIDNIGHT + 60.25, response_body__created=MIDNIGHT + 61), None),
    (case("latency-5-ms-negative", seconds=MIDNIGHT + 60.995, response_body__created=MIDNIGHT + 61), None),
    (case("latency-none", response_body__created=ABSENT), None),
    (case("latency-month", response_body__created=MIDNIGHT + 60 - 30 * 86400), None),
    (case("latency-20-days", response_body__created=MIDNIGHT + 60 - 20 * 86400), 20 * 86400 * 1000),
]

TRICKY = ['say "hi"', "back\\slash", "new\nline", "é😀", "", "ana@example.com", "tab\t"]
case("search", steps=[search(TRICKY, 3), search([], 0)])
case("search-long", steps=[search(LONG_WORDS, 1)])
case("search-bare", response_body__search_results=ABSENT, request_body__web_search_options=ABSENT,
     steps=[{"type": "web_search", "web_search": {}}, {"type": "web_search"}])  # fmt: skip
case("long", query=LONG, **{"response_body__choices[0]__message__content": "é" * 40_000})
case("just-fits", query="x" * 65_535, **{"response_body__choices[0]__message__content": "é" * 32_767 + "x"})
case("response-times", response_body__created=MIDNIGHT + 1.5)
case("no-response-no-row", response_body__choices=[])
case("reason-is-cut", response_body={"error": {"type": "y" * 300}})


def home_of(settings: Settings) -> dict[str, dict[str, list[Row]]]:
    """All cases published; table → session_id → rows in the order of their steps."""
    write_domain_classifications(settings)
    deliver(settings, "all.jsonl", PLAIN.values())
    done = ingest(settings, "chat").manifest
    assert done is not None
    assert done.typed == len(PLAIN)
    publication = publish_all(settings)
    assert publication is not None
    assert publication.messages_written == len(PLAIN)
    tables: dict[str, dict[str, list[Row]]] = {}
    for table, read in read_tables(settings, [f"chat.{table}" for table in TABLES]).items():
        found = tables.setdefault(table.removeprefix("chat."), {})
        for row in read:
            found.setdefault(row["session_id"], []).append(row)
        for rows in found.values():
            rows.sort(key=lambda row: row.get("step_index", 0))
    return tables


TABLES = (
    "chat_sessions", "responses", "tool_usage", "web_searches", "browser_automations", "web_automations",
    "usage_metrics", "query_classifications",
)  # fmt: skip
Tables = dict[str, dict[str, list[Row]]]


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def tables(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    values: dict[str, Any] = {"home": tmp_path_factory.mktemp("publish"), "pseudonym_key": KEY}
    if request.param == "postgres":
        values |= {"warehouse": request.getfixturevalue("postgres_server"), "prefix": "columns"}
    return home_of(load_settings({}, **values))


@pytest.mark.parametrize(("ident", "completed", "status"), COMPLETION, ids=[row[0] for row in COMPLETION])
def test_task_completion(tables: Tables, ident: str, completed: bool | None, status: str) -> None:
    (row,) = tables["chat_sessions"][ident]
    assert (row["task_completed"], row["task_completion_status"]) == (completed, status)
    if ident in REASONS:
        assert row["task_completion_reason"] == REASONS[ident]
        assert row["has_response"] is False
        assert row["response_id"] is None
        assert ident not in tables["responses"]
        assert ident not in tables["usage_metrics"]
    else:
        assert row["task_completion_reason"] not in REASONS.values()
    assert row["agent_steps"] == (0 if not ident.startswith("agent") else sum(
        step.get("type") == "agent_progress"
        for step in PLAIN[ident]["response_body"]["choices"][0]["message"]["reasoning_steps"]
    ))  # fmt: skip


@pytest.mark.parametrize(("ident", "routes"), ROUTES, ids=[row[0] for row in ROUTES])
def test_steps_are_routed(tables: Tables, ident: str, routes: list[tuple[int, str, str | None, str | None]]) -> None:
    found = [
        (row["step_index"], row["tool_type"], row["step_type"], row["classification_target"])
        for row in tables["tool_usage"][ident]
    ]
    assert found == routes
    for table in ("web_searches", "browser_automations", "web_automations"):
        places = [row["step_index"] for row in tables[table].get(ident, [])]
        assert places == [place for place, _, _, target in routes if target == table]
    (session,) = tables["chat_sessions"][ident]
    steps = len(PLAIN[ident]["response_body"]["choices"][0]["message"]["reasoning_steps"])
    assert (session["typed_steps"], session["typeless_steps"]) == (len(routes), steps - len(routes))


def test_ids_of_child_rows_are_signed_64_bit_hashes_of_message_and_place(tables: Tables) -> None:
    for rows in tables["tool_usage"].values():
        for row in rows:
            digest = hashlib.md5(f"{row['session_id']}\x1f{row['step_index']}".encode()).digest()
            # The lower half of the digest as DuckDB reads it, moved into the signed range.
            half = int.from_bytes(digest[8:], "little")
            assert row["tool_usage_id"] == half - 2**63
            assert -(2**63) <= row["tool_usage_id"] < 2**63
    ids = {row["tool_usage_id"]: row for rows in tables["tool_usage"].values() for row in rows}
    assert len(ids) == sum(map(len, tables["tool_usage"].values()))
    assert min(ids) < 0 < max(ids)
    for table, own in (
        ("web_searches", "search_id"), ("browser_automations", "browser_action_id"),
        ("web_automations", "web_action_id"),
    ):  # fmt: skip
        for rows in tables[table].values():
            for row in rows:
                assert row[own] == row["tool_usage_id"]
                parent = ids[row["tool_usage_id"]]
                for name in ("session_id", "thread_id", "event_timestamp", "event_date", "step_index"):
                    assert row[name] == parent[name]


def test_child_rows_copy_time_and_thread_of_their_message(tables: Tables) -> None:
    sessions = {ident: row for ident, (row,) in tables["chat_sessions"].items()}
    assert len(sessions) == len(PLAIN)
    for table in TABLES[1:]:
        for ident, rows in tables[table].items():
            for row in rows:
                for name in ("thread_id", "event_timestamp", "event_date"):
                    assert row[name] == sessions[ident][name]


def test_a_browser_command_in_words(tables: Tables) -> None:
    rows = tables["browser_automations"]["actions"]
    assert [(row["step_type"], row["action_type"]) for row in rows] == list(ACTIONS.items())
    assert {row["classification_confidence"] for row in rows} == {Decimal("1.0000")}


def test_web_actions(tables: Tables) -> None:
    rows = tables["web_automations"]["web-buy"]
    found = [(row["action_type"], row["domain_name"], row["task_status"], row["task_completed"]) for row in rows]
    assert found == [expected for _, expected in WEB]
    assert rows[0]["action_url"] == "https://www.Shop.example:443/cart"
    assert {(row["domain_category"], row["classification_source"]) for row in rows} == {("Shopping", "model")}
    assert {row["classification_confidence"] for row in rows} == {Decimal("0.7500")}


def test_where_the_model_abstains_the_site_decides(tables: Tables) -> None:
    rows = tables["web_automations"]["web-abstained"] + tables["web_automations"]["web-no-query"]
    found = [(row["domain_category"], row["classification_source"]) for row in rows]
    assert found == [("Shopping", "lookup"), ("Unknown", "none"), ("Unknown", "none"), ("Shopping", "lookup")]


@pytest.mark.parametrize("size", PRICES)
@pytest.mark.parametrize("number", range(len(TOKENS)))
def test_exact_costs_to_the_last_place(tables: Tables, size: str, number: int) -> None:
    (row,) = tables["usage_metrics"][f"cost-{size}-{number}"]
    prompt, completion = TOKENS[number]
    million = Decimal(1_000_000)
    given, made = Decimal(prompt) * 3 / million, Decimal(completion) * 15 / million
    assert row["input_tokens_cost_exact"] == given
    assert row["output_tokens_cost_exact"] == made
    assert row["total_cost_exact"] == given + made + Decimal(PRICES[size])
    reported = (row["input_tokens_cost"], row["output_tokens_cost"], row["request_cost"], row["total_cost"])
    assert reported == (0.1, 0.2, 0.3, 0.4)
    assert (row["prompt_tokens"], row["completion_tokens"], row["total_tokens"]) == (prompt, completion, 5)
    assert (row["search_context_size"], row["model"]) == (size, "sonar-pro")


def test_costs_of_an_unknown_model_are_unknown(tables: Tables) -> None:
    (row,) = tables["usage_metrics"]["cost-unknown"]
    for name in ("input_tokens_cost_exact", "output_tokens_cost_exact", "total_cost_exact"):
        assert row[name] is None
    assert row["total_cost"] == 0.006
    assert "cost-no-usage" not in tables["usage_metrics"]
    (bare,) = tables["usage_metrics"]["cost-bare-usage"]
    assert {bare[name] for name in ("prompt_tokens", "total_cost", "total_cost_exact", "search_context_size")} == {None}


@pytest.mark.parametrize(("ident", "milliseconds"), LATENCY, ids=[row[0] for row in LATENCY])
def test_latency(tables: Tables, ident: str, milliseconds: int | None) -> None:
    (row,) = tables["usage_metrics"][ident]
    assert row["latency_ms"] == milliseconds


def test_searches(tables: Tables) -> None:
    first, second = tables["web_searches"]["search"]
    assert json.loads(first["search_keywords"]) == ["[email]" if "@" in word else word for word in TRICKY]
    assert (first["keyword_count"], first["result_count"]) == (len(TRICKY), 3)
    assert (first["num_results"], first["search_type"]) == (3, "auto")
    assert (json.loads(second["search_keywords"]), second["keyword_count"], second["result_count"]) == ([], 0, 0)
    for row in tables["web_searches"]["search-bare"]:
        names = ("search_keywords", "keyword_count", "result_count", "num_results", "search_type")
        assert {row[name] for name in names} == {None}


def test_keywords_beyond_the_longest_text_are_dropped_from_the_end(tables: Tables) -> None:
    (row,) = tables["web_searches"]["search-long"]
    assert len(row["search_keywords"].encode()) <= 65_535
    kept = json.loads(row["search_keywords"])
    assert kept
    for found, word in zip(kept, LONG_WORDS, strict=False):
        assert word.startswith(found)
        assert found.startswith(word[:50])
    assert row["keyword_count"] == len(LONG_WORDS)


def test_long_texts_are_cut_between_characters_and_say_so(tables: Tables) -> None:
    (session,), (response,) = tables["chat_sessions"]["long"], tables["responses"]["long"]
    assert (session["user_query"], session["user_query_truncated"]) == ("x" * 65_534, True)
    assert (response["response_content"], response["content_truncated"]) == ("é" * 32_767, True)
    (session,), (response,) = tables["chat_sessions"]["just-fits"], tables["responses"]["just-fits"]
    assert (session["user_query"], session["user_query_truncated"]) == ("x" * 65_535, False)
    assert (response["response_content"], response["content_truncated"]) == ("é" * 32_767 + "x", False)
    (session,) = tables["chat_sessions"]["reason-is-cut"]
    assert session["task_completion_reason"] == "y" * 256


def test_responses(tables: Tables) -> None:
    (row,) = tables["responses"]["response-times"]
    assert row["response_id"] == "response-times"
    assert row["created_timestamp"] == datetime.fromtimestamp(MIDNIGHT + 1.5, UTC).replace(tzinfo=None)
    assert (row["response_content"], row["finish_reason"]) == ("an answer", "stop")
    assert (row["model"], row["status"], row["type"]) == ("sonar-pro", "COMPLETED", "end_of_stream")
    (session,) = tables["chat_sessions"]["response-times"]
    assert session["created_timestamp"] == datetime.fromisoformat("2025-11-03T00:00:30")
    assert session["response_id"] == "response-times"
    assert "no-response-no-row" not in tables["responses"]


def test_every_message_with_a_query_is_classified_once(tables: Tables) -> None:
    asked = {ident for ident, (row,) in tables["chat_sessions"].items() if row["user_query"] is not None}
    assert set(tables["query_classifications"]) == asked
    assert set(PLAIN) - asked == {"web-no-query"}
    (row,) = tables["query_classifications"]["web-buy"]
    assert (row["domain_category"], row["domain_confidence"]) == ("Shopping", Decimal("0.7500"))
    assert (row["intent_type"], row["intent_confidence"]) == ("Transactional", Decimal("0.5000"))
    (row,) = tables["query_classifications"]["web-abstained"]
    assert (row["domain_category"], row["intent_type"], row["model_version"]) == ("Unknown", "Unknown", "fake-1")


def test_a_message_without_a_thread_is_a_conversation_of_its_own(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    take(settings, "a.jsonl", [message("a", thread="t"), message("b", thread="t"), message("c", thread=None)])
    publish_all(settings)
    found = {
        ident: (row["thread_id"], row["conversation_id"]) for ident, row in by_id(settings, "chat_sessions").items()
    }
    assert found == {"a": ("t", "t"), "b": ("t", "t"), "c": (None, "c")}


def test_a_row_tells_the_line_that_it_came_from(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    text = b"\n\n" + json.dumps(message("a")).encode() + b"\n\xff\n" + json.dumps(message("b")).encode() + b"\n"
    manifest = take(settings, "deep/a.jsonl", text)
    publish_all(settings)
    for ident, row in by_id(settings, "chat_sessions").items():
        assert (row["load_id"], row["source_file"]) == (manifest.load_id, "chat/deep/a.jsonl")
        line = text.split(b"\n")[row["line_number"] - 1]
        assert text[row["byte_offset"] :].startswith(line)
        assert json.loads(line)["response_body"]["id"] == ident
