"""The KPIs of a chat feed in plain Python, from its files: no SQL, no code of the platform.

Only what the classifier says is taken from the tables. Sums are exact fractions of decimals, so that they are
compared without a tolerance; percentiles are numpy's.
"""

import gzip
import hashlib
import hmac
import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

EARLIEST, LATEST = date(2015, 1, 1), date(2100, 1, 1)
PRICES = {"low": Decimal("0.006"), "medium": Decimal("0.010"), "high": Decimal("0.014")}
MILLION = Decimal(1_000_000)
Cell = tuple[str, str, str, str]
Number = Decimal | None
Cells = dict[Cell, tuple[Number, Number, float | None]]
Classified = tuple[str, Decimal, str, Decimal]


@dataclass
class Message:
    """An accepted message, as far as KPIs need it."""

    raw: dict[str, Any]
    micros: int
    date: date
    thread: str | None
    query: str | None
    usable: bool
    reason: str
    completed: bool | None
    agent_steps: int = 0
    tools: list[tuple[str, str | None]] = field(default_factory=list)
    """Typed steps: type and target table."""
    searches: list[tuple[int, int]] = field(default_factory=list)
    """Keywords and own results of each search."""
    hosts: list[str] = field(default_factory=list)
    user: str | None = None
    label: Classified | None = None

    @property
    def conversation(self) -> Any:
        return self.thread or ("alone", self.micros)

    @property
    def usage(self) -> dict[str, Any] | None:
        return self.raw["response_body"].get("usage") if self.usable else None

    @property
    def model(self) -> str | None:
        return self.raw["response_body"].get("model") if self.usable else None

    @property
    def is_task(self) -> bool:
        return self.agent_steps > 0

    @property
    def site(self) -> str:
        """Where most of its steps were; of several the one it came to first."""
        counts = Counter(self.hosts)
        return max(counts, key=lambda host: (counts[host], -self.hosts.index(host))) if counts else "none"

    @property
    def latency(self) -> int | None:
        usage, created = self.usage, self.raw["response_body"].get("created") if self.usable else None
        if usage is None or created is None:
            return None
        milliseconds = ((Decimal(str(self.raw["@timestamp"])) - Decimal(created)) * 1000).quantize(
            Decimal(1), ROUND_HALF_UP
        )
        return int(milliseconds) if milliseconds >= 0 else None

    def cost(self, name: str) -> Decimal:
        """A part of the cost as reported, 0 where there is none."""
        return Decimal(str(((self.usage or {}).get("cost") or {}).get(name) or 0))

    def tokens(self, name: str) -> Decimal:
        return Decimal((self.usage or {}).get(name) or 0)

    @property
    def exact(self) -> tuple[Decimal, Decimal, Decimal] | None:
        """Request, input and output cost by the price list; None without a price."""
        usage = self.usage
        if usage is None or self.model != "sonar-pro" or usage.get("search_context_size") not in PRICES:
            return None
        return (
            PRICES[usage["search_context_size"]],
            usage["prompt_tokens"] * 3 / MILLION,
            usage["completion_tokens"] * 15 / MILLION,
        )


def micros_of(seconds: float) -> int:
    """A double of Unix seconds to the nearest microsecond, halves up."""
    return math.floor(seconds * 1_000_000 + 0.5)


def lines_of(path: Path) -> list[bytes]:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).split(b"\n")


def pseudonym(key: str, user: str) -> str:
    return hmac.new(key.encode(), user.encode(), hashlib.sha256).hexdigest()


def read_messages(files: Iterable[Path], key: str) -> list[Message]:
    """Accepted messages of the files: duplicates, older versions and refused lines are gone."""
    versions: dict[Any, dict[str, Message]] = defaultdict(dict)
    for path in files:
        for line in lines_of(path):
            message = read_message(line, key)
            if message is not None:
                content = json.dumps(message.raw, sort_keys=True)
                versions[_identity(message)][content] = message
    return [max(contents.values(), key=lambda message: message.micros) for contents in versions.values()]


def _constant(name: str) -> float:
    raise ValueError(name)


def read_message(line: bytes, key: str) -> Message | None:
    """One line as a message; None where it is refused."""
    try:
        raw = json.loads(line, parse_constant=_constant)
    except ValueError:
        return None
    stamp = raw.get("@timestamp") if isinstance(raw, dict) else None
    if isinstance(stamp, bool) or not isinstance(stamp, int | float) or not isinstance(raw.get("request_body"), dict):
        return None
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=stamp)
    except OverflowError:
        return None
    if not EARLIEST <= moment.date() < LATEST:
        return None
    request, response = raw["request_body"], raw.get("response_body")
    usable = isinstance(response, dict) and bool(response.get("choices"))
    inner = response.get("thread_id") if isinstance(response, dict) else None
    thread = raw.get("thread_id") or request.get("thread_id") or inner or None
    micros = micros_of(stamp)
    message = Message(raw, micros, moment.date(), thread, _query(request), usable, "", None)
    if usable:
        _read_steps(message, key)
    _judge(message)
    return message


