"""From a message to a typed row: identity, thread, query and response (chat spec, sections 1 to 3)."""

import hashlib
import json
import random
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from lake.chat_builder import (
    ABSENT,
    MIDNIGHT,
    Message,
    agent,
    browser,
    conserved,
    deliver,
    lines_of,
    message,
    put,
    search,
    take,
    typed_by_id,
    typed_rows,
)

from chat_platform.contracts.chat import ELEMENT_FIELDS, FIELDS, Field
from chat_platform.lake.ingest import ingest
from chat_platform.settings import Settings, load_settings

KEY = "a key for tests, 32 characters!!"
moment = datetime.fromisoformat
PAGE_401 = "<html><head><title>401 Authorization Required</title></head><body>openresty</body></html>"


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def parts(*texts: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text} for text in texts]


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}

# Name of the case → patches of a good message, and the columns that follow from them.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {"thread_id": "t-1", "user_query": "how tall is the tower", "has_response": True}),
    # Thread.
    "thread_of_request": ({"thread_id": None, "request_body__thread_id": "t-2"}, {"thread_id": "t-2"}),
    "thread_empty_then_request": ({"thread_id": "", "request_body__thread_id": "t-2"}, {"thread_id": "t-2"}),
    "thread_of_response": (
        {"thread_id": ABSENT, "request_body__thread_id": "", "response_body__thread_id": "t-3"},
        {"thread_id": "t-3"},
    ),
    "thread_first_wins": (
        {"thread_id": "t-1", "request_body__thread_id": "t-2", "response_body__thread_id": "t-3"},
        {"thread_id": "t-1"},
    ),
    "thread_none": ({"thread_id": ABSENT}, {"thread_id": None}),
    "thread_all_empty": (
        {"thread_id": "", "request_body__thread_id": "", "response_body__thread_id": ""},
        {"thread_id": None},
    ),
    "thread_number": ({"thread_id": 7}, {"thread_id": "7"}),
    # Query.
    "query_last_user": (
        {"request_body__messages": [user("first"), user("second"), {"role": "assistant", "content": "no"}]},
        {"user_query": "second"},
    ),
    "query_of_parts": ({"request_body__messages": [user(parts("one", "two"))]}, {"user_query": "one\ntwo"}),
    "query_of_parts_and_image": (
        {"request_body__messages": [user([IMAGE, *parts("what is this"), IMAGE])]},
        {"user_query": "what is this"},
    ),
    "query_of_text_parts": ({"request_body__messages": [user(["one", "two"])]}, {"user_query": "one\ntwo"}),
    "query_only_image_then_field": (
        {"request_body__messages": [user([IMAGE])], "request_body__query": "from the field"},
        {"user_query": "from the field"},
    ),
    "query_system_only": (
        {"request_body__messages": [{"role": "system", "content": "be brief"}], "request_body__prompt": "a prompt"},
        {"user_query": "a prompt"},
    ),
    "query_field": ({"request_body__messages": ABSENT, "request_body__query": "q"}, {"user_query": "q"}),
    "query_message": ({"request_body__messages": [], "request_body__message": "m"}, {"user_query": "m"}),
    "query_content": ({"request_body__messages": None, "request_body__content": "c"}, {"user_query": "c"}),
    "query_user_input": ({"request_body__messages": [], "request_body__user_input": "u"}, {"user_query": "u"}),
    "query_prompt": ({"request_body__messages": [], "request_body__prompt": "p"}, {"user_query": "p"}),
    "query_order": (
        {"request_body__messages": [user("")], **{f"request_body__{name}": name for name in
         ("prompt", "user_input", "content", "message", "query")}},
        {"user_query": "query"},
    ),
    "query_empty_fields_are_passed_over": (
        {"request_body__messages": [], "request_body__query": "", "request_body__message": "m"},
        {"user_query": "m"},
    ),
    "query_none": ({"request_body__messages": []}, {"user_query": None}),
    "query_unicode": ({"request_body__messages": [user("né? 😀 \u2028")]}, {"user_query": "né? 😀 \u2028"}),
    # Response.
    "no_body_key": ({"response_body": ABSENT}, {"failure_reason": "empty_body"}),
    "body_null": ({"response_body": None}, {"failure_reason": "empty_body"}),
    "body_empty": ({"response_body": ""}, {"failure_reason": "empty_body"}),
    "body_blank": ({"response_body": "   "}, {"failure_reason": "empty_body"}),
    "body_401": ({"response_body": PAGE_401}, {"failure_reason": "http_401"}),
    "body_502": ({"response_body": "<title> 502 Bad Gateway</title>"}, {"failure_reason": "http_502"}),
    "body_text": ({"response_body": "\u001f\ufffd\b\u0000\u0003"}, {"failure_reason": "undecodable_body"}),
    "body_page_without_status": ({"response_body": "<title>1000 ways</title>"}, {"failure_reason": "undecodable_body"}),
    "body_error": (
        {"response_body": {"error": {"type": "rate_limit_error", "message": "slow down"}}},
        {"failure_reason": "rate_limit_error"},
    ),
    "choices_empty": ({"response_body__choices": []}, {"has_response": False}),
    "choices_missing": ({"response_body__choices": ABSENT}, {"has_response": False}),
    "choices_empty_with_error": (
        {"response_body__choices": [], "response_body__error": {"type": "overloaded"}},
        {"failure_reason": "overloaded"},
    ),
    "choice_bare": (
        {"response_body__choices": [{}]},
        {"has_response": True, "response_content": None, "finish_reason": None, "has_usage": True},
    ),
    "no_usage": ({"response_body__usage": ABSENT}, {"has_response": True, "has_usage": False}),
    "usage_null": ({"response_body__usage": None}, {"has_response": True, "has_usage": False}),
    "usage_without_response": ({"response_body__choices": []}, {"has_usage": False, "response_id": None}),
    "content_parts": (
        {"response_body__choices[0]__message__content": parts("a", "b")},
        {"response_content": "a\nb"},
    ),
    "content_like_json": (
        {"response_body__choices[0]__message__content": '[{"text": "not parts"}]'},
        {"response_content": '[{"text": "not parts"}]'},
    ),
    "first_choice": (
        {"response_body__choices": [
            {"finish_reason": "length", "message": {"content": "1"}},
            {"finish_reason": "stop", "message": {"content": "2"}},
        ]},
        {"response_content": "1", "finish_reason": "length"},
    ),
    # Times.
    "created_missing": ({"response_body__created": ABSENT}, {"response_created": None}),
    "timestamp_zone": ({"timestamp": "2025-11-02T22:00:00-03:00"},
                       {"created_timestamp": moment("2025-11-03T01:00:00")}),
    "timestamp_no_zone": ({"timestamp": "2025-11-03T02:11:09.5"},
                          {"created_timestamp": moment("2025-11-03T02:11:09.500000")}),
    "timestamp_missing": ({"timestamp": ABSENT}, {"created_timestamp": None}),
    "timestamp_empty": ({"timestamp": ""}, {"created_timestamp": None}),
    "midnight": ({"@timestamp": MIDNIGHT},
                 {"event_date": date(2025, 11, 3), "event_timestamp": moment("2025-11-03T00:00:00")}),
    "before_midnight": ({"@timestamp": MIDNIGHT - 0.001}, {"event_date": date(2025, 11, 2)}),
    # Numbers.
    "whole_as_float": ({"response_body__usage__prompt_tokens": 7.0}, {"prompt_tokens": 7}),
    "number_as_text": ({"response_body__usage__prompt_tokens": "7"}, {"prompt_tokens": 7}),
    "search_results_none": ({"response_body__search_results": ABSENT}, {"num_results": None}),
    "search_results_empty": ({"response_body__search_results": []}, {"num_results": 0}),
}  # fmt: skip


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Message]:
    """All cases in one load. The room keeps the names, as ids are among what is tested."""
    settings = load_settings({}, home=tmp_path_factory.mktemp("typing"), pseudonym_key=KEY)
    for name, (patches, _) in CASES.items():
        made = message(f"id-{name}", **{key: value for key, value in patches.items() if not key.startswith("thread")})
        for key in ("@timestamp", "thread_id"):
            if key in patches:
                put(made, key, patches[key])
        deliver(settings, f"{name}.jsonl", [made])
    done = ingest(settings, "chat")
    assert done.manifest is not None
    assert done.manifest.rejected == 0
    assert done.manifest.warnings == 0, done.manifest.issues
    return {Path(row["source_file"]).stem: row for row in typed_rows(settings)}


