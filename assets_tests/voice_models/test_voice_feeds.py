"""Any feed gives what the plain reference counts, in any order and split, and keeps the laws of the indicators."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from voice_feed import events_of, feeds
from voice_pipeline import Pipeline, World
from voice_reference import count
from voice_warehouse import Event, VoiceWarehouse, local_date, typed

QUICK = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
LONG = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def loaded(pipeline: Pipeline, *loads: list[Event]) -> World:
    world = pipeline.new()
    for events in loads:
        world.load(events)
    return world


def near(found: Any, expected: Any) -> bool:
    if isinstance(found, float) and isinstance(expected, int | float):
        return abs(found - expected) < 2e-4
    return bool(found == expected)


def assert_counted(world: World, events: list[Event]) -> None:
    expected = count(events)
    daily = {row["date"]: row for row in world.rows("voice_daily")}
    assert set(daily) == set(expected["daily"])
    for day, row in expected["daily"].items():
        for column, value in row.items():
            assert near(daily[day][column], value), (day, column, daily[day][column], value)
    (overall,) = world.rows("voice_overall")
    for column, value in expected["overall"].items():
        assert near(overall[column], value), ("overall", column, overall[column], value)
    api = {
        (row["date"], row["api_name"]): (row["calls"], row["errors"], row["p50_ms"])
        for row in world.rows("voice_api_daily")
    }
    assert api == expected["api"]
    survey = {row["scenario"]: row for row in world.rows("voice_survey")}
    assert {key for key in survey if key} == set(expected["survey"])
    for scenario, row in expected["survey"].items():
        for column, value in row.items():
            assert near(survey[scenario][column], value), (scenario, column, survey[scenario][column], value)
    for column in ("orphans", "ineligible"):
        assert sum(row[column] for row in survey.values()) == expected[column]
    answered = {event["correlationId"] for event in events if event["eventType"] == "CustomerAnsweredSurvey"}
    started = {event["correlationId"] for event in events if event["eventType"] == "CustomerInitiatedCall"}
    counted = sum(row["responses"] + row["unanswered"] + row["ineligible"] for row in survey.values())
    assert counted == len(answered & started), "each call with a survey counts once"
    assert {row["conversation_id"] for row in world.rows("voice_calls") if row["is_lost"]} == expected["lost"]
    intervals = {
        row["interval_start"]: (row["calls"], row["peak_concurrency"]) for row in world.rows("voice_intervals")
    }
    assert intervals == {at.replace(tzinfo=None): found for at, found in expected["intervals"].items()}


@given(calls=feeds)
@QUICK
def test_the_figures_are_those_of_the_reference(pipeline: Pipeline, calls: list[dict[str, Any]]) -> None:
    assert_counted(loaded(pipeline, events_of(calls)), events_of(calls))


def test_answers_of_calls_that_never_started_are_all_that_there_is(pipeline: Pipeline) -> None:
    survey = {"electronicScore": 7, "humanScore": None}
    events = [
        {
            "id": "1", "eventType": "CustomerAnsweredSurvey", "correlationId": "c", "key": "k",
            "when": datetime(2018, 6, 13, 12, tzinfo=UTC), "context": {"survey": survey},
        }
    ]  # fmt: skip
    world = loaded(pipeline, events)
    assert_counted(world, events)
    (overall,) = world.rows("voice_overall")
    assert (overall["initiated_calls"], overall["fcr_pct"], overall["fcr_pct_denominator"]) == (0, None, 0)


def small(call: str, kind: str, second: int, **context: Any) -> Event:
    """An event of a call, so many seconds after nine in the morning in Sao Paulo."""
    when = datetime(2018, 6, 13, 12, tzinfo=UTC) + timedelta(seconds=second)
    key = f"{call}{kind}{second}"
    return {"id": key, "eventType": kind, "correlationId": call, "key": key, "when": when, "context": context}


@pytest.mark.parametrize("parts", [1, 2])
def test_a_day_has_a_row_for_every_solved_event(pipeline: Pipeline, parts: int) -> None:
    """A call without a start, solved on two days: the later event is the one that counts."""
    solution = {"solution": {"lastSolution": "bill"}}
    customer = {"identifiers": [{"key": "phone", "value": "11968322333"}]}
    events = [small("c", "AgentSolvedRequest", day * 86400, agent=solution, customer=customer) for day in (0, 1)]
    world = loaded(pipeline, *([events] if parts == 1 else [[event] for event in reversed(events)]))
    assert_counted(world, events)
    rows = {row["date"]: (row["fcr_n"], row["initiated_calls"]) for row in world.rows("voice_daily")}
    assert rows == {date(2018, 6, 13): (0, 0), date(2018, 6, 14): (1, 0)}


def test_a_survey_without_a_score_that_counts_is_no_response(pipeline: Pipeline) -> None:
    """Robot only: a score of it, one of a person alone (ignored), none. Transferred: a score of the person, none."""
    scores = {"r1": (9, None), "r2": (None, 8), "r3": (None, None), "t1": (None, 7), "t2": (None, None)}
    events = []
    for call, (electronic, human) in scores.items():
        events += [small(call, kind, at) for at, kind in enumerate(("CustomerInitiatedCall", "AgentTalkedCustomer"))]
        if call.startswith("t"):
            events.append(small(call, "AgentTransferedCustomer", 5))
        events.append(small(call, "CustomerCallEnded", 9))
        survey = {"electronicScore": electronic, "humanScore": human}
        events.append(small(call, "CustomerAnsweredSurvey", 20, survey=survey))
    world = loaded(pipeline, events)
    assert_counted(world, events)
    columns = ("eligible_calls", "responses", "unanswered", "violations", "electronic_n", "human_n")
    found = {row["scenario"]: tuple(row[column] for column in columns) for row in world.rows("voice_survey")}
    assert found == {1: (3, 1, 2, 1, 1, 0), 2: (2, 1, 1, 0, 0, 1)}


def points_of(world: World, dimension: str) -> dict[str, tuple[int, int]]:
    """Where calls were given up, over all dates: calls at a point, and all of them."""
    found: dict[str, tuple[int, int]] = {}
    for row in world.rows("daily"):
        if (row["kpi"], row["dimension"]) == ("abandoned_at", dimension):
            here, all_of_them = found.get(row["dimension_value"], (0, 0))
            found[row["dimension_value"]] = here + int(row["numerator"]), all_of_them + int(row["denominator"])
    return found


def test_what_is_given_up_before_the_robot_speaks_stands_apart(pipeline: Pipeline) -> None:
    events = []
    for call, agent in {"a": {"scriptPoint": "7", "dialogType": "REJ"}, "b": {"text": "x"}, "c": None}.items():
        events += [small(call, "CustomerInitiatedCall", 0), small(call, "CustomerAbandonedAgent", 9)]
        if agent is not None:
            events.append(small(call, "AgentTalkedCustomer", 2, agent=agent))
    world = loaded(pipeline, events)
    assert_counted(world, events)
    assert points_of(world, "script_point") == {"7": (1, 3), "none": (1, 3), "not answered": (1, 3)}
    assert points_of(world, "dialog_type") == {"REJ": (1, 3), "none": (1, 3), "not answered": (1, 3)}


@pytest.mark.long
@pytest.mark.timeout(3600)
@given(calls=feeds)
@LONG
def test_the_figures_are_those_of_the_reference_on_many_feeds(pipeline: Pipeline, calls: list[dict[str, Any]]) -> None:
    assert_counted(loaded(pipeline, events_of(calls)), events_of(calls))


def split(events: list[Event], loads: int, rng: random.Random) -> list[list[Event]]:
    """The events over some loads, in any order, some of them again."""
    parts: list[list[Event]] = [[] for _ in range(loads)]
    for event in events:
        parts[rng.randrange(loads)].append(event)
        if rng.random() < 0.1:
            parts[rng.randrange(loads)].append(event)
    return [part for part in parts if part]


def check_any_split(pipeline: Pipeline, calls: list[dict[str, Any]], loads: int, seed: int) -> None:
    events = events_of(calls)
    whole, parts = loaded(pipeline, events), loaded(pipeline, *split(events, loads, random.Random(seed)))
    left, right = parts.dump(), whole.dump()
    for table in right:
        if table != "partition_ledger":
            assert left[table] == right[table], table


splits = {"calls": feeds, "loads": st.integers(2, 4), "seed": st.integers(0, 10**6)}


@given(**splits)
@settings(QUICK, max_examples=5)
def test_any_split_and_order_gives_what_one_load_gives(pipeline: Pipeline, calls: Any, loads: int, seed: int) -> None:
    check_any_split(pipeline, calls, loads, seed)


@pytest.mark.long
@pytest.mark.timeout(3600)
@given(**splits)
@LONG
def test_any_of_many_splits_gives_what_one_load_gives(pipeline: Pipeline, calls: Any, loads: int, seed: int) -> None:
    check_any_split(pipeline, calls, loads, seed)


def by_date(world: World) -> dict[date, set[tuple[Any, ...]]]:
    found: dict[date, set[tuple[Any, ...]]] = {}
    for table in ("daily", "voice_intervals"):
        for row in world.rows(table):
            found.setdefault(row["event_date"], set()).add((table, *row.values()))
    return found


@given(calls=feeds, seed=st.integers(0, 10**6))
@settings(QUICK, max_examples=8)
def test_only_the_affected_dates_are_rebuilt(pipeline: Pipeline, calls: Any, seed: int) -> None:
    """What changed was in the scope, and the scope holds no date but those of touched calls and those that changed."""
    events = events_of(calls)
    rng = random.Random(seed)
    late = rng.choice(events)["correlationId"]
    first = [event for event in events if event["correlationId"] != late]
    second = [event for event in events if event["correlationId"] == late]
    if not first:
        return
    world = loaded(pipeline, first)
    before, old_facts = by_date(world), facts_of(world)
    world.load(second)
    after, new_facts = by_date(world), facts_of(world)
    changed = {day for day in before | after if before.get(day) != after.get(day)}
    scope = {day for (day,) in world.connection.execute("select event_date from bot_ops.scope_dates").fetchall()}
    assert changed <= scope
    own = {local_date(event["when"]) for event in second}
    moved = {
        day
        for row in old_facts ^ new_facts
        for day in (*row[1:4], *((row[4] + timedelta(days=extra)).date() for extra in (-1, 0) if row[4]))
    }
    assert scope <= own | moved | changed


def facts_of(world: World) -> set[tuple[Any, ...]]:
    columns = ("conversation_id", "event_date", "tma_date", "solved_date", "busy_until")
    return {(*(row[name] for name in columns), *row.values()) for row in world.rows("voice_call_facts")}


@given(calls=feeds, weeks=st.integers(1, 20))
@settings(QUICK, max_examples=5)
def test_shifting_all_times_by_whole_days_shifts_the_rows(pipeline: Pipeline, calls: Any, weeks: int) -> None:
    """From a part of the year without a change of clocks into itself."""
    for call in calls:
        call["base"] = datetime(2018, 3, 1, tzinfo=UTC)
    shift = timedelta(weeks=weeks)
    here = {row["date"] + shift: row for row in loaded(pipeline, events_of(calls)).rows("voice_daily")}
    there = {row["date"]: row for row in loaded(pipeline, events_of(calls, shift)).rows("voice_daily")}
    assert here.keys() == there.keys()
    for day, row in there.items():
        assert {**here[day], "date": day} == row


@given(calls=feeds)
@settings(QUICK, max_examples=5)
def test_exchanging_phones_changes_no_figure(pipeline: Pipeline, calls: Any) -> None:
    others = {"11968322333": "4199990000", "+55 11 96832-2333": "4199990000", "21987654321": "11968322333"}
    left = loaded(pipeline, events_of(calls)).rows("daily")
    right = loaded(
        pipeline, events_of([{**call, "phone": others.get(call["phone"], call["phone"])} for call in calls])
    ).rows("daily")
    assert sorted(map(repr, left)) == sorted(map(repr, right))


@given(calls=feeds, position=st.integers(0, 13))
@settings(QUICK, max_examples=5)
def test_a_call_of_a_new_phone_changes_no_recall(pipeline: Pipeline, calls: Any, position: int) -> None:
    new = {**calls[position % len(calls)], "phone": "5133334444", "start": True}
    before = {row["date"]: row for row in loaded(pipeline, events_of(calls)).rows("voice_daily")}
    after = {row["date"]: row for row in loaded(pipeline, events_of([*calls, new])).rows("voice_daily")}
    for day, row in after.items():
        for column in ("recalls_24h", "recalls_7d", "recalls_28d"):
            assert row[column] == (before[day][column] if day in before else 0)
    assert sum(row["initiated_calls"] for row in after.values()) == 1 + sum(
        row["initiated_calls"] for row in before.values()
    )


@given(calls=feeds)
@settings(QUICK, max_examples=5)
def test_windows_nest_and_parts_are_parts(pipeline: Pipeline, calls: Any) -> None:
    world = loaded(pipeline, events_of(calls))
    (overall,) = world.rows("voice_overall")
    for dimension in ("script_point", "dialog_type"):
        points = {name: here for name, (here, _) in points_of(world, dimension).items()}
        assert sum(points.values()) == overall["outcome_abandoned"]
        assert sum(points.values()) - points.get("not answered", 0) == overall["abandonment_pct_of_answered_numerator"]
    for row in world.rows("voice_daily"):
        assert row["recalls_24h"] <= row["recalls_7d"] <= row["recalls_28d"] <= row["initiated_calls"]
        assert sum(row[f"outcome_{name}"] for name in OUTCOMES) == row["initiated_calls"]
        assert row["solved_without_recall_24h_pct_numerator"] <= row["fcr_n"]
        for column in row:
            if f"{column}_numerator" in row and not column.startswith(("tma", "turns")):
                assert 0 <= row[f"{column}_numerator"] <= row[f"{column}_denominator"]


OUTCOMES = ("solved", "transferred", "abandoned", "open", "unknown")


@pytest.mark.long
@pytest.mark.timeout(1800)
@given(calls=feeds)
@settings(QUICK, max_examples=3)
def test_postgres_gives_the_same_figures(
    pipeline: Pipeline, postgres: str, tmp_path_factory: pytest.TempPathFactory, calls: list[dict[str, Any]]
) -> None:
    made = VoiceWarehouse(tmp_path_factory.mktemp("postgres"), postgres)
    prefix = f"p{abs(hash(repr(calls)))}"[:20]
    made.write(prefix, typed(events_of(calls)))
    made.run("seed", prefix=prefix)
    made.run("run", prefix=prefix)
    world = loaded(pipeline, events_of(calls))
    for table in ("voice_daily", "voice_overall", "voice_api_daily", "voice_survey", "voice_intervals"):
        assert sorted(map(repr, made.rows(table, prefix))) == sorted(map(repr, world.rows(table))), table
