"""Counts a chat feed from its files in plain Python, from the rules of the chat spec alone."""

import gzip
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import zstandard

EARLIEST, LATEST = datetime(2015, 1, 1, tzinfo=UTC).timestamp(), datetime(2100, 1, 1, tzinfo=UTC).timestamp()


def read_lines(path: Path) -> list[bytes]:
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = gzip.decompress(raw)
    elif path.suffix == ".zst":
        raw = zstandard.ZstdDecompressor().decompressobj().decompress(raw)
    assert raw == b"" or raw.endswith(b"\n")
    return raw.split(b"\n")[:-1]


def _no_constant(name: str) -> None:
    raise ValueError(name)


def refusal(line: bytes) -> tuple[str | None, Any]:
    try:
        message = json.loads(line, parse_constant=_no_constant)
    except ValueError:
        return "invalid_json", None
    if not isinstance(message, dict):
        return "not_an_object", None
    stamp = message.get("@timestamp")
    if isinstance(stamp, bool) or not isinstance(stamp, int | float):
        return "timestamp_missing", None
    if not EARLIEST <= stamp < LATEST:
        return "timestamp_out_of_range", None
    if not isinstance(message.get("request_body"), dict):
        return "request_body_missing", None
    return None, message


def thread_of(message: dict[str, Any]) -> str | None:
    response = message["response_body"]
    inner = response.get("thread_id") if isinstance(response, dict) else None
    return message.get("thread_id") or message["request_body"].get("thread_id") or inner or None


def query_of(request: dict[str, Any]) -> str | None:
    for message in reversed(request.get("messages", [])):
        if message["role"] == "user":
            content = message["content"]
            if isinstance(content, str):
                return content
            return " ".join(part["text"] for part in content if part["type"] == "text")
    for key in ("query", "message", "content", "user_input", "prompt"):
        if request.get(key):
            return str(request[key])
    return None


def identity(message: dict[str, Any]) -> Any:
    if "_id" in message:
        return message["_id"]["$oid"]
    response = message["response_body"]
    if isinstance(response, dict) and response.get("id"):
        return response["id"]
    return thread_of(message), message["@timestamp"], query_of(message["request_body"])


def date_of(message: dict[str, Any]) -> str:
    return datetime.fromtimestamp(message["@timestamp"], UTC).date().isoformat()


def host_of(url: str | None) -> str:
    host = (urlsplit(url or "").hostname or "").lower()
    return host.removeprefix("www.")


def usable(response: Any) -> bool:
    return isinstance(response, dict) and bool(response.get("choices"))


def steps_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    response = message["response_body"]
    return list(response["choices"][0]["message"].get("reasoning_steps") or []) if usable(response) else []


def outcome(message: dict[str, Any]) -> tuple[str, str]:
    response = message["response_body"]
    agent = [step for step in steps_of(message) if step.get("type") == "agent_progress"]
    if agent:
        thought = agent[-1]["thought"]
        if agent[-1]["agent_progress"].get("action") == "finished" or thought.startswith("Task Succeeded"):
            return "completed", ""
        return ("failed", "") if thought.startswith("Task Failed") else ("partial", "")
    if not usable(response):
        if isinstance(response, dict):
            return "failed", response["error"]["type"]
        if not response:
            return "failed", "empty_body"
        return "failed", "http_401" if "401" in response else "undecodable_body"
    if response["status"] == "PENDING":
        return "in_progress", ""
    return ("completed", "") if response["choices"][0]["finish_reason"] == "stop" else ("partial", "")


@dataclass
class Recount:
    lines: int = 0
    blank: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    superseded: int = 0
    accepted: list[dict[str, Any]] = field(default_factory=list)
    tables: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    typeless_steps: int = 0
    tool_types: Counter[str] = field(default_factory=Counter)
    unrouted_steps: int = 0
    domains: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    agent_statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    queries: int = 0
    thread_dates: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    without_thread: int = 0
    users: set[str] = field(default_factory=set)
    messages_with_user: int = 0
    total_cost: float = 0.0


def recount(paths: list[Path]) -> Recount:
    result = Recount()
    contents: dict[Any, dict[str, dict[str, Any]]] = defaultdict(dict)
    for path in paths:
        for line in read_lines(path):
            result.lines += 1
            if not line.strip():
                result.blank += 1
                continue
            reason, message = refusal(line)
            if reason:
                result.rejected[reason] += 1
                continue
            key, content = identity(message), json.dumps(message, sort_keys=True)
            if content in contents[key]:
                result.duplicates += 1
            contents[key][content] = message
    for versions in contents.values():
        result.superseded += len(versions) - 1
        stamps = sorted(message["@timestamp"] for message in versions.values())
        assert len(set(stamps)) == len(stamps), "two contents of one id at one time"
        message = max(versions.values(), key=lambda m: m["@timestamp"])
        result.accepted.append(message)
        _add(result, message)
    result.total_cost = round(result.total_cost, 3)
    return result


def _add(result: Recount, message: dict[str, Any]) -> None:
    day = date_of(message)
    rows = result.tables
    rows["chat_sessions"][day] += 1
    thread = thread_of(message)
    if thread:
        result.thread_dates[thread].add(day)
    else:
        result.without_thread += 1
    result.queries += query_of(message["request_body"]) is not None
    status, reason = outcome(message)
    result.statuses[status] += 1
    if reason:
        result.reasons[reason] += 1
    response = message["response_body"]
    if not usable(response):
        return
    rows["responses"][day] += 1
    if "usage" in response:
        rows["usage_metrics"][day] += 1
        result.total_cost += response["usage"]["cost"]["total_cost"]
    carried = None
    users = set()
    agent = False
    for step in steps_of(message):
        kind = step.get("type")
        if kind is None:
            result.typeless_steps += 1
            continue
        assert kind in step
        rows["tool_usage"][day] += 1
        result.tool_types[kind] += 1
        agent = agent or kind == "agent_progress"
        if kind == "browser_tool_execution":
            tool = step[kind]["tool"]
            carried = tool["step_type"]
            users.add(json.loads(tool["content"]["extra_headers"]).get("user_id"))
            rows["browser_automations"][day] += 1
        elif kind == "web_search":
            rows["web_searches"][day] += 1
        elif kind == "agent_progress" and carried == "ENTROPY_REQUEST":
            rows["web_automations"][day] += 1
            result.domains[host_of(step[kind].get("url"))] += 1
        else:
            result.unrouted_steps += 1
    if agent:
        result.agent_statuses[status] += 1
    users.discard(None)
    result.users |= users
    result.messages_with_user += bool(users)