@pytest.mark.parametrize("name", CASES)
def test_a_message_is_typed_by_the_rules(name: str, rows: dict[str, Message]) -> None:
    expected = CASES[name][1]
    assert {column: rows[name][column] for column in expected} == expected
    if "failure_reason" in expected:
        assert rows[name]["has_response"] is False
        assert rows[name]["has_usage"] is False
        assert rows[name]["response_id"] is None
    if expected.get("has_response"):
        assert rows[name]["failure_reason"] is None
        assert rows[name]["response_id"] == f"id-{name}"


def test_the_id_of_a_message(settings: Settings) -> None:
    take(
        settings,
        "a.jsonl",
        [
            message("resp-1", _id={"$oid": "oid-1"}),
            message("resp-2", _id={"$oid": ""}),
            message("resp-3", _id={}),
            message("resp-4", response_body__choices=[]),
            message(None, query="no id at all"),
            message("", query="empty id"),
            message(None, query="no id at all", thread="t-2"),
            message(None, query="no id at all", seconds=MIDNIGHT + 61),
            message(None, query="another"),
        ],
    )
    found = [row["session_id"] for row in typed_rows(settings)]
    assert found[:4] == ["oid-1", "resp-2", "resp-3", "resp-4"]
    assert len(set(found)) == len(found)
    assert all(found)


