"""The made-up feed of calls: what the truth says is what stands in the files, recounted here in plain Python."""

import gzip
import json
import re
from collections import Counter, defaultdict
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from chat_platform.sample.voice import VoiceTruth, generate_voice

TERMINAL = {
    "AgentSolvedRequest": "solved",
    "AgentTransferedCustomer": "transferred",
    "CustomerAbandonedAgent": "abandoned",
}


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> tuple[VoiceTruth, list[str]]:
    folder = tmp_path_factory.mktemp("voice")
    truth = generate_voice(folder, events=30_000, seed=5, defect_rate=0.02)
    assert sorted(truth.files) == sorted(path.name for path in folder.iterdir())
    texts = [gzip.decompress((folder / name).read_bytes()).decode() for name in truth.files]
    return truth, [line for text in texts for line in text.splitlines()]


def accepted(lines: list[str]) -> list[dict[str, Any]]:
    """Events of the lines, redeliveries left out, types in their canonical spelling."""
    found: dict[str, dict[str, Any]] = {}
    for line in dict.fromkeys(lines):
        try:
            event = json.loads(line)
            moment = datetime.fromisoformat(event["when"])
            event["eventType"] = event["eventType"].replace("AgentTransferred", "AgentTransfered")
            found[" ".join((event["id"], event["eventType"], event["correlationId"], event["when"]))] = event
            assert moment.tzinfo
        except (ValueError, KeyError, TypeError):
            continue
    return list(found.values())


def test_the_truth_is_what_stands_in_the_files(feed: tuple[VoiceTruth, list[str]]) -> None:
    truth, lines = feed
    events = accepted(lines)
    assert truth.lines == len(lines) == truth.blank + truth.rejected + truth.redelivered + truth.events
    assert len(events) == truth.events
    assert truth.blank == sum(not line for line in lines)
    assert Counter(event["eventType"] for event in events) == truth.by_type
    apis = Counter(event["context"]["api"]["apiName"] for event in events if event["eventType"] == "AgentCalledAPI")
    assert apis == truth.api_calls
    calls: dict[str, list[str]] = defaultdict(list)
    for event in events:
        calls[event["correlationId"]].append(event["eventType"])
    started = [kinds for kinds in calls.values() if "CustomerInitiatedCall" in kinds]
    assert len(started) == truth.started < truth.calls
    assert sum("AgentTalkedCustomer" in kinds for kinds in started) == truth.answered
    assert sum("AgentTransferedCustomer" in kinds for kinds in started) == truth.transferred
    outcomes = Counter(next((TERMINAL[kind] for kind in kinds if kind in TERMINAL), "open") for kinds in started)
    assert outcomes == truth.outcomes
    assert sum(kinds == ["CustomerAnsweredSurvey"] for kinds in calls.values()) == truth.orphan_surveys > 0


def test_the_feed_has_what_real_feeds_have(feed: tuple[VoiceTruth, list[str]]) -> None:
    truth, lines = feed
    assert 28_000 < truth.events < 32_000
    assert truth.redelivered / truth.events >= 0.006
    assert truth.late > 50
    assert set(truth.by_type) == {
        "CustomerInitiatedCall", "AgentTalkedCustomer", "CustomerTalkedAgent", "AgentTransferedCustomer",
        "AgentSolvedRequest", "CustomerAbandonedAgent", "CustomerCallEnded", "AgentCalledAPI",
        "CustomerAnsweredSurvey", "AgentBargedIn",
    }  # fmt: skip
    assert set(truth.outcomes) == {"solved", "transferred", "abandoned", "open"}
    assert 0 < truth.withheld < 0.1 * truth.calls
    events = accepted(lines)
    starts = [event for event in events if event["eventType"] == "CustomerInitiatedCall"]
    written = [(event["context"]["customer"].get("identifiers") or [{"value": None}])[0]["value"] for event in starts]
    digits = [re.sub(r"\D", "", phone) for phone in written if phone]
    national = Counter(number[2:] if len(number) == 13 else number for number in digits)
    assert all(len(number) == 11 for number in national)
    assert any(phone.startswith("+55") for phone in written if phone)
    assert any(len(number) == 13 for number in digits)
    assert {None, ""} <= set(written)
    assert sum(count > 1 for count in national.values()) / len(national) > 0.2, "people call again"
    text = "\n".join(lines)
    for part in ("AgentTransferredCustomer", '"version": "1"', '-03:00"', '"score": "0.93"', '"REJ"', '"SIL"', '"DES"'):
        assert part in text, part
    assert Counter(event["id"] for event in events).most_common(1)[0][1] > 1, "one id on two events"


def test_a_call_goes_from_its_start_to_its_end(feed: tuple[VoiceTruth, list[str]]) -> None:
    by_call: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for event in accepted(feed[1]):
        by_call[event["correlationId"]].append((datetime.fromisoformat(event["when"]), event["eventType"]))
    skewed = 0
    for events in by_call.values():
        kinds = [kind for _, kind in sorted(events)]
        if "CustomerInitiatedCall" not in kinds:
            continue
        if kinds[0] != "CustomerInitiatedCall":
            skewed += 1
            continue
        assert kinds.count("CustomerInitiatedCall") == 1
        assert kinds.count("CustomerCallEnded") <= 1
        for kind, following in pairwise(kinds):
            if kind in TERMINAL:
                assert following in {kind, "CustomerCallEnded"}
            if kind == "CustomerCallEnded":
                assert following == "CustomerAnsweredSurvey"
    assert 0 < skewed < 0.01 * len(by_call)


def test_the_same_arguments_give_the_same_files(tmp_path: Path) -> None:
    def files(name: str, seed: int) -> dict[str, bytes]:
        generate_voice(tmp_path / name, events=2000, seed=seed, first_date=date(2026, 3, 1), days=3)
        return {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}

    assert files("a", 1) == files("b", 1)
    assert files("c", 2) != files("a", 1)