def _identity(message: Message) -> Any:
    raw = message.raw
    response = raw.get("response_body")
    given = (raw.get("_id") or {}).get("$oid") or (response.get("id") if isinstance(response, dict) else None)
    return given or (message.thread, raw["@timestamp"], message.query)


def _query(request: dict[str, Any]) -> str | None:
    for message in reversed(request.get("messages") or []):
        if message["role"] == "user":
            content = message["content"]
            if isinstance(content, str):
                return content or None
            return "\n".join(part["text"] for part in content if "text" in part) or None
    return next(
        (str(request[k]) for k in ("query", "message", "content", "user_input", "prompt") if request.get(k)), None
    )


def _read_steps(message: Message, key: str) -> None:
    carried = None
    for step in message.raw["response_body"]["choices"][0]["message"].get("reasoning_steps") or []:
        kind = step.get("type")
        if not kind:
            continue
        target = None
        if kind == "web_search":
            target = "web_searches"
            search = step["web_search"]
            message.searches.append((len(search.get("search_keywords") or []), len(search.get("search_results") or [])))
        elif kind == "browser_tool_execution":
            target = "browser_automations"
            tool = step[kind]["tool"]
            carried = tool.get("step_type")
            user = json.loads((tool.get("content") or {}).get("extra_headers") or "{}").get("user_id")
            if user and message.user is None:
                message.user = pseudonym(key, user)
        elif kind == "agent_progress":
            message.agent_steps += 1
            if carried == "ENTROPY_REQUEST":
                target = "web_automations"
                host = (urlsplit(step[kind].get("url") or "").hostname or "").lower().removeprefix("www.")
                if host:
                    message.hosts.append(host)
        message.tools.append((kind, target))


def _judge(message: Message) -> None:
    response = message.raw.get("response_body")
    if message.is_task:
        steps = message.raw["response_body"]["choices"][0]["message"]["reasoning_steps"]
        last = [step for step in steps if step.get("type") == "agent_progress"][-1]
        if last["agent_progress"].get("action") == "finished" or last["thought"].startswith("Task Succeeded"):
            message.completed = True
        elif last["thought"].startswith("Task Failed"):
            message.completed = False
    elif message.usable:
        message.completed = (
            True if response["status"] == "COMPLETED" and response["choices"][0]["finish_reason"] == "stop" else None
        )
    else:
        message.completed = False
    if message.usable:
        return
    if isinstance(response, dict):
        message.reason = response["error"]["type"]
    elif not response or not response.strip():
        message.reason = "empty_body"
    else:
        message.reason = "http_401" if "401" in response[:400] and "<" in response else "undecodable_body"


def kpis(messages: list[Message]) -> Cells:
    """(date, kpi, dimension, dimension_value) → numerator, denominator, value."""
    cells: Cells = {}

    def put(
        day: date, kpi: str, numerator: Any, denominator: Any = 1, dimension: str = "all", label: str = "all"
    ) -> None:
        over, under = Decimal(numerator), Decimal(denominator)
        value = float(over) / float(under) if under else None
        cells[(day.isoformat(), kpi, dimension, label)] = (over, under, value)

    by_day: dict[date, list[Message]] = defaultdict(list)
    for message in messages:
        by_day[message.date].append(message)
    for day, of_day in by_day.items():
        _costs(day, of_day, put)
        _tasks(day, of_day, put)
        _tools(day, of_day, put)
        _answers(day, of_day, put)
        _classifier(day, of_day, put)
        _distributions(day, of_day, put)
        latencies = [message.latency for message in of_day if message.latency is not None]
        for name, percent in (("p50", 50), ("p95", 95), ("p99", 99)):
            if latencies:
                value = float(np.percentile(latencies, percent))
                cells[(day.isoformat(), f"latency_{name}_ms", "all", "all")] = (None, Decimal(len(latencies)), value)
    for period, first_of in (
        ("day", lambda day: day),
        ("week", lambda day: day - timedelta(days=day.weekday())),
        ("month", lambda day: day.replace(day=1)),
    ):
        periods: dict[date, list[Message]] = defaultdict(list)
        for message in messages:
            periods[first_of(message.date)].append(message)
        for day, of_period in periods.items():
            users = [message.user for message in of_period if message.user]
            threads = len({message.conversation for message in of_period})
            put(day, f"active_users_{period}", len(set(users)))
            put(day, f"known_user_share_{period}", len(users), len(of_period))
            put(day, f"threads_{period}", threads)
            put(day, f"messages_per_thread_{period}", len(of_period), threads)
            if period != "day":
                put(day, f"messages_{period}", len(of_period))
    return cells


Put = Callable[..., None]


def _groups(of_day: list[Message], label: Callable[[Message], str]) -> dict[str, list[Message]]:
    groups: dict[str, list[Message]] = defaultdict(list)
    for message in of_day:
        groups[label(message)].append(message)
    return groups


def _domain(message: Message) -> str:
    return message.label[0] if message.label else "none"


def _intent(message: Message) -> str:
    return message.label[2] if message.label else "none"