def test_a_made_up_id_depends_on_thread_time_and_query_only(settings: Settings) -> None:
    one = message(None, thread=None)
    two = message(None, thread=None, response_body__model="other", room_id="other", timestamp=ABSENT)
    take(settings, "a.jsonl", [one, two])
    first, second = typed_rows(settings)
    assert first["session_id"] == second["session_id"]
    assert first["content_hash"] != second["content_hash"]
    assert hashlib.md5(b"").hexdigest() not in first["session_id"]


def shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: shuffled(value[key], chance) for key in keys}
    return [shuffled(item, chance) for item in value] if isinstance(value, list) else value


def test_the_order_of_keys_does_not_make_another_content(settings: Settings) -> None:
    steps = [search(), browser(headers='{"user_id": "u", "timezone": "UTC"}'), agent("finished", "https://a.example")]
    base = message(steps=steps, query=parts("one", "two"))
    again = [shuffled(base, random.Random(seed)) for seed in range(5)]
    spaced = json.dumps(base, separators=(" , ", " : "), ensure_ascii=False).encode() + b"\n"
    take(settings, "a.jsonl", lines_of([base, *again]) + spaced)
    assert len({row["content_hash"] for row in typed_rows(settings)}) == 1


def test_another_value_is_another_content(settings: Settings) -> None:
    others = [
        ("@timestamp", MIDNIGHT + 61),
        ("timestamp", "2025-11-03T00:00:31+00:00"),
        ("thread_id", "t-2"),
        ("request_body.messages", [user("another")]),
        ("request_body.web_search_options.search_type", "pro"),
        ("response_body.model", "sonar"),
        ("response_body.created", MIDNIGHT),
        ("response_body.choices[0].message.content", "another"),
        ("response_body.choices[0].finish_reason", "length"),
        ("response_body.choices[0].message.reasoning_steps", [search(["other words"])]),
        ("response_body.usage.prompt_tokens", 101),
        ("response_body.usage.cost.total_cost", 0.007),
        ("response_body.search_results", []),
    ]
    base = message(steps=[search()])
    take(settings, "a.jsonl", [base, *(put(message(steps=[search()]), path, value) for path, value in others)])
    rows = typed_rows(settings)
    assert {row["session_id"] for row in rows} == {"r-1"}
    assert len({row["content_hash"] for row in rows}) == len(rows) == 1 + len(others)


