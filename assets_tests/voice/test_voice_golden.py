"""The worked example of the voice spec: every count of `expected.json` that ingest and calls give."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from voice.voice_builder import FIRST_DATE, GOLDEN, Event, conserved, dump, event, line, load, query, refused, value

from chat_platform.contracts import voice
from chat_platform.publish.voice import backfill
from chat_platform.settings import Settings

EXPECTED = json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))
BATCH_1 = EXPECTED["ingest"]["batch_1"]


def golden(name: str) -> bytes:
    return (GOLDEN / name).read_bytes()


@pytest.fixture
def published(make_settings: Callable[..., Settings]) -> Settings:
    settings = make_settings(first_date=FIRST_DATE)
    load(settings, "events.jsonl", golden("events.jsonl"))
    return settings


def outcomes(settings: Settings) -> dict[str, int]:
    return dict(query(settings, "select outcome, count(*) from voice.calls where has_start group by 1"))


def durations(settings: Settings) -> tuple[int, float]:
    ((calls, seconds),) = query(
        settings,
        "select count(*), sum(duration_seconds) from voice.calls where has_start and duration_seconds is not null",
    )
    return calls, round(float(seconds) / calls, 4)


def events(settings: Settings) -> int:
    return int(value(settings, "select count(*) from voice.events"))


def test_ingest_counts(published: Settings) -> None:
    ((*counts,),) = query(
        published, "select lines_read, blank, rejected, duplicates, superseded, accepted from ops.loads"
    )
    assert counts == [
        BATCH_1["physical_lines"],
        BATCH_1["blank_lines"],
        BATCH_1["quarantined"],
        BATCH_1["duplicates_dropped"],
        0,
        BATCH_1["unique_events"],
    ]
    conserved(published)


def test_refused_lines_are_kept_whole_with_their_reasons(published: Settings) -> None:
    rows = refused(published)
    reasons: dict[str, int] = {}
    for reason, _ in rows:
        reasons[reason] = reasons.get(reason, 0) + 1
    assert reasons == BATCH_1["quarantine_reasons"]
    delivered = golden("events.jsonl").split(b"\n")
    assert all(raw in delivered for _, raw in rows)
    told = dict(query(published, "select reason, lines from ops.load_issues where severity = 'rejected'"))
    assert told == BATCH_1["quarantine_reasons"]


def test_events_by_type(published: Settings) -> None:
    found = dict(query(published, "select event_type, count(*) from voice.events group by 1"))
    assert found == EXPECTED["ingest"]["events_by_type_batch_1"]
    custom = dict(query(published, "select event_type, count(*) from voice.custom_events group by 1"))
    assert custom == BATCH_1["custom_event_types"]
    by_table = {
        table: value(published, f"select count(*) from voice.{table}")
        for table in ("turns", "api_calls", "solutions", "transfers", "surveys")
    }
    assert by_table == {"turns": 20, "api_calls": 5, "solutions": 4, "transfers": 3, "surveys": 0}


def test_warnings(published: Settings) -> None:
    names = {
        "id_collisions_kept": "warning = 'id_collision'",
        "orphan_end_calls": "warning = 'orphan_end'",
        "negative_duration_calls": "warning = 'negative_duration'",
        "calls_without_phone": "warning = 'calls_without_phone'",
        "agent_text_over_100_bytes": "warning = 'over_max_bytes' and field = 'context.agent.text'",
    }
    found = {
        name: value(published, f"select count(*) from voice.warnings where {condition}")
        for name, condition in names.items()
    }
    assert found == EXPECTED["ingest"]["warnings"]


def test_calls(published: Settings) -> None:
    recommended = EXPECTED["recommended"]["overall_batch_1"]
    assert outcomes(published) == EXPECTED["recommended"]["outcomes_batch_1"]
    assert durations(published) == (recommended["tma_calls"], recommended["tma_seconds"])
    ((started, answered, transferred),) = query(
        published,
        "select count(*) filter (where has_start), count(*) filter (where passed_through_robot), "
        "count(*) filter (where has_start and is_transferred) from voice.calls",
    )
    assert (started, answered) == (recommended["initiated_calls"], recommended["interaction_volume"])
    assert round(100 * transferred / started, 4) == recommended["transfer_pct"]
    by_date = {
        str(day): calls
        for day, calls in query(published, "select event_date, count(*) from voice.calls where has_start group by 1")
    }
    assert by_date == {
        day: figures["initiated_calls"] for day, figures in EXPECTED["recommended"]["daily_batch_1"].items()
    }
    apis = dict(query(published, "select api_name, count(*) from voice.api_calls group by 1"))
    assert apis == recommended["api_calls"]


def test_turns_tell_null_from_the_intent_none(published: Settings) -> None:
    ((agent, none, idk, union),) = query(
        published,
        "select count(*), count(*) filter (where intent = 'None'), "
        "count(*) filter (where intent = 'None' or dialog_type = 'REJ'), "
        "count(*) filter (where intent = 'None' or dialog_type in ('REJ', 'DES')) "
        "from voice.turns where speaker = 'agent'",
    )
    recommended = EXPECTED["recommended"]["overall_batch_1"]
    assert (agent, idk) == (recommended["at_events"], recommended["idk_count"])
    assert none == 3
    assert round(100 * union / agent, 4) == recommended["disambiguation_pct"]


def test_transfers_know_what_came_before(published: Settings) -> None:
    found = query(
        published, "select event_timestamp, rejections_before, last_intent_before from voice.transfers order by 1"
    )
    # Read off events.jsonl: K02 was rejected at 20:00:12, K05 at 14:00:10; both asked for a person last.
    assert [(f"{at:%d %H:%M:%S}", rejections, intent) for at, rejections, intent in found] == [
        ("13 20:01:28", 1, "TRANSFERE"),
        ("14 14:00:45", 1, "TRANSFERE"),
        ("14 14:00:47", 1, "TRANSFERE"),
    ]


def test_a_late_load_ends_the_open_call(published: Settings) -> None:
    done = load(published, "events_late.jsonl", golden("events_late.jsonl"))
    changes = EXPECTED["recommended"]["changes_after_batch_2"]
    assert {name: count for name, count in changes["outcomes"].items() if count} == outcomes(published)
    assert durations(published) == (changes["overall"]["tma_calls"], changes["overall"]["tma_seconds"])
    assert events(published) == EXPECTED["ingest"]["after_batch_2_unique_events"]
    ((duplicates, accepted),) = query(published, "select duplicates, accepted from ops.loads where load_sequence = 2")
    batch = EXPECTED["ingest"]["batch_2"]
    assert (duplicates, accepted) == (batch["duplicates_dropped"], batch["unique_events"])
    # The repeated end of K01 touches nothing: the scope holds the one call, and its date.
    assert (done.calls, [str(day) for day in done.dates]) == (1, ["2018-06-14"])
    conserved(published)


def test_the_same_lines_again_change_nothing(published: Settings) -> None:
    before = dump(published)
    done = load(published, "again.jsonl", golden("events.jsonl"))
    assert (done.calls, events(published)) == (0, EXPECTED["ingest"]["reload_batch_1_again_unique_events"])
    assert dump(published) == before
    conserved(published)


def test_surveys_stand_once_and_orphans_stay(published: Settings) -> None:
    load(published, "survey.jsonl", golden("survey.jsonl"))
    survey = EXPECTED["survey"]
    ((lines_read, duplicates),) = query(
        published, "select lines_read, duplicates from ops.loads where load_sequence = 2"
    )
    assert (lines_read, duplicates) == (survey["input_lines"], survey["duplicates_dropped"])
    ((standing, orphans),) = query(
        published,
        "select count(*), count(*) filter (where not has_start) "
        "from voice.surveys inner join voice.calls on surveys.call_id = calls.call_id",
    )
    assert (standing, orphans) == (survey["input_lines"] - survey["duplicates_dropped"], survey["orphans"])
    ((count, mean),) = query(
        published,
        "select count(electronic_score), avg(electronic_score) from voice.surveys "
        "inner join voice.calls on surveys.call_id = calls.call_id where has_start and not is_transferred",
    )
    first = survey["scenario_1_robot_only"]
    assert (count, round(float(mean), 4)) == (first["responses"], first["electronic_avg"])


def test_a_backfill_of_every_date_changes_nothing(published: Settings) -> None:
    load(published, "events_late.jsonl", golden("events_late.jsonl"))
    before = dump(published)
    days = [day for (day,) in query(published, "select distinct event_date from voice.events order by 1")]
    for day in days:
        done = backfill(published, [day], f"backfill-{day}")
        assert done.calls > 0
        assert dump(published) == before
    backfill(published, days, "backfill-all")
    assert dump(published) == before


def test_a_repaired_line_says_so(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(first_date=FIRST_DATE, voice_repair_missing_commas=True)
    load(settings, "events.jsonl", golden("events.jsonl"))
    # One of the two lines that are no JSON lacks commas; the other is cut short and stays refused.
    assert (
        dict(query(settings, "select reason, lines from ops.load_issues where severity = 'rejected'"))[
            "json_parse_error"
        ]
        == BATCH_1["quarantine_reasons"]["json_parse_error"] - 1
    )
    assert query(settings, "select warning from voice.warnings where warning = 'repaired'") == [("repaired",)]
    found = query(
        settings,
        "select count(*), count(*) filter (where intent = 'None' or dialog_type = 'REJ'), "
        "count(*) filter (where dialog_type = 'DES'), count(*) filter (where repaired) "
        "from voice.turns where speaker = 'agent' and event_date = date '2018-06-13'",
    )
    after = EXPECTED["variants"]["after_recovery_of_m1"]["2018-06-13"]
    assert found == [(after["at_events"], after["idk_count"], after["des_count"], 1)]


def test_the_contract_is_that_of_the_spec() -> None:
    written: dict[str, Any] = json.loads((GOLDEN / "contract.json").read_text(encoding="utf-8"))["events"]
    envelope = {"id", "eventType", "version", "when", "through", "correlationId", "context"}
    compared = 0
    for kind, rows in written.items():
        known = {item.path: item for item in voice.FIELDS if kind in item.most_bytes}
        for path, type_, most_bytes, domain, severity in rows:
            if path in envelope or "identifiers" in path or "[" in path or type_ in ("object", "array"):
                continue
            if path == "context.agent.solution.previousSolutions":
                continue
            item = known.pop(path)
            compared += 1
            kinds = {
                "text": "string",
                "boolean": "boolean",
                "number": "number",
                "whole": "integer",
                "rounded": "integer",
            }
            assert type_.startswith(kinds[item.kind]), (kind, path)
            if item.kind == "text":
                assert item.most_bytes[kind] == most_bytes, (kind, path)
            if isinstance(domain, list) and item.kind == "text":
                assert isinstance(item.domain, dict)
                assert sorted(item.domain[kind]) == sorted(domain), (kind, path)
            if severity == "E":
                assert path in voice.REQUIRED, (kind, path)
        # What is left stands in the page alone: the names by which an API may be called.
        assert set(known) <= {"context.api.apiAlias", "context.apiAlias"}, (kind, set(known))
    assert compared > 25


WRONG = {"string": 5, "boolean": "yes", "number": [], "integer": {}, "object": "text", "array": {"a": 1}}
TOO_LONG = {"when": "2018-06-13T12:00:00." + "0" * 10 + "Z"}
# What the page says of the field realResponse, and the file does not.
OF_THE_PAGE = (("topScoringIntent", "object"), ("intents", "array"))


def put(kind: str, second: int, path: str, content: Any) -> Event:
    """A faultless event but for what stands at a path such as context.customer.identifiers[0].key."""
    made = event(kind, call=second, second=second)
    *steps, last = [int(step) if step.isdigit() else step for step in re.findall(r"\w+", path.replace("[]", "[0]"))]
    place: Any = made
    for step in steps:
        place = place[step] if isinstance(step, int) else place.setdefault(step, {})
    place[last] = content
    return made


def test_every_row_of_the_contract_is_checked(make_settings: Callable[..., Settings]) -> None:
    """A value of the wrong type at each field of the contract, and one too long in each of the envelope."""
    rows = [
        (kind, path, type_, most_bytes, severity)
        for kind, found in json.loads((GOLDEN / "contract.json").read_text(encoding="utf-8"))["events"].items()
        for path, type_, most_bytes, _, severity in found
    ]
    real = "context.customer.nlp.realResponse"
    rows += [("CustomerTalkedAgent", f"{real}.{name}", type_, None, "W") for name, type_ in OF_THE_PAGE]
    asked = []
    for kind, path, type_, most_bytes, severity in rows:
        wrong = next(content for name, content in WRONG.items() if type_.startswith(name))
        asked.append((put(kind, len(asked), path, wrong), path, type_, severity[0] == "E"))
        if "." not in path and type_ == "string":
            text = TOO_LONG.get(path, "x" * (most_bytes + 1))
            asked.append((put(kind, len(asked), path, text), path, "size", False))
    settings = make_settings(first_date=FIRST_DATE)
    load(settings, "events.jsonl", [item for item, *_ in asked])
    reasons = {raw: reason for reason, raw in refused(settings)}
    told: dict[int, set[tuple[str, str]]] = {}
    for number, code, place in query(settings, "select line_number, warning, field from voice.warnings"):
        told.setdefault(number, set()).add((code, place))
    for number, (item, path, type_, is_refused) in enumerate(asked, 1):
        expected = {("over_max_bytes" if type_ == "size" else "wrong_type", path)}
        if path.endswith("key") or "[]" in path:
            expected = {("outside_domain", re.sub(r"\[\].*", "[]", path))}
        if is_refused:
            code = "invalid_timestamp" if path == "when" else "wrong_type"
            assert reasons[line(item)] == f"{code}:{path}", item
        else:
            assert line(item) not in reasons, reasons[line(item)]
            assert told.get(number, set()) & expected, (item["eventType"], path, told.get(number))
    conserved(settings)
