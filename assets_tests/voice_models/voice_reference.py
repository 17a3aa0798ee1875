"""The voice indicators counted the plain way, from events to numbers, as voice spec section 2 says it.

Shares no code with the platform: one call at a time, one pair of calls at a time, in Python.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from voice_warehouse import TERMINAL, ZONE, Event, _get, local_date, phone_of

# of one instant: the customer speaks, a system is asked, the robot answers
_TURN = {"CustomerTalkedAgent": 1, "AgentCalledAPI": 2, "AgentTalkedCustomer": 3}
HOURS = {"24h": 24, "7d": 168, "28d": 672}
ALLOWANCE = timedelta(days=3)
LOST = timedelta(hours=24)
COUNTS = (
    "initiated_calls", "interaction_volume", "tma_calls", "recalls_24h", "recalls_7d", "recalls_28d", "fcr_n",
    "at_events", "idk_count", "silence_count", "des_count", "customer_turns", "api_calls", "api_errors", "short_calls",
    "outcome_solved", "outcome_transferred", "outcome_abandoned", "outcome_open", "outcome_unknown",
)  # fmt: skip
# column: numerator, denominator, factor
RATIOS = {
    "tma_seconds": ("seconds", "tma_calls", 1),
    "transfer_pct": ("transferred", "initiated_calls", 100),
    "transfer_of_answered_pct": ("answered_transferred", "interaction_volume", 100),
    "fcr_pct": ("resolved", "fcr_n", 100),
    "solved_without_recall_24h_pct": ("not_called_again", "fcr_n", 100),
    "disambiguation_pct": ("disambiguated", "at_events", 100),
    "containment_pct_of_answered_ended": ("contained", "answered_ended", 100),
    "automated_resolution_pct_of_answered": ("answered_solved", "interaction_volume", 100),
    "abandonment_pct_of_answered": ("answered_abandoned", "interaction_volume", 100),
    "contained_without_callback_24h_pct": ("not_back_24h", "contained_with_phone", 100),
    "contained_without_callback_7d_pct": ("not_back_7d", "contained_with_phone", 100),
    "turns_per_answered_call": ("answered_turns", "interaction_volume", 1),
    "tma_per_turn_seconds": ("answered_seconds", "timed_turns", 1),
    "api_error_pct": ("api_errors", "api_with_status", 100),
    "rejection_override_pct": ("overridden", "overridable", 100),
    "short_call_pct": ("short_calls", "tma_calls", 100),
}
WAITING = ("tma", "outcome", "contain", "abandon", "short", "automated")
DAY_WINDOW = {
    "fcr_n": 24, "fcr_pct": 24, "solved_without_recall_24h_pct": 24, "contained_without_callback_24h_pct": 24,
    "contained_without_callback_7d_pct": 168,
}  # fmt: skip


def quotient(numerator: Any, denominator: Any, factor: int) -> float | None:
    """Quotient with four decimals, halves away from zero; None for a divisor of 0."""
    if not denominator:
        return None
    exact = Fraction(numerator) * factor / Fraction(denominator)
    scaled = Decimal(exact.numerator) / Decimal(exact.denominator)
    return float(scaled.quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP))


def percentile(values: list[float], fraction: float) -> float | None:
    """Interpolated percentile."""
    if not values:
        return None
    ordered = sorted(values)
    place = (len(ordered) - 1) * fraction
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


@dataclass
class Call:
    """What is known of one correlationId."""

    events: list[Event] = field(default_factory=list)

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["eventType"] == kind]


def day_end(day: date) -> datetime:
    """First instant after a local date."""
    return datetime.combine(day + timedelta(days=1), time(), ZONE).astimezone(UTC)


def count(events: Iterable[Event]) -> dict[str, Any]:
    """All figures: `daily` by date, `overall`, `api` by date and name, `survey` by scenario, `intervals` by start."""
    calls: dict[str, Call] = defaultdict(Call)
    for event in sorted(events, key=lambda event: (event["when"], _TURN.get(event["eventType"], 0), event["key"])):
        calls[event["correlationId"]].events.append(event)
    every = [event for call in calls.values() for event in call.events]
    watermark = max(event["when"] for event in every)
    starts: dict[str, list[datetime]] = defaultdict(list)
    facts = []
    for name, call in calls.items():
        start = next(iter(call.of("CustomerInitiatedCall")), None)
        # what another event than the start names is no phone of the call
        phone = next((phone_of(e) for e in call.of("CustomerInitiatedCall") if phone_of(e)), None)
        facts.append((name, call, start, phone))
        if start and phone:
            starts[phone].append(start["when"])
    for found in starts.values():
        found.sort()

    sums: dict[date, Counter[str]] = defaultdict(Counter)
    durations: dict[date, list[float]] = defaultdict(list)
    latencies: dict[date, list[float]] = defaultdict(list)
    api: dict[tuple[date, str], list[Event]] = defaultdict(list)
    open_days: set[date] = set()
    lost: set[str] = set()
    busy: list[tuple[datetime, datetime]] = []
    solutions: list[tuple[str, str | None, datetime]] = []
    survey: dict[int, Counter[str]] = {1: Counter(), 2: Counter()}
    orphans = ineligible = 0
    for _, call, start, phone in facts:
        for event in call.events:
            day, context = local_date(event["when"]), event.get("context") or {}
            intent, dialog = _get(context, "customer", "nlp", "intent"), _get(context, "agent", "dialogType")
            if event["eventType"] == "AgentTalkedCustomer":
                sums[day]["at_events"] += 1
                sums[day]["idk_count"] += intent == "None" or dialog == "REJ"
                sums[day]["silence_count"] += dialog == "SIL"
                sums[day]["des_count"] += dialog == "DES"
                sums[day]["disambiguated"] += intent == "None" or dialog in {"REJ", "DES"}
            elif event["eventType"] == "CustomerTalkedAgent":
                sums[day]["customer_turns"] += 1
                top = _get(context, "customer", "nlp", "realResponse", "topScoringIntent", "intent")
                sums[day]["overridable"] += intent is not None and top is not None
                sums[day]["overridden"] += intent is not None and top is not None and intent != top
            elif event["eventType"] == "AgentCalledAPI":
                sums[day]["api_calls"] += 1
                status = _get(context, "api", "httpStatus")
                sums[day]["api_with_status"] += status is not None
                sums[day]["api_errors"] += status is not None and status >= 400
                api[day, _get(context, "api", "apiName") or "none"].append(event)
        for place, event in enumerate(call.events):
            if event["eventType"] == "CustomerTalkedAgent":
                for later in call.events[place + 1 :]:
                    if later["eventType"] == "CustomerTalkedAgent":
                        break
                    if later["eventType"] == "AgentTalkedCustomer":
                        seconds = (later["when"] - event["when"]).total_seconds()
                        latencies[local_date(event["when"])].append(round(1000 * seconds))
                        break
        if solved := call.of("AgentSolvedRequest"):
            by = phone_of(solved[-1]) or phone
            # a day has a row if a solved event falls on it, be it not the last of its call
            for event in solved:
                sums[local_date(event["when"])]["dates"] += 1
            if by:
                solutions.append(
                    (by, _get(solved[-1], "context", "agent", "solution", "lastSolution"), solved[-1]["when"])
                )
        answers = call.of("CustomerAnsweredSurvey")
        if start is None:
            orphans += len(answers)
            continue
        at, day = start["when"], local_date(start["when"])
        here = sums[day]
        ends = call.of("CustomerCallEnded")
        agents = call.of("AgentTalkedCustomer")
        terminal = next((e["eventType"] for e in reversed(call.events) if e["eventType"] in TERMINAL), None)
        reason = _get(ends[0], "context", "customer", "reason") if ends else None
        outcome = TERMINAL.get(reason or "") or TERMINAL.get(terminal or "") or ("unknown" if ends else "open")
        transferred = bool(call.of("AgentTransferedCustomer"))
        here["initiated_calls"] += 1
        here["interaction_volume"] += bool(agents)
        here["answered_turns"] += len(agents)
        here["transferred"] += transferred
        here["answered_transferred"] += transferred and bool(agents)
        here[f"outcome_{outcome}"] += 1
        here["answered_solved"] += bool(agents) and outcome == "solved"
        here["answered_abandoned"] += bool(agents) and outcome == "abandoned"
        here["answered_ended"] += bool(agents and ends)
        until = at + timedelta(microseconds=1)
        if ends and ends[0]["when"] >= at:
            seconds = (ends[0]["when"] - at).total_seconds()
            durations[day].append(seconds)
            here["short_calls"] += seconds < 10
            here["timed_turns"] += len(agents)
            here["answered_seconds"] += Fraction(seconds) if agents else 0  # type: ignore[assignment]
            until = max(until, min(ends[0]["when"], at + LOST))
        busy.append((at, until))
        if not ends and watermark - at <= LOST:
            open_days.add(day)
        elif not ends:
            lost.add(call.events[0]["correlationId"])
        earlier = [at - other for other in starts.get(phone or "", []) if other < at]
        later = [other - at for other in starts.get(phone or "", []) if other > at]
        for name, hours in HOURS.items():
            here[f"recalls_{name}"] += any(gap <= timedelta(hours=hours) for gap in earlier)
        if agents and ends and not transferred:
            here["contained"] += 1
            if phone:
                here["contained_with_phone"] += 1
                for name in ("24h", "7d"):
                    here[f"not_back_{name}"] += not any(gap <= timedelta(hours=HOURS[name]) for gap in later)
        if transferred or (agents and ends):
            of = survey[2 if transferred else 1]
            of["eligible_calls"] += 1
            if answers:
                given = _get(answers[-1], "context", "survey")
                # a human answer of scenario 1 is ignored, so it is none; nor is a survey without any
                counts = ("electronicScore", "humanScore") if transferred else ("electronicScore",)
                answered = any(given.get(name) is not None for name in counts)
                of["responses" if answered else "unanswered"] += 1
                if given.get("electronicScore") is not None:
                    of["electronic_n"] += 1
                    of["electronic_sum"] += given["electronicScore"]
                if given.get("humanScore") is not None:
                    of["human_n" if transferred else "violations"] += 1
                    of["human_sum"] += given["humanScore"]
        elif answers:
            ineligible += 1
    for by, solution, at in solutions:
        here = sums[local_date(at)]
        again = (
            other == by
            and what == solution
            and solution is not None
            and timedelta() < later - at <= timedelta(hours=24)
            for other, what, later in solutions
        )
        here["fcr_n"] += 1
        here["resolved"] += not any(again)
        after = starts.get(by, [])
        place = bisect_right(after, at)
        here["not_called_again"] += not (place < len(after) and after[place] - at <= timedelta(hours=24))

    for day, values in durations.items():
        sums[day]["tma_calls"] = len(values)
        sums[day]["seconds"] = sum(map(Fraction, values))  # type: ignore[assignment]
    daily = {}
    for day, here in sums.items():
        row: dict[str, Any] = {column: here[column] for column in COUNTS}
        row |= {column: quotient(here[n], here[d], factor) for column, (n, d, factor) in RATIOS.items()}
        for name, fraction in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95)):
            row[f"tma_{name}_seconds"] = percentile(durations.get(day, []), fraction)
        for name, fraction in (("p50", 0.5), ("p95", 0.95)):
            row[f"response_latency_{name}_ms"] = percentile(latencies.get(day, []), fraction)
        for column in list(row):
            final = watermark >= day_end(day) + ALLOWANCE + timedelta(hours=DAY_WINDOW.get(column, 0))
            row[f"{column}_is_final"] = final and not (column.startswith(WAITING) and day in open_days)
        daily[day] = row
    total: Counter[str] = Counter()
    for here in sums.values():
        total.update(here)
    overall: dict[str, Any] = {column: total[column] for column in COUNTS}
    overall |= {column: quotient(total[n], total[d], factor) for column, (n, d, factor) in RATIOS.items()}
    return {
        "daily": daily,
        "overall": overall,
        "api": {key: _of_api(found) for key, found in api.items()},
        "survey": {
            scenario: {
                "eligible_calls": of["eligible_calls"], "responses": of["responses"],
                "electronic_avg": quotient(of["electronic_sum"], of["electronic_n"], 1),
                "electronic_n": of["electronic_n"], "human_n": of["human_n"],
                "human_avg": quotient(of["human_sum"], of["human_n"], 1), "violations": of["violations"],
                "unanswered": of["unanswered"],
            }
            for scenario, of in survey.items() if of["eligible_calls"]
        },
        "orphans": orphans,
        "ineligible": ineligible,
        "lost": lost,
        "intervals": _intervals(busy),
    }  # fmt: skip


def _of_api(calls: list[Event]) -> tuple[int, int, float | None]:
    """Calls of an API, errors, median time."""
    elapsed = [_get(event, "context", "api", "executionElapsedTime") for event in calls]
    errors = sum((_get(event, "context", "api", "httpStatus") or 0) >= 400 for event in calls)
    return len(calls), errors, percentile([value for value in elapsed if value is not None], 0.5)


def _intervals(busy: list[tuple[datetime, datetime]]) -> dict[datetime, tuple[int, int]]:
    """Half hours of the local clock with the calls that start in them and the most at one moment."""

    def slot(instant: datetime) -> datetime:
        midnight = datetime.combine(local_date(instant), time(), ZONE).astimezone(UTC)
        return midnight + (instant - midnight) // timedelta(minutes=30) * timedelta(minutes=30)

    starts = Counter(slot(at) for at, _ in busy)
    peaks: Counter[datetime] = Counter()
    for at, until in busy:
        moment = slot(at)
        while moment < until:
            # the most is reached at the start of some call, or at the start of the half hour
            moments = [moment, *(s for s, _ in busy if moment <= s < moment + timedelta(minutes=30))]
            peaks[moment] = max(sum(s <= m < u for s, u in busy) for m in moments)
            moment += timedelta(minutes=30)
    return {moment: (starts[moment], peaks[moment]) for moment in peaks}