@pytest.mark.parametrize(("path", "value"), [("room_id", "room-2"), ("response_body.citations", ["https://a.example"])])
def test_a_value_that_no_table_holds_makes_no_other_content(settings: Settings, path: str, value: Any) -> None:
    take(settings, "a.jsonl", [message(), put(message(), path, value)])
    first, second = typed_rows(settings)
    # docs/decisions/0003: content is what the contract reads into the lake.
    assert first["content_hash"] == second["content_hash"]


# Every field of the contract with a value of every kind.

VALUES: dict[str, Any] = {
    "text": "some text", "whole": 12, "huge": 10**30, "fraction": 3.7, "true": True, "object": {"a": {"b": 1}},
    "list": ["a", {"b": 1}], "empty_object": {}, "empty_list": [], "null": None, "number_text": "12",
    "negative": -5, "json_text": '{"a": 1}', "out_of_range": "1e400",
}  # fmt: skip
FITS = {
    "text": {"text", "whole", "huge", "fraction", "true", "number_text", "negative", "json_text", "out_of_range"},
    "object": {"object", "empty_object"},
    "array": {"list", "empty_list"},
    "number": {"whole", "huge", "fraction", "number_text", "negative"},
    "tokens": {"whole", "number_text", "negative"},
    "text_or_array": {"text", "whole", "huge", "fraction", "true", "number_text", "negative", "json_text",
                      "out_of_range", "list", "empty_list"},
    "text_or_object": {"text", "whole", "huge", "fraction", "true", "number_text", "negative", "json_text",
                       "out_of_range", "object", "empty_object"},
}  # fmt: skip
STEPS = [search(), browser(headers='{"user_id": "u"}', url="https://a.example"), agent("click", "https://a.example")]
MESSAGES, REASONING = ELEMENT_FIELDS


def all_fields() -> list[tuple[str, Field, str]]:
    """Place of the field in the message, the field, and the name in warnings."""
    places = [(field.path, field, field.path) for field in FIELDS]
    for path, fields in ELEMENT_FIELDS.items():
        for field in fields:
            step = {"web_search": 0, "browser_tool_execution": 1, "agent_progress": 2}.get(field.path.split(".")[0], 0)
            end = f".{field.path}" if field.path else ""
            places.append((f"{path}[{step}]{end}", field, f"{path}[*]{end}"))
    return places


def fits(field: Field, kind: str, name: str) -> bool:
    if kind == "null":
        return not name.endswith("[*]")
    rule = "tokens" if field.path.endswith("_tokens") else field.kind
    if name == "timestamp":
        return False
    if name.endswith(".extra_headers"):
        return kind not in ("list", "empty_list")
    return kind in FITS[rule]


@pytest.fixture(scope="module")
def wrong_types(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Message], dict[str, set[str]], Message]:
    settings = load_settings({}, home=tmp_path_factory.mktemp("types"), pseudonym_key=KEY)
    deliver(settings, "base.jsonl", [message("id-case", steps=STEPS)])
    for path, _, _ in all_fields():
        for kind, value in VALUES.items():
            text = json.dumps(put(message("id-case", steps=STEPS), path, value))
            deliver(
                settings,
                f"{path}={kind}.jsonl",
                text.replace('"1e400"', "1e400" if "_tokens" in path else '"1e400"').encode(),
            )
    done = ingest(settings, "chat")
    assert done.manifest is not None
    assert conserved(done.manifest)
    assert done.manifest.rejected == 0
    lost: dict[str, set[str]] = {}
    for issue in done.manifest.issues:
        assert (issue.severity, issue.reason, issue.lines) == ("warning", "wrong_type", 1)
        lost.setdefault(Path(issue.source_file).name.removesuffix(".jsonl"), set()).add(issue.field)
    found = {Path(row["source_file"]).name.removesuffix(".jsonl"): row for row in typed_rows(settings)}
    assert done.manifest.typed == len(found) == 1 + len(all_fields()) * len(VALUES)
    return found, lost, found["base"]


