"""Made-up calls that are hard on the rules: gaps that hit a window exactly, midnights, changes of clocks, lost ends."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from voice_warehouse import Event

# Around the start of summer time (no local midnight on 2018-11-04) and its end (2018-02-17 has 25 hours).
BASES = (datetime(2018, 10, 20, tzinfo=UTC), datetime(2018, 2, 5, tzinfo=UTC))
HOUR = 3600
# Seconds of the UTC day: local midnight in both halves of the year, just before and after, and half hours.
SECONDS = (0, 1, 2 * HOUR - 1, 2 * HOUR, 3 * HOUR - 1, 3 * HOUR, 3 * HOUR + 1, 9 * HOUR, 9 * HOUR + 1800, 12 * HOUR)
PHONES = ("11968322333", "11968322333", "+55 11 96832-2333", "21987654321", "", None)
DIALOGS = ("RDM", "REJ", "SIL", "DES", "else", None)
INTENTS = ("None", None, "INTERNET", "TRANSFERE")
SOLUTIONS = ("Consumo de Internet", "Consumo de Internet", "2a Via de Conta", None)
REASONS = ("CustomerAbandonedAgent", "AgentSolvedRequest", "AgentTransferedCustomer", "OTHER", None)

_call = st.fixed_dictionaries(
    {
        "base": st.sampled_from(BASES),
        "day": st.sampled_from((0, 0, 1, 1, 2, 4, 5, 7, 8, 28, 29)),
        "second": st.sampled_from(SECONDS),
        "phone": st.sampled_from(PHONES),
        "start": st.sampled_from((True, True, True, True, False)),
        "unnamed": st.sampled_from(((), (), (), ("start",), ("solved",), ("start", "solved"))),
        "said": st.just([]) | st.lists(
            st.tuples(
                st.sampled_from(("agent", "agent", "customer", "api")), st.sampled_from(DIALOGS),
                st.sampled_from(INTENTS), st.sampled_from((0, 2, 11, 40)),
            ),
            max_size=6,
        ),
        "transfers": st.sampled_from((0, 0, 0, 1, 2)),
        "solved": st.lists(st.sampled_from(SOLUTIONS), max_size=2),
        "apart": st.sampled_from((1, 1, 1, 24 * HOUR)),
        "abandoned": st.booleans(),
        "end": st.sampled_from((None, -5, 0, 9, 10, 60, 300, 1800, 7200, 100000)),
        "reason": st.sampled_from(REASONS),
        "survey": st.lists(st.tuples(st.sampled_from((None, 0, 7, 10)), st.sampled_from((None, 8))), max_size=2),
        "later": st.just(timedelta()),
    }
)  # fmt: skip
# The windows of the indicators, hit and missed by as little as there is.
EDGES = tuple(
    timedelta(days=days, microseconds=beside) for days in (1, 7, 28) for beside in (-1000000, -1, 0, 1, 1000000)
)
_repeat = st.tuples(st.integers(0, 9), st.sampled_from(EDGES), st.sampled_from(("start", "solved")))


def _with_repeats(calls: list[dict[str, Any]], repeats: list[tuple[int, timedelta, str]]) -> list[dict[str, Any]]:
    """Some calls once more, an edge after their start or after what they solved."""
    found = list(calls)
    for number, edge, since in repeats:
        call = calls[number % len(calls)]
        until_solved = max(len(call["solved"]) - 1, 0) * call["apart"]
        spoken = timedelta(seconds=sum(seconds for *_, seconds in call["said"]) + until_solved)
        found.append({**call, "later": edge + (spoken if since == "solved" else timedelta())})
    return found


feeds = st.builds(_with_repeats, st.lists(_call, min_size=1, max_size=10), st.lists(_repeat, max_size=4)).filter(
    lambda calls: events_of(calls)
)


def events_of(calls: list[dict[str, Any]], shift: timedelta = timedelta()) -> list[Event]:
    """The events of drawn calls, with stable ids."""
    found: list[Event] = []
    for number, call in enumerate(calls):
        name = str(uuid.UUID(int=number + 1))
        at = call["base"] + timedelta(days=call["day"], seconds=call["second"]) + call["later"] + shift
        customer: dict[str, Any] = (
            {} if call["phone"] is None else {"identifiers": [{"key": "phone", "value": call["phone"]}]}
        )
        add = _adder(found, name, number)
        if call["start"]:
            add("CustomerInitiatedCall", at, customer={} if "start" in call["unnamed"] else customer)
        now = at
        for who, dialog, intent, seconds in call["said"]:
            now += timedelta(seconds=seconds)
            nlp = {"intent": intent, "score": None}
            if who == "agent":
                add(
                    "AgentTalkedCustomer",
                    now,
                    agent={"text": "x", "dialogType": dialog},
                    customer={**customer, "nlp": nlp},
                )
            elif who == "customer":
                top = {"realResponse": {"topScoringIntent": {"intent": "INTERNET", "score": 0.5}}}
                add("CustomerTalkedAgent", now, customer={**customer, "capturedText": "x", "nlp": nlp | top})
            else:
                status = {"RDM": 500, "REJ": None}.get(dialog or "", 200)
                api = {"apiName": dialog, "httpStatus": status, "executionElapsedTime": seconds}
                add("AgentCalledAPI", now, api=api)
        for place, solution in enumerate(call["solved"]):
            add(
                "AgentSolvedRequest",
                now + timedelta(seconds=place * call["apart"]),
                agent={"solution": {"lastSolution": solution}},
                customer={} if "solved" in call["unnamed"] else customer,
            )
        for place in range(call["transfers"]):
            add("AgentTransferedCustomer", now + timedelta(seconds=place), customer=customer)
        if call["abandoned"]:
            add("CustomerAbandonedAgent", now, customer=customer)
        if call["end"] is not None:
            add(
                "CustomerCallEnded",
                at + timedelta(seconds=call["end"]),
                customer={**customer, "reason": call["reason"]},
            )
        for place, (electronic, human) in enumerate(call["survey"]):
            add(
                "CustomerAnsweredSurvey",
                now + timedelta(seconds=200 + place),
                survey={"electronicScore": electronic, "humanScore": human},
            )
    return found


def _adder(found: list[Event], name: str, number: int) -> Callable[..., None]:
    def add(kind: str, when: datetime, **context: Any) -> None:
        key = f"{number:04d}{len(found):060d}"
        found.append(
            {"id": key[-36:], "eventType": kind, "correlationId": name, "when": when, "key": key, "context": context}
        )

    return add