def _costs(day: date, of_day: list[Message], put: Put) -> None:
    dimensions: dict[str, Callable[[Message], str]] = {
        "all": lambda message: "all",
        "user": lambda message: message.user or "none",
        "thread": lambda message: message.thread or "none",
        "domain_category": _domain,
        "intent_type": _intent,
        "model": lambda message: message.model or "none",
    }
    for dimension, label_of in dimensions.items():
        for label, group in _groups(of_day, label_of).items():
            put(day, "messages", len(group), 1, dimension, label)
            for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
                put(day, name, sum(message.tokens(name) for message in group), 1, dimension, label)
            for name in ("request_cost", "input_tokens_cost", "output_tokens_cost", "total_cost"):
                put(day, name, sum(message.cost(name) for message in group), 1, dimension, label)
            exact = [message.exact for message in group if message.exact]
            for place, name in enumerate(("request_cost", "input_tokens_cost", "output_tokens_cost")):
                put(day, f"{name}_exact", sum(parts[place] for parts in exact), 1, dimension, label)
            put(day, "total_cost_exact", sum(sum(parts) for parts in exact), 1, dimension, label)
    reporting = [message for message in of_day if message.usage is not None]
    put(day, "exact_cost_coverage", sum(message.exact is not None for message in reporting), len(reporting))


def _tasks(day: date, of_day: list[Message], put: Put) -> None:
    dimensions: dict[str, Callable[[Message], str]] = {
        "all": lambda message: "all",
        "domain_category": _domain,
        "site": lambda message: message.site,
    }
    for dimension, label_of in dimensions.items():
        for label, group in _groups(of_day, label_of).items():
            tasks = [message for message in group if message.is_task]
            plain = [message for message in group if not message.is_task]
            done = sum(message.completed is True for message in tasks)
            if tasks or dimension == "all":
                put(day, "agent_tasks", len(tasks), 1, dimension, label)
                put(day, "agent_task_completion_rate", done, len(tasks), dimension, label)
                steps = sum(message.agent_steps for message in tasks)
                put(day, "steps_per_agent_task", steps, len(tasks), dimension, label)
                spent = sum(message.cost("total_cost") for message in tasks)
                put(day, "cost_per_completed_task", spent, done, dimension, label)
            if plain or dimension == "all":
                ended = sum(message.completed is True for message in plain)
                put(day, "plain_answer_completion_rate", ended, len(plain), dimension, label)


def _tools(day: date, of_day: list[Message], put: Put) -> None:
    tools = [tool for message in of_day for tool in message.tools]
    put(day, "tool_calls", len(tools))
    put(day, "tool_calls_per_message", len(tools), len(of_day))
    for place, dimension in enumerate(("tool_type", "classification_target")):
        for label, count in Counter(tool[place] or "none" for tool in tools).items():
            put(day, "tool_mix", count, len(tools), dimension, label)
    searches = [search for message in of_day for search in message.searches]
    put(day, "searches", len(searches))
    put(day, "keywords_per_search", sum(keywords for keywords, _ in searches), len(searches))
    put(day, "results_per_search", sum(results for _, results in searches), len(searches))


def _answers(day: date, of_day: list[Message], put: Put) -> None:
    without = [message for message in of_day if not message.usable]
    put(day, "no_response_rate", len(without), len(of_day))
    for reason, count in Counter(message.reason for message in without).items():
        put(day, "no_response_rate", count, len(of_day), "reason", reason)


def _classifier(day: date, of_day: list[Message], put: Put) -> None:
    labels = [message.label for message in of_day if message.label]
    for name, dimension, place in (("domain", "domain_category", 0), ("intent", "intent_type", 2)):
        counts = Counter(label[place] for label in labels)
        put(day, f"{name}_abstention_rate", counts["Unknown"], len(labels))
        put(day, f"{name}_confidence", sum(Decimal(label[place + 1]) for label in labels), len(labels))
        for value, count in counts.items():
            if count:
                put(day, f"{name}_mix", count, len(labels), dimension, str(value))


def _bucket(value: Decimal, bounds: list[str]) -> str:
    limits = [Decimal(bound) for bound in bounds]
    place = sum(value >= limit for limit in limits)
    if place == 0:
        return f"00: below {bounds[0]}"
    if place == len(bounds):
        return f"{place:02d}: {bounds[-1]} and more"
    return f"{place:02d}: {bounds[place - 1]} to below {bounds[place]}"


def _distributions(day: date, of_day: list[Message], put: Put) -> None:
    costs = [message.cost("total_cost") for message in of_day if message.usage is not None]
    tokens = [message.tokens("total_tokens") for message in of_day if message.usage is not None]
    users = [Decimal(count) for count in Counter(message.user for message in of_day if message.user).values()]
    for kpi, values, bounds in (
        ("cost_distribution", costs, ["0.005", "0.01", "0.02", "0.05", "0.1", "0.5"]),
        ("token_distribution", tokens, ["100", "500", "1000", "5000", "10000", "50000"]),
        ("messages_per_user_distribution", users, ["2", "3", "5", "10", "20"]),
    ):
        for label, count in Counter(_bucket(value, bounds) for value in values).items():
            put(day, kpi, count, len(values), "bucket", label)