# Columns that a field, or what lies below it, may change.
FREE = {
    "line_number", "byte_offset", "source_file", "content_hash",
}  # fmt: skip
REACH = {
    "timestamp": {"created_timestamp"},
    "thread_id": {"thread_id"},
    "room_id": set(),
    "_id": {"session_id"},
    "request_body.thread_id": set(),
    "request_body.messages": {"user_query"},
    "request_body.web_search_options": {"search_type"},
    "response_body.id": {"session_id", "response_id"},
    "response_body.created": {"response_created"},
    "response_body.model": {"model"},
    "response_body.status": {"status"},
    "response_body.type": {"type"},
    "response_body.thread_id": set(),
    "response_body.search_results": {"num_results"},
    "response_body.error": set(),
    "response_body.choices[0].finish_reason": {"finish_reason"},
    "response_body.choices[0].message.content": {"response_content"},
    "response_body.choices[0].message.reasoning_steps": {"steps"},
    "response_body.choices[0].message": {"response_content", "steps"},
    "response_body.choices": {"response_content", "steps", "finish_reason", "has_response", "failure_reason",
                              "response_id", "has_usage"},
    "response_body.usage.cost": {"input_tokens_cost", "output_tokens_cost", "request_cost", "total_cost"},
    "response_body.usage.search_context_size": {"search_context_size"},
    "response_body.usage": {"has_usage", "prompt_tokens", "completion_tokens", "total_tokens", "search_context_size",
                            "input_tokens_cost", "output_tokens_cost", "request_cost", "total_cost"},
}  # fmt: skip

# The list among the values holds a text, which is no element of these.
ELEMENTS = {
    "response_body.choices": {"response_body.choices[0]"},
    MESSAGES: {f"{MESSAGES}[*]"},
    REASONING: {f"{REASONING}[*]"},
}


@pytest.mark.parametrize("place", range(len(all_fields())), ids=[path for path, _, _ in all_fields()])
def test_a_value_of_any_kind_is_read_or_its_loss_is_counted(
    place: int, wrong_types: tuple[dict[str, Message], dict[str, set[str]], Message]
) -> None:
    found, lost, base = wrong_types
    path, field, name = all_fields()[place]
    assert "base" not in lost
    for kind in VALUES:
        case = f"{path}={kind}"
        expected = set() if fits(field, kind, name) else {name}
        if kind == "list":
            expected |= ELEMENTS.get(name, set())
        assert lost.get(case, set()) == expected, case
        row = found[case]
        changed = {column for column in row if row[column] != base[column]} - FREE
        for start, columns in REACH.items():
            if name.startswith(start) and (len(name) == len(start) or name[len(start)] in ".["):
                allowed = columns
                break
        else:
            leaf = path.rsplit(".", 1)[-1]
            allowed = {leaf} if leaf in row else set()
        assert changed <= allowed, case


