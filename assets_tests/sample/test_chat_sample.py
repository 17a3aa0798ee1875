"""The chat sample feed: the same on every run, as its truth says, and shaped like a real one."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from chat_recount import Recount, query_of, read_lines, recount, refusal, steps_of, thread_of, usable

from chat_platform.sample.chat import REJECT_REASONS, TABLES, Truth, generate

SCENARIOS: dict[str, dict[str, Any]] = {
    "default": {"messages": 1500},
    "many_defects": {"messages": 1200, "seed": 3, "defect_rate": 0.6, "late_share": 0.3, "days": 4},
    "many_files": {
        "messages": 900,
        "seed": 5,
        "deliveries_per_day": 4,
        "layout": "by_day",
        "compression": "zstd",
    },
    "one_date": {"messages": 1500, "seed": 11, "days": 1, "compression": "none", "defect_rate": 0.3},
    "clean": {"messages": 400, "seed": 13, "days": 30, "defect_rate": 0, "late_share": 0},
    "hardly_any": {"messages": 3, "days": 5},
    "nothing": {"messages": 0, "days": 2},
}


def paths(folder: Path, truth: Truth) -> list[Path]:
    return [folder / file.path for file in truth.files]


def digests(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module", params=list(SCENARIOS))
def feed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth, Recount]:
    folder = tmp_path_factory.mktemp(request.param)
    truth = generate(folder, **SCENARIOS[request.param])
    return folder, truth, recount(paths(folder, truth))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Truth, Recount]:
    folder = tmp_path_factory.mktemp("large")
    truth = generate(folder, messages=16_000, compression="none", seed=21)
    return truth, recount(paths(folder, truth))


def test_truth_is_what_a_recount_finds(feed: tuple[Path, Truth, Recount]) -> None:
    _, truth, found = feed
    assert truth.lines == found.lines
    assert truth.blank == found.blank
    assert {k: v for k, v in truth.rejected.items() if v} == dict(found.rejected)
    assert truth.duplicates == found.duplicates
    assert truth.superseded == found.superseded
    assert truth.accepted == len(found.accepted)
    assert truth.tables == {table: dict(found.tables[table]) for table in TABLES}
    assert truth.typeless_steps == found.typeless_steps
    assert truth.tool_types == dict(found.tool_types)
    assert truth.unrouted_steps == found.unrouted_steps
    assert truth.domains == dict(found.domains)
    assert truth.statuses == dict(found.statuses)
    assert truth.agent_statuses == dict(found.agent_statuses)
    assert truth.no_response_reasons == dict(found.reasons)
    assert truth.queries == found.queries
    assert truth.threads == len(found.thread_dates)
    assert truth.threads_over_midnight == sum(len(dates) > 1 for dates in found.thread_dates.values())
    assert truth.conversations == len(found.thread_dates) + found.without_thread
    assert truth.messages_with_user == found.messages_with_user
    assert truth.known_users == len(found.users)
    assert truth.total_cost == found.total_cost


def test_lines_add_up(feed: tuple[Path, Truth, Recount]) -> None:
    _, truth, _ = feed
    assert truth.lines == (truth.blank + truth.rejected_total + truth.duplicates + truth.superseded + truth.accepted)
    assert truth.rows("chat_sessions") == truth.accepted
    assert truth.lines == sum(file.lines for file in truth.files)


def test_files_are_as_listed(feed: tuple[Path, Truth, Recount]) -> None:
    folder, truth, _ = feed
    assert {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} == {
        file.path for file in truth.files
    }
    assert [file.delivered for file in truth.files] == sorted(file.delivered for file in truth.files)
    for file in truth.files:
        assert len(read_lines(folder / file.path)) == file.lines
        assert file.late == ("-late." in file.path)
        assert f"chat-{file.delivered}-" in file.path


def test_late_files_hold_earlier_dates_only(tmp_path: Path) -> None:
    truth = generate(tmp_path, messages=800, late_share=0.2, defect_rate=0)
    assert 100 < truth.late_lines < 220
    for file in truth.files:
        delivered = date.fromisoformat(file.delivered)
        for line in read_lines(tmp_path / file.path):
            happened = datetime.fromtimestamp(json.loads(line)["@timestamp"], UTC).date()
            if file.late:
                assert timedelta(days=1) <= delivered - happened <= timedelta(days=3)
            else:
                assert happened == delivered


def test_messages_stay_in_their_dates(feed: tuple[Path, Truth, Recount], request: pytest.FixtureRequest) -> None:
    _, truth, _ = feed
    days = SCENARIOS[request.node.callspec.params["feed"]].get("days", 14)
    allowed = {(date(2026, 1, 5) + timedelta(days=n)).isoformat() for n in range(days)}
    assert set(truth.tables["chat_sessions"]) <= allowed


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_same_seed_same_bytes(tmp_path: Path, compression: Any) -> None:
    first = generate(tmp_path / "a", messages=300, compression=compression, defect_rate=0.2)
    again = generate(tmp_path / "b", messages=300, compression=compression, defect_rate=0.2)
    other = generate(tmp_path / "c", messages=300, compression=compression, defect_rate=0.2, seed=8)
    assert first == again
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a") != digests(tmp_path / "c")
    assert other.secrets["user_id"] != first.secrets["user_id"]


def test_same_bytes_in_another_process(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from chat_platform.sample.chat import generate\n"
        "generate(pathlib.Path(sys.argv[1]), messages=300, defect_rate=0.2)\n"
    )
    for hash_seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / hash_seed)],
            check=True,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[2],
        )
    assert digests(tmp_path / "1") == digests(tmp_path / "2")


def test_seeds_do_not_share_ids(tmp_path: Path) -> None:
    found = []
    for seed in (1, 2):
        truth = generate(tmp_path / str(seed), messages=300, seed=seed)
        found.append(recount(paths(tmp_path / str(seed), truth)))
    ids = [{m["response_body"]["id"] for m in f.accepted if usable(m["response_body"])} for f in found]
    assert not ids[0] & ids[1]
    assert not set(found[0].thread_dates) & set(found[1].thread_dates)


def test_every_defect_occurs(tmp_path: Path) -> None:
    truth = generate(tmp_path, messages=3000, defect_rate=0.3, compression="none")
    assert set(truth.rejected) == set(REJECT_REASONS)
    assert all(count > 20 for count in truth.rejected.values())
    extra = truth.lines - truth.accepted
    assert 0.25 < extra / 3000 < 0.36
    assert truth.duplicates > truth.superseded > truth.blank > 0
    lines = [line for path in paths(tmp_path, truth) for line in read_lines(path)]
    copies = sum(n - 1 for line, n in Counter(lines).items() if refusal(line)[0] is None)
    assert 0 < copies < truth.duplicates, "some copies have the same bytes, others another order of keys"


def test_truth_can_be_written_as_json(tmp_path: Path) -> None:
    truth = generate(tmp_path, messages=200)
    loaded = json.loads(json.dumps(dataclasses.asdict(truth)))
    assert loaded["tables"] == truth.tables
    assert loaded["files"][0]["path"] == truth.files[0].path


def test_shape_follows_the_observed_feed(large: tuple[Truth, Recount]) -> None:
    _, found = large
    messages = found.accepted
    n = len(messages)
    reasons = found.reasons
    assert reasons["http_401"] / n == pytest.approx(35 / 171, abs=0.015)
    assert reasons["undecodable_body"] / n == pytest.approx(4 / 171, abs=0.006)
    assert reasons["empty_body"] / n == pytest.approx(3 / 171, abs=0.005)
    errors = reasons.total() - reasons["http_401"] - reasons["undecodable_body"] - reasons["empty_body"]
    assert errors / n == pytest.approx(1 / 171, abs=0.003)
    assert found.without_thread / n == pytest.approx(108 / 171, abs=0.02)
    assert sum(not m["room_id"] for m in messages) / n == pytest.approx(142 / 171, abs=0.015)
    assert 0.005 < sum("_id" in m for m in messages) / n < 0.15

    answered = [m for m in messages if usable(m["response_body"])]
    steps = Counter(len(steps_of(m)) for m in answered)
    for length, share in ((0, 33 / 128), (1, 64 / 128), (2, 27 / 128)):
        assert steps[length] / len(answered) == pytest.approx(share, abs=0.02)
    all_steps = found.typeless_steps + found.tool_types.total()
    assert found.typeless_steps / all_steps == pytest.approx(106 / 143, abs=0.06)
    assert found.tool_types["web_search"] / all_steps == pytest.approx(18 / 143, abs=0.03)
    assert found.tool_types["agent_progress"] / all_steps == pytest.approx(13 / 143, abs=0.05)
    assert found.tool_types["memory_recall"] > 0

    contents = [m["request_body"]["messages"][-1]["content"] for m in messages if m["request_body"]["messages"]]
    assert sum(isinstance(c, list) for c in contents) / n == pytest.approx(45 / 177, abs=0.02)
    kinds = Counter(m["request_body"].get("web_search_options", {}).get("search_type") for m in messages)
    assert kinds["auto"] / n == pytest.approx(160 / 170, abs=0.01)
    assert kinds["fast"] > kinds[None] > 0

    latency = sorted(m["@timestamp"] - m["response_body"]["created"] for m in answered)
    assert sum(value < 0 for value in latency) / len(latency) < 0.003
    assert median(latency) == pytest.approx(0.71, abs=0.05)
    assert latency[int(len(latency) * 0.9)] == pytest.approx(1.12, abs=0.1)
    sizes = [len(s["web_search"]["search_results"]) for m in answered for s in steps_of(m) if "web_search" in s]
    assert min(sizes) >= 3
    assert max(sizes) <= 20
    assert 13 <= median(sizes) <= 18
    assert sum(not m["response_body"]["search_results"] for m in answered) / len(answered) == pytest.approx(
        25 / 128, abs=0.05
    )


def test_costs_are_rounded_as_observed(large: tuple[Truth, Recount]) -> None:
    _, found = large
    apart = contexts = 0
    usages = [m["response_body"] for m in found.accepted if usable(m["response_body"])]
    usages = [r for r in usages if "usage" in r and r["model"] == "sonar-pro"]
    completions = []
    sizes: Counter[str] = Counter()
    for response in usages:
        usage = response["usage"]
        cost = usage["cost"]
        prompt, completion = usage["prompt_tokens"], usage["completion_tokens"]
        assert 1 <= prompt <= 20
        assert 15 <= completion <= 1206
        assert cost["input_tokens_cost"] == 0
        assert cost["output_tokens_cost"] == round(completion * 15e-6, 3)
        assert cost["request_cost"] == {"low": 0.006, "medium": 0.01, "high": 0.014}[usage["search_context_size"]]
        exact = prompt * 3e-6 + completion * 15e-6 + cost["request_cost"]
        assert cost["total_cost"] == pytest.approx(exact, abs=0.000501)
        apart += round(cost["output_tokens_cost"] + cost["request_cost"], 3) != cost["total_cost"]
        completions.append(completion)
        sizes[usage["search_context_size"]] += 1
        contexts += 1
    assert median(completions) == pytest.approx(596, abs=25)
    assert sizes["low"] / contexts > 0.9
    assert sizes["medium"] > sizes["high"] > 0
    assert 0 < apart / contexts < 0.08


def test_traffic_has_nights_and_weekends(large: tuple[Truth, Recount]) -> None:
    truth, found = large
    hours = Counter(datetime.fromtimestamp(m["@timestamp"], UTC).hour for m in found.accepted)
    assert hours[15] > 4 * hours[4] > 0
    by_date = truth.tables["chat_sessions"]
    assert len(by_date) == 14
    assert by_date["2026-01-11"] < 0.65 * by_date["2026-01-07"]


def test_threads_are_conversations(large: tuple[Truth, Recount]) -> None:
    truth, found = large
    sizes = Counter(thread for m in found.accepted if (thread := thread_of(m)))
    assert 2 < sum(sizes.values()) / len(sizes) < 3
    assert max(sizes.values()) <= 12
    assert truth.threads_over_midnight > 10


def test_edge_cases_occur(large: tuple[Truth, Recount]) -> None:
    truth, found = large
    assert truth.unrouted_steps > truth.tool_types["memory_recall"]
    assert truth.domains[""] > 0
    assert any(domain.startswith("m.") for domain in truth.domains)
    assert set(truth.agent_statuses) == {"completed", "failed", "partial"}
    assert set(truth.statuses) == {"completed", "failed", "partial", "in_progress"}
    models = Counter(m["request_body"]["model"] for m in found.accepted)
    assert len(models) > 1
    assert models["sonar-pro"] / len(found.accepted) > 0.95
    shots = [
        len(step["agent_progress"]["screenshot"])
        for m in found.accepted
        for step in steps_of(m)
        if "screenshot" in step.get("agent_progress", {})
    ]
    assert shots
    assert all(50_000 <= size <= 200_000 for size in shots)
    queries = [q for m in found.accepted if (q := query_of(m["request_body"]))]
    assert truth.queries < truth.accepted
    assert sum(any(ord(c) > 0x3000 for c in q) for q in queries) > 100
    assert any("\x00" in m["response_body"] for m in found.accepted if isinstance(m["response_body"], str))
    assert len(set(queries)) > 7_000


def test_planted_secrets_are_in_the_feed(tmp_path: Path) -> None:
    truth = generate(tmp_path, messages=6000, compression="none")
    assert set(truth.secrets) == {"email", "phone", "token", "user_id", "visitor_id"}
    raw = "\n".join(path.read_text(encoding="utf-8") for path in paths(tmp_path, truth))
    for kind, values in truth.secrets.items():
        assert values, kind
        assert len(values) == len(set(values))
        assert all(value in raw for value in values), kind
    assert truth.known_users <= len(truth.secrets["user_id"])
    for address in truth.secrets["email"]:
        assert address.split("@")[1].endswith(("example.com", "example.org", "example.net"))


def test_messages_are_in_the_contracted_format(large: tuple[Truth, Recount]) -> None:
    _, found = large
    for m in found.accepted:
        assert set(m) - {"_id"} == {
            "@timestamp", "timestamp", "room_id", "thread_id", "request_body", "response_body",
        }  # fmt: skip
        assert datetime.fromisoformat(m["timestamp"]).tzinfo is not None
        for message in m["request_body"]["messages"]:
            assert message["role"] in ("system", "user", "assistant")
        r = m["response_body"]
        if not usable(r):
            assert isinstance(r, str) or set(r) == {"error"}
            continue
        assert isinstance(r["id"], str)
        assert isinstance(r["created"], int)
        assert r["status"] in ("PENDING", "COMPLETED")
        assert r["type"] == "end_of_stream"
        (choice,) = r["choices"]
        assert choice["index"] == 0
        assert choice["finish_reason"] in ("stop", "length", None)
        assert choice["message"]["role"] == "assistant"
        assert isinstance(choice["message"]["content"], str)
        for result in r["search_results"]:
            assert isinstance(result["title"], str)
            assert result["url"].startswith("https://")
        for step in choice["message"]["reasoning_steps"]:
            assert isinstance(step["thought"], str)
            assert len(step) == (3 if "type" in step else 1)


@pytest.mark.parametrize(
    "wrong",
    [{"messages": -1}, {"days": 0}, {"deliveries_per_day": 0}, {"late_share": 1.1}, {"defect_rate": -0.1}],
)
def test_wrong_arguments_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        generate(tmp_path, **({"messages": 10} | wrong))


def test_a_stopped_run_leaves_no_half_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from chat_platform.sample import chat

    calls = iter(range(50))

    def stop(*_: Any) -> bytes:
        if next(calls) == 3:
            raise OSError("disk full")
        return b"{"

    monkeypatch.setattr(chat, "reordered", stop)
    with pytest.raises(OSError, match="disk full"):
        generate(tmp_path, messages=2000, defect_rate=0.3, late_share=0.1)
    assert not list(tmp_path.glob(".*"))
