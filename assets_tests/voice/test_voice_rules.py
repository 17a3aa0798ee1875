"""The rules of the voice spec, section 1.4, each by its number; and when an event is refused (1.1, 1.2)."""

import json
from collections.abc import Callable
from typing import Any

import duckdb
import pytest
from voice.voice_builder import (
    FIRST_DATE,
    PHONE,
    changed,
    conserved,
    dump,
    event,
    identifier,
    line,
    load,
    query,
    refused,
    value,
    warnings_of,
    without,
)

from chat_platform.lake.manifest import read_manifests
from chat_platform.settings import Settings

START, AGENT, CUSTOMER = "CustomerInitiatedCall", "AgentTalkedCustomer", "CustomerTalkedAgent"
SOLVED, ENDED, API = "AgentSolvedRequest", "CustomerCallEnded", "AgentCalledAPI"
PHONE_PATH = "context.customer.identifiers"
ALL_TYPES = (
    START, AGENT, CUSTOMER, SOLVED, ENDED, API, "AgentTransferedCustomer", "CustomerAbandonedAgent",
    "CustomerAnsweredSurvey",
)  # fmt: skip


@pytest.fixture
def home(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(first_date=FIRST_DATE)


def taken(settings: Settings, *items: Any) -> Settings:
    """The home after one load of these lines."""
    load(settings, "events.jsonl", items)
    conserved(settings)
    return settings


def test_faultless_events_of_every_type_give_no_warning(home: Settings) -> None:
    taken(home, *(event(kind, second=second) for second, kind in enumerate(ALL_TYPES)))
    assert warnings_of(home) == []
    assert value(home, "select count(*) from voice.events") == len(ALL_TYPES)


def test_1_missing_commas_are_refused_with_line_and_place(home: Settings) -> None:
    good = line(event())
    bad = good.replace(b'", "eventType"', b'" "eventType"').replace(b'"version": 1,', b'"version": 1')
    trailing = line(event(second=1))[:-1] + b",}"
    taken(home, good, bad, trailing)
    assert refused(home) == [("json_parse_error", bad), ("json_parse_error", trailing)]


def test_1_the_repair_step_mends_missing_commas_and_nothing_else(make_settings: Callable[..., Settings]) -> None:
    home = make_settings(first_date=FIRST_DATE, voice_repair_missing_commas=True)
    text = 'diga "id" 5 "version"'
    good = line(changed(event(), "context.agent.text", text))
    bad = line(changed(event(second=1), "context.agent.text", text))
    bad = bad.replace(b'", "eventType"', b'"\t"eventType"').replace(b'"version": 1,', b'"version": 1')
    bad = bad.replace(b'"<Response/>",', b'"<Response/>"')
    trailing = line(event(second=2))[:-1] + b",}"
    other = line(event(second=3)).replace(b'"vda-vivo",', b'"vda-vivo"')
    taken(home, good, bad, trailing, other)
    assert query(home, "select text, repaired from voice.turns order by event_timestamp") == [
        (text, False), (text, True),
    ]  # fmt: skip
    assert [raw for _, raw in refused(home)] == [trailing, other]
    assert warnings_of(home) == [("repaired", None)]


@pytest.mark.parametrize("dialog_type", ["RDM", "XX"])
def test_2_any_dialog_type_is_accepted_with_a_warning(home: Settings, dialog_type: str) -> None:
    taken(home, changed(event(), "context.agent.dialogType", dialog_type))
    assert query(home, "select dialog_type from voice.turns") == [(dialog_type,)]
    assert warnings_of(home) == [("outside_domain", "context.agent.dialogType")]


def test_2_else_is_longer_than_the_three_bytes(home: Settings) -> None:
    taken(home, changed(event(), "context.agent.dialogType", "else"))
    assert ("over_max_bytes", "context.agent.dialogType") in warnings_of(home)


def test_3_sizes_are_utf8_bytes_and_nothing_is_cut(home: Settings) -> None:
    fits, long = "é" * 50, "é" * 50 + "!"
    taken(
        home,
        changed(event(second=1), "context.agent.text", fits),
        changed(event(second=2), "context.agent.text", long),
    )
    assert query(home, "select text from voice.turns order by event_timestamp") == [(fits,), (long,)]
    assert query(home, "select warning, field, detail from voice.warnings") == [
        ("over_max_bytes", "context.agent.text", "101")
    ]


def test_a_number_that_may_be_a_phone_is_shown_in_no_warning(home: Settings) -> None:
    answered = event("CustomerAnsweredSurvey")
    taken(
        home,
        changed(answered, "context.survey.electronicScore", "21987654321"),
        changed(event("CustomerAnsweredSurvey", second=1), "context.survey.electronicScore", 17),
    )
    found = query(home, "select detail from voice.warnings where warning = 'outside_domain' order by event_key")
    assert sorted(detail or "" for (detail,) in found) == ["", "17.0"]


def test_4_a_captured_text_over_its_size_is_kept(home: Settings) -> None:
    text = "call_disconnected_by_the_customer"
    taken(
        home,
        event("CustomerAbandonedAgent"),
        changed(event(START, second=1), "context.customer.capturedText", text),
    )
    assert query(home, "select captured_text from voice.events") == [(text,)] * 2
    assert warnings_of(home) == [
        (code, "context.customer.capturedText") for code in ("outside_domain", "over_max_bytes")
    ]


def test_5_a_connid_is_a_correlation_id(home: Settings) -> None:
    for_long = "x" * 37
    taken(
        home,
        event(correlationId="00710234a1b2c3d4", second=1),
        event(correlationId="0071023412345678", second=2),
        event(correlationId=for_long, second=3),
    )
    calls = query(home, "select call_id from voice.calls order by first_event_at")
    assert calls == [("00710234a1b2c3d4",), ("0071023412345678",), (for_long,)]
    assert [code for code, _ in warnings_of(home)] == ["correlation_id_not_uuid"] * 3 + ["over_max_bytes"]


def test_6_scores_sent_as_text_are_read(home: Settings) -> None:
    taken(
        home,
        changed(event(second=1), "context.customer.nlp.score", "0.8"),
        changed(event(second=2), "context.customer.nlp.score", "high"),
        changed(event(second=3), "context.customer.nlp.score", 1.5),
        changed(event(second=4), "context.customer.nlp", "text"),
    )
    scores = [row[0] for row in query(home, "select intent_score from voice.turns order by event_timestamp")]
    assert [None if score is None else float(score) for score in scores] == [0.8, None, 1.5, None]
    path = "context.customer.nlp.score"
    assert warnings_of(home) == [
        ("numeric_string", path),
        ("outside_domain", path),
        ("wrong_type", "context.customer.nlp"),
        ("wrong_type", path),
    ]


def test_7_listened_data_usage_is_a_boolean(home: Settings) -> None:
    path = "context.customer.listenedDataUsage"
    taken(
        home,
        changed(event(START, 1, second=1), path, True),
        changed(event(START, 2, second=2), path, False),
        changed(event(START, 3, second=3), path, "true"),
        without(event(START, 4, second=4), path),
    )
    found = query(home, "select listened_data_usage from voice.events order by event_timestamp")
    assert found == [(True,), (False,), (None,), (None,)]
    assert warnings_of(home) == [("missing_field", path), ("wrong_type", path)]


def test_8_only_the_whole_key_is_a_duplicate(home: Settings) -> None:
    base = event()
    reordered = dict(reversed(list(base.items())))
    shifted = {**base, "when": base["when"].replace("12:00:00.000Z", "09:00:00-03:00")}
    taken(
        home,
        base,
        reordered,
        shifted,
        event(API, id=base["id"]),
        event(call=2, id=base["id"]),
        event(second=1, id=base["id"]),
    )
    assert query(home, "select duplicates, superseded, accepted from ops.loads") == [(2, 0, 4)]
    assert warnings_of(home) == [("id_collision", "id")] * 3


def test_8_of_equal_keys_with_different_content_the_same_one_stays_in_any_order(
    make_settings: Callable[..., Settings],
) -> None:
    one, other = (changed(event(), "context.agent.text", text) for text in ("um", "dois"))
    standing = []
    for name, loads in {"a": [[one, other]], "b": [[other], [one]], "c": [[one], [other, one]]}.items():
        home = make_settings(name, first_date=FIRST_DATE)
        for number, items in enumerate(loads):
            load(home, f"{number}.jsonl", items)
        conserved(home)
        standing += query(home, "select text from voice.turns")
        assert value(home, "select sum(superseded) from ops.loads") == 1
    assert len(standing) == 3
    assert len(set(standing)) == 1


SPELLINGS = [
    (event(version=1), event(version="1")),
    (event("AgentTransferedCustomer"), {**event("AgentTransferedCustomer"), "eventType": "AgentTransferredCustomer"}),
    (event(), changed(event(), "context.customer.nlp.score", "0.5")),
    (event(), changed(event(), PHONE_PATH, [{"key": "phone", "value": "(11) 96832-2333"}])),
    (event(), {**event(), "when": event()["when"].rstrip("Z")}),
    (
        changed(event(API), "context.api.httpStatus", None),
        changed(event(API), "context.api.httpStatus", "none"),
    ),
]


@pytest.mark.parametrize(("plain", "odd"), [*SPELLINGS, *(pair[::-1] for pair in SPELLINGS)])
def test_8_of_two_spellings_of_one_content_the_one_as_agreed_stays_in_any_order(
    make_settings: Callable[..., Settings], plain: Any, odd: Any
) -> None:
    agreed = next(pair[0] for pair in SPELLINGS if plain in pair and odd in pair)
    once = make_settings("once", first_date=FIRST_DATE)
    load(once, "0.jsonl", [agreed])
    for name, loads in {"a": [[plain, odd]], "b": [[plain], [odd]]}.items():
        home = make_settings(name, first_date=FIRST_DATE)
        for number, items in enumerate(loads):
            load(home, f"{number}.jsonl", items)
        conserved(home)
        assert dump(home) == dump(once)
        assert query(home, "select sum(duplicates), sum(superseded) from ops.loads") == [(1, 0)]


@pytest.mark.parametrize(
    ("context", "name"),
    [
        ({"api": {"apiName": "A", "apiAlias": "B"}, "apiAlias": "C"}, "A"),
        ({"api": {"apiAlias": "B"}, "apiAlias": "C"}, "B"),
        ({"api": {"apiName": "", "apiAlias": "B"}}, "B"),
        ({"api": {"apiName": ""}}, None),
        ({"apiAlias": "C", "customer": {}, "agent": {}}, "C"),
        ({"customer": {}, "agent": {}}, None),
    ],
)
def test_9_and_10_an_api_is_known_by_any_of_its_names(home: Settings, context: Any, name: str | None) -> None:
    taken(home, event(API, context=context))
    assert query(home, "select api_name from voice.api_calls") == [(name,)]
    assert warnings_of(home) == ([] if name else [("missing_field", "context.api.apiName")])


def test_11_the_spelling_with_two_r_is_a_transfer(home: Settings) -> None:
    transfer = event("AgentTransferedCustomer", second=3)
    ended = changed(event(ENDED, second=4), "context.customer.reason", "AgentTransferredCustomer")
    again = {**transfer, "eventType": "AgentTransferredCustomer"}
    taken(home, event(START), {**transfer, "eventType": "AgentTransferredCustomer"}, transfer, again, ended)
    assert query(home, "select event_type from voice.events order by event_timestamp") == [
        (START,), ("AgentTransferedCustomer",), (ENDED,),
    ]  # fmt: skip
    assert query(home, "select outcome, is_transferred, end_reason from voice.calls") == [
        ("transferred", True, "AgentTransferedCustomer")
    ]
    assert ("misspelt_type", "context.customer.reason") in warnings_of(home)


def test_11_further_spellings_are_a_setting(make_settings: Callable[..., Settings]) -> None:
    aliases = " RobotSolved = AgentSolvedRequest, AgentTransfer=AgentTransferedCustomer"
    home = make_settings(first_date=FIRST_DATE, voice_event_aliases=aliases)
    items = [
        event(START),
        {**event(SOLVED, second=1), "eventType": "RobotSolved"},
        {**event("AgentTransferedCustomer", second=2), "eventType": "AgentTransferredCustomer"},
        changed(event(ENDED, second=3), "context.customer.reason", "AgentTransfer"),
        event("AgentBargedIn", second=4),
    ]
    taken(home, *items)
    assert query(home, "select event_type from voice.events order by event_timestamp") == [
        (START,), (SOLVED,), ("AgentTransferedCustomer",), (ENDED,), ("AgentBargedIn",),
    ]  # fmt: skip
    assert query(home, "select last_solution, outcome from voice.solutions inner join voice.calls using (call_id)") == [
        ("Consumo", "transferred")
    ]
    told = [("misspelt_type", "context.customer.reason"), ("misspelt_type", "eventType")]
    assert [found for found in warnings_of(home) if found[0] == "misspelt_type"] == [*told, told[1]]


def test_12_intent_and_solution_are_independent(home: Settings) -> None:
    taken(home, changed(event(SOLVED), "context.customer.nlp.intent", "TRANSFERE"))
    assert query(home, "select last_solution, intent, previous_solutions from voice.solutions") == [
        ("Consumo", "TRANSFERE", '["Outra"]')
    ]
    assert warnings_of(home) == []


OBJECTS_AND_LISTS = [
    (START, PHONE_PATH),
    (CUSTOMER, "context.customer.nlp.realResponse"),
    (CUSTOMER, "context.customer.nlp.realResponse.topScoringIntent"),
    (CUSTOMER, "context.customer.nlp.realResponse.intents"),
    (SOLVED, "context.agent.solution.previousSolutions"),
]


def test_nothing_where_an_object_or_list_may_be_is_no_wrong_kind(home: Settings) -> None:
    taken(home, *(changed(event(kind, n), path, None) for n, (kind, path) in enumerate(OBJECTS_AND_LISTS)))
    assert value(home, "select count(*) from voice.warnings where warning = 'wrong_type'") == 0


def test_13_null_is_not_the_intent_none(home: Settings) -> None:
    greeting = changed(event(second=1), "context.customer.nlp", {"intent": None, "score": None})
    taken(home, greeting, changed(event(second=2), "context.customer.nlp.intent", "None"))
    assert query(home, "select intent from voice.turns order by event_timestamp") == [(None,), ("None",)]
    assert warnings_of(home) == []


def test_14_a_cleansed_text_may_be_missing(home: Settings) -> None:
    taken(home, without(event(SOLVED), "context.customer.cleansedText"))
    assert warnings_of(home) == []


def test_15_answered_and_started_calls_are_told_apart(home: Settings) -> None:
    taken(home, event(START, 1), event(AGENT, 1, 1), event(START, 2))
    assert query(home, "select has_start, passed_through_robot from voice.calls order by agent_turns") == [
        (True, False), (True, True),
    ]  # fmt: skip


@pytest.mark.parametrize("written", [PHONE, f"55{PHONE}", "+55 (11) 96832-2333", "1196832 2333", int(PHONE)])
def test_16_one_phone_in_every_spelling_is_one_person(home: Settings, written: Any) -> None:
    taken(
        home,
        event(START, 1),
        changed(event(START, 2), PHONE_PATH, [{"key": "phone", "value": written}]),
        changed(event(START, 3), PHONE_PATH, [{"key": "phone", "value": "5511555"}]),
    )
    ((persons, keyed),) = query(home, "select count(distinct phone_key), count(key_version) from voice.calls")
    assert (persons, keyed) == (2, 3)


def test_16_a_landline_with_country_code_is_normalised_too(home: Settings) -> None:
    taken(
        home,
        changed(event(START, 1), PHONE_PATH, [{"key": "phone", "value": "1132223333"}]),
        changed(event(START, 2), PHONE_PATH, [{"key": "phone", "value": "551132223333"}]),
        # A national number of the area 55 is not a country code.
        changed(event(START, 3), PHONE_PATH, [{"key": "phone", "value": "55991234567"}]),
        changed(event(START, 4), PHONE_PATH, [{"key": "phone", "value": "991234567"}]),
    )
    assert value(home, "select count(distinct phone_key) from voice.calls") == 3


@pytest.mark.parametrize(
    ("identifiers", "code", "path"),
    [
        ([{"value": PHONE}], "missing_field", "context.customer.identifiers[0].key"),
        ([{"key": None, "value": PHONE}], "missing_field", "context.customer.identifiers[0].key"),
        ([{"key": "Phone", "value": PHONE}], "outside_domain", "context.customer.identifiers[0].key"),
    ],
)
def test_17_a_phone_counts_whose_key_is_not_as_it_should_be(
    home: Settings, identifiers: Any, code: str, path: str
) -> None:
    taken(home, event(START, 1), changed(event(START, 2), PHONE_PATH, identifiers))
    assert query(home, "select count(*), count(phone_key), count(distinct phone_key) from voice.calls") == [(2, 2, 1)]
    assert warnings_of(home) == [(code, path)]


@pytest.mark.parametrize(
    ("given", "is_shown"),
    [
        (f"ura-{PHONE}", False), (f"{PHONE}-1528891200", False), (f"tel:+55{PHONE}", False), (PHONE, False),
        (f"ura{PHONE}x", False), ("someone@example.com", False), ("call-20180613-000123", True),
        ("12345678-1234-1234-1234-123456789012", True), ("5b20f0c0a1196832233304e1", True),
        ("0071023412ab1234", True),
    ],
)  # fmt: skip
def test_an_id_that_may_hold_a_phone_is_shown_by_its_pseudonym(home: Settings, given: str, is_shown: bool) -> None:
    taken(home, event(START, correlationId=given), event(ENDED, second=9, correlationId=given))
    ((shown, seconds),) = query(home, "select call_id, duration_seconds from voice.calls")
    assert (shown == given) is is_shown
    assert is_shown or (len(shown) == 64 and PHONE not in shown)
    assert seconds == 9


@pytest.mark.parametrize("identifiers", [None, [], [{"key": "phone", "value": " "}], [{"key": "cpf", "value": PHONE}]])
def test_17_a_call_without_phone_is_kept(home: Settings, identifiers: Any) -> None:
    taken(
        home, changed(event(START), PHONE_PATH, identifiers), changed(event(ENDED, second=9), PHONE_PATH, identifiers)
    )
    assert query(home, "select phone_key, key_version, duration_seconds from voice.calls") == [(None, None, 9)]
    codes = [code for code, _ in warnings_of(home)]
    assert codes.count("calls_without_phone") == 1
    assert codes.count("missing_field") == 2


# What is refused, and by which reason.
REFUSED = [
    *((without(event(), name), f"missing_required:{name}") for name in ("id", "eventType", "version", "when")),
    *((without(event(), name), f"missing_required:{name}") for name in ("correlationId", "context")),
    *((event(**{name: None}), f"missing_required:{name}") for name in ("id", "when", "correlationId", "context")),
    *((event(**{name: " "}), f"missing_required:{name}") for name in ("id", "eventType", "correlationId")),
    *((event(**{name: 5}), f"wrong_type:{name}") for name in ("id", "eventType", "correlationId", "context")),
    *((event(version=version), "wrong_type:version") for version in ("one", 1.5, True, {}, 10**12)),
    *(
        (event(when=when), "invalid_timestamp:when")
        for when in ("today", "2018-02-30T12:00:00Z", "2018-06-13", 1528891200, "2018-06-13T25:00:00Z", "", "infinity")
    ),
    (event(when="2017-12-31T23:00:00Z"), "timestamp_out_of_range"),
    (event(when="2999-01-01T00:00:00Z"), "timestamp_out_of_range"),
    (without(event(SOLVED), "context.agent.solution"), "missing_required:context.agent.solution"),
    (without(event(SOLVED), "context.agent"), "missing_required:context.agent.solution"),
    (changed(event(SOLVED), "context.agent.solution", "Consumo"), "wrong_type:context.agent.solution"),
    (
        without(event(SOLVED), "context.agent.solution.lastSolution"),
        "missing_required:context.agent.solution.lastSolution",
    ),
    (
        changed(event(SOLVED), "context.agent.solution.lastSolution", 5),
        "wrong_type:context.agent.solution.lastSolution",
    ),
    ([event()], "not_an_object"),
    ("text", "not_an_object"),
    (b'{"id": 1, "id": 2}', "duplicate_key"),
    (line(event()).replace(b'"agent": {', b'"agent": {"text": "a", '), "duplicate_key"),
    (line(event())[:-1], "json_parse_error"),
    (line(event()).replace(b"0.5", b"NaN"), "json_parse_error"),
]


def test_what_is_refused_is_kept_with_its_reason_and_stops_nothing(home: Settings) -> None:
    lines = [line(item) for item, _ in REFUSED]
    # The first line tells that this is not one array over the whole file.
    taken(home, event(second=1), *lines, event(second=2))
    assert [(reason, raw) for reason, raw in refused(home)] == [
        (reason, raw) for raw, (_, reason) in zip(lines, REFUSED, strict=True)
    ]
    assert value(home, "select count(*) from voice.events") == 2
    issues = dict(query(home, "select reason, field from ops.load_issues where severity = 'rejected'"))
    assert issues["missing_required:when"] == "when"
    assert issues["json_parse_error"] == ""


@pytest.mark.parametrize(
    ("when", "instant", "warned"),
    [
        ("2018-06-13T12:00:00Z", "12:00:00", []),
        ("2018-06-13T09:00:00-03:00", "12:00:00", []),
        ("2018-06-13T09:00:00.5-0300", "12:00:00.500000", []),
        ("2018-06-13T09:00-03", "12:00:00", []),
        ("2018-06-13t12:00:00,25z", "12:00:00.250000", []),
        ("2018-06-13 12:00:00", "12:00:00", ["no_time_zone"]),
        ("2018-06-13T12:00", "12:00:00", ["no_time_zone"]),
        ("2018-06-13T12:00:00.123456789012Z", "12:00:00.123456", ["over_max_bytes"]),
    ],
)
def test_when_is_an_instant(home: Settings, when: str, instant: str, warned: list[str]) -> None:
    taken(home, event(when=when))
    ((at,),) = query(home, "select event_timestamp from voice.events")
    assert str(at) == f"2018-06-13 {instant}"
    assert [code for code, _ in warnings_of(home)] == warned


def test_dates_are_local_and_know_of_summer_time(home: Settings) -> None:
    # 2018-11-04 had no midnight in Sao Paulo: from then on two hours lie between it and UTC.
    taken(
        home,
        event(when="2018-11-04T02:59:59Z", second=1),
        event(when="2018-11-04T03:00:00Z", second=2),
        event(when="2018-11-05T02:00:00Z", second=3),
        event(when="2018-11-05T01:59:59Z", second=4),
    )
    found = query(home, "select event_date from voice.events order by event_timestamp")
    assert [str(day) for (day,) in found] == ["2018-11-03", "2018-11-04", "2018-11-04", "2018-11-05"]


def test_versions_and_other_envelope_fields_are_coerced_or_kept(home: Settings) -> None:
    taken(
        home,
        event(second=1, version="1"),
        event(second=2, version=2),
        event(second=3, id="not-a-uuid"),
        without(event(second=4), "through"),
        event(second=5, through="x" * 21, robotVersion="r-7"),
    )
    assert query(home, "select version, robot_version from voice.events order by event_timestamp") == [
        (1, None), (2, None), (1, None), (1, None), (1, "r-7"),
    ]  # fmt: skip
    assert warnings_of(home) == [
        ("id_not_uuid", "id"), ("missing_field", "through"), ("over_max_bytes", "through"),
        ("unknown_version", "version"), ("version_coerced", "version"),
    ]  # fmt: skip


def test_custom_events_are_kept_whole_without_the_phone(home: Settings) -> None:
    custom = event("AgentBargedIn", note=f"ligue {PHONE}", context={"customer": {"x": 1}, "odd": [1, {"b": None}]})
    custom["context"]["customer"]["identifiers"] = [{"key": "phone", "value": PHONE}]
    taken(home, event(START), custom, dict(reversed(list(custom.items()))))
    ((kind, content, cut),) = query(home, "select event_type, content, content_truncated from voice.custom_events")
    assert (kind, cut) == ("AgentBargedIn", False)
    assert '"odd":[1,{"b":null}]' in content.replace(" ", "")
    assert PHONE not in content
    assert query(home, "select duplicates from ops.loads") == [(1,)]


def test_a_custom_event_is_masked_however_it_is_written(home: Settings) -> None:
    said = line(event("AgentBargedIn", note="MAIL", to=5511987654321)).replace(b"MAIL", b"maria\\u00e9\\u0040x.com.br")
    taken(home, said)
    ((content,),) = query(home, "select content from voice.custom_events")
    written = json.loads(content)
    assert (written["note"], written["to"]) == ("[email]", "[number]")


@pytest.mark.parametrize("path", ["executionElapsedTime", "httpStatus"])
def test_a_whole_number_of_eight_digits_is_not_kept(home: Settings, path: str) -> None:
    taken(
        home,
        changed(event(API), f"context.api.{path}", 11987654321),
        changed(event(API, second=1), f"context.api.{path}", "32654321"),
        changed(event(API, second=2), f"context.api.{path}", 404),
    )
    assert query(home, "select count(*), max(elapsed_ms) < 10000, max(http_status) < 600 from voice.api_calls") == [
        (3, True, True)
    ]
    found = query(home, f"select warning, detail from voice.warnings where field = 'context.api.{path}' order by 1")
    assert found == [("outside_domain", None)] * 2


def test_a_time_with_a_fraction_is_rounded_and_told(home: Settings) -> None:
    """Its severity is W: accepted and flagged (contract, context.api.executionElapsedTime)."""
    path, status = "context.api.executionElapsedTime", "context.api.httpStatus"
    given = (120.5, 120.4, "7.5", 120.0, -0.6, "x", 9999999.7)
    taken(
        home,
        *(changed(event(API, second=n), path, number) for n, number in enumerate(given)),
        changed(event(API, second=30), status, 200.5),
    )
    found = query(home, "select elapsed_ms from voice.api_calls order by event_timestamp")
    assert [elapsed for (elapsed,) in found] == [121, 120, 8, 120, -1, None, None, 12]
    codes = ["numeric_string", "outside_domain", *["rounded"] * 4, "wrong_type", "wrong_type"]
    assert warnings_of(home) == [*((code, path) for code in codes), ("wrong_type", status)]


def test_a_version_that_may_be_a_phone_is_refused(home: Settings) -> None:
    taken(home, event(version=1134567890), event(second=1, version=2))
    assert query(home, "select version from voice.events") == [(2,)]
    assert [reason for reason, _ in refused(home)] == ["wrong_type:version"]


def test_no_phone_stands_in_lake_or_tables(home: Settings) -> None:
    custom = event("AgentBargedIn", second=5)
    custom["context"]["customer"]["identifiers"] = [{"key": "phone", "value": PHONE}]
    named = event(second=6, id=PHONE, correlationId=f"+55{PHONE}")
    taken(home, *(event(kind, second=n) for n, kind in enumerate(ALL_TYPES)), custom, named)
    files = [path for item in read_manifests(home.lake) for path in item.paths(home.lake)]
    in_lake = duckdb.execute("select cast(t as varchar) from read_parquet($1, union_by_name => true) as t", [files])
    rows = [row for (row,) in in_lake.fetchall()]
    tables = [
        str(row)
        for table in ("events", "calls", "turns", "solutions", "custom_events", "warnings")
        for row in query(home, f"select * from voice.{table}")
    ]
    assert len(rows) == len(ALL_TYPES) + 2
    assert not [row for row in rows + tables if PHONE in row]
    assert value(home, "select count(distinct phone_key) from voice.events") == 1
    assert value(home, "select count(*) from voice.events where strlen(phone_key) = 64") > 5


@pytest.mark.parametrize(
    ("kinds", "reason", "outcome"),
    [
        ((START, AGENT), None, "open"),
        ((START, AGENT, SOLVED), None, "solved"),
        ((START, AGENT, SOLVED, ENDED), "CustomerAbandonedAgent", "abandoned"),
        ((START, AGENT, SOLVED, ENDED), "Other", "solved"),
        ((START, AGENT, ENDED), "Other", "unknown"),
        ((START, "CustomerAbandonedAgent", "AgentTransferedCustomer"), None, "transferred"),
    ],
)
def test_outcome_is_the_reason_then_the_last_terminal_event(
    home: Settings, kinds: tuple[str, ...], reason: str | None, outcome: str
) -> None:
    items = [event(kind, second=n) for n, kind in enumerate(kinds)]
    taken(
        home, *(changed(one, "context.customer.reason", reason) if one["eventType"] == ENDED else one for one in items)
    )
    assert value(home, "select outcome from voice.calls") == outcome


def test_a_call_is_made_of_all_of_its_events(home: Settings) -> None:
    taken(
        home,
        event(ENDED, second=60),
        changed(event(second=20), "context.agent.scriptPoint", "99"),
        event(second=10),
        event(CUSTOMER, second=15),
        event(START, second=5),
        event(SOLVED, second=30),
        event(START, second=7),
    )
    found = query(
        home,
        "select cast(started_at as varchar), duration_seconds, agent_turns, customer_turns, start_events, end_events, "
        "last_script_point, last_dialog_type, outcome, terminal_event, line_number, call_id from voice.calls",
    )
    assert found == [
        ("2018-06-13 12:00:05", 55, 2, 1, 2, 1, "99", "DES", "solved", SOLVED, 5, identifier(1)),
    ]
    assert ("several_starts", None) in warnings_of(home)


def test_an_end_before_the_start_and_one_without(home: Settings) -> None:
    taken(home, event(START, 1, 10), event(ENDED, 1, 4), event(ENDED, 2, 5))
    found = query(home, "select duration_seconds, is_negative_duration, has_start from voice.calls order by has_start")
    assert found == [(None, False, False), (None, True, True)]
    assert warnings_of(home) == [("negative_duration", None), ("orphan_end", None)]


def test_a_solution_takes_the_phone_of_the_start_where_it_has_none(home: Settings) -> None:
    taken(home, event(START), changed(event(SOLVED, second=3), PHONE_PATH, []))
    assert (
        value(
            home,
            "select count(*) from voice.solutions inner join voice.calls on solutions.phone_key = calls.phone_key",
        )
        == 1
    )


def test_a_solution_of_a_call_without_a_start_has_its_own_phone_or_none(home: Settings) -> None:
    taken(home, event(AGENT, 1), changed(event(SOLVED, 1, 3), PHONE_PATH, []), event(AGENT, 2), event(SOLVED, 2, 3))
    found = query(home, "select call_id, phone_key is null from voice.solutions order by 2")
    assert [is_missing for _, is_missing in found] == [False, True]
    assert value(home, "select count(*) from voice.calls where phone_key is not null") == 2


def test_a_solution_takes_no_phone_of_another_event_than_the_start(home: Settings) -> None:
    nobody = {"customer": {"capturedText": "start_conversation", "listenedDataUsage": False}}
    solved = changed(event(SOLVED, second=3), PHONE_PATH, [])
    taken(
        home,
        event(CUSTOMER), solved,
        event(START, 2, context=nobody), event(CUSTOMER, 2, 1), changed(event(SOLVED, 2, 3), PHONE_PATH, []),
    )  # fmt: skip
    assert query(home, "select phone_key, key_version from voice.solutions") == [(None, None)] * 2
    assert sorted(query(home, "select has_start, phone_key is null from voice.calls")) == [(False, False), (True, True)]