@pytest.mark.parametrize(
    ("path", "kind", "column", "value"),
    [
        ("response_body.usage.prompt_tokens", "fraction", "prompt_tokens", None),
        ("response_body.usage.prompt_tokens", "huge", "prompt_tokens", None),
        ("response_body.usage.prompt_tokens", "out_of_range", "prompt_tokens", None),
        ("response_body.usage.prompt_tokens", "true", "prompt_tokens", None),
        ("response_body.usage.prompt_tokens", "number_text", "prompt_tokens", 12),
        ("response_body.usage.cost.total_cost", "fraction", "total_cost", 3.7),
        ("response_body.usage.cost.total_cost", "out_of_range", "total_cost", None),
        ("response_body.model", "true", "model", "true"),
        ("response_body.model", "object", "model", None),
        ("thread_id", "list", "thread_id", None),
        ("thread_id", "whole", "thread_id", "12"),
        ("request_body.messages", "object", "user_query", None),
        ("request_body.messages[0].content", "object", "user_query", None),
        ("request_body.messages[0].content", "whole", "user_query", "12"),
        ("timestamp", "whole", "created_timestamp", None),
        ("response_body.choices", "text", "has_response", False),
        ("response_body.choices[0].message.content", "json_text", "response_content", '{"a": 1}'),
    ],
)
def test_what_a_value_of_another_kind_becomes(
    path: str,
    kind: str,
    column: str,
    value: Any,
    wrong_types: tuple[dict[str, Message], dict[str, set[str]], Message],
) -> None:
    assert wrong_types[0][f"{path}={kind}"][column] == value


def test_a_created_time_is_one_that_every_warehouse_can_hold(settings: Settings) -> None:
    kept = ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"]
    lost = ["infinity", "-infinity", "10000-01-01", "290000-01-01", "yesterday", "2025-13-01"]
    manifest = take(settings, "a.jsonl", [message(text, timestamp=text) for text in (*kept, *lost)])
    found = {ident for ident, row in typed_by_id(settings).items() if row["created_timestamp"] is not None}
    assert found == set(kept)
    assert [(issue.field, issue.lines) for issue in manifest.issues] == [("timestamp", len(lost))]


def test_steps_keep_their_place_and_carry_nothing_yet(settings: Settings) -> None:
    steps = [
        {"thought": "hm"},
        search(["a", "b"], 4),
        {"type": "", "thought": "x"},
        browser("SEARCH_BROWSER"),
        agent("[click] the button", "https://a.example/[x]"),
        {"thought": "Task Succeeded: done", "type": "agent_progress", "agent_progress": {"action": "x", "url": None}},
        {"thought": "Task Failed: no", "type": "agent_progress", "agent_progress": None},
        agent("finished"),
        {"thought": "Task Succeeded", "type": "fetch_url_content"},
    ]
    manifest = take(settings, "a.jsonl", [message(steps=steps)])
    assert manifest.warnings == 0
    (row,) = typed_by_id(settings).values()
    found = row["steps"]
    assert [step["step_index"] for step in found] == list(range(9))
    agents = ["agent_progress"] * 4
    assert [step["tool_type"] for step in found] == [
        None, "web_search", None, "browser_tool_execution", *agents, "fetch_url_content",
    ]  # fmt: skip
    assert [step["step_type"] for step in found] == [None] * 3 + ["SEARCH_BROWSER"] + [None] * 5
    assert [step["outcome"] for step in found] == [None] * 5 + ["succeeded", "failed", "succeeded", None]
    assert (found[1]["keywords"], found[1]["result_count"]) == (["a", "b"], 4)
    assert (found[4]["action"], found[4]["url"]) == ("[click] the button", "https://a.example/[x]")


def test_dates_are_those_of_the_time_zone_of_the_source(tmp_path: Path) -> None:
    zone = "America/Sao_Paulo"
    settings = load_settings({}, home=tmp_path, pseudonym_key=KEY, chat_time_zone=zone)
    take(settings, "a.jsonl", [message("r-1", seconds=MIDNIGHT), message("r-2", seconds=MIDNIGHT + 3 * 3600)])
    rows = typed_by_id(settings)
    assert rows["r-1"]["event_date"] == date(2025, 11, 2)
    assert rows["r-2"]["event_date"] == date(2025, 11, 3)
    assert rows["r-1"]["event_timestamp"] == moment("2025-11-03T00:00:00")
