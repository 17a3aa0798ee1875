"""Every figure of the worked example, and every other reading of it when it is chosen; on DuckDB and on Postgres."""

import ast
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from homes import compiled_models, each_with_each
from voice_pipeline import Pipeline
from voice_warehouse import Event, VoiceWarehouse, accepted, typed

from chat_platform.dbt.project import PROJECT_DIR, dbt_environment
from chat_platform.dbt.project import _fingerprint as fingerprint
from chat_platform.settings import VOICE_READINGS, Settings

Figures = dict[str, Any]
OUTCOMES = ("solved", "transferred", "abandoned", "open")


def daily(warehouse: VoiceWarehouse) -> dict[str, Figures]:
    rows = warehouse.rows("voice_daily")
    assert next(iter(rows[0])) == "date"
    return {row["date"].isoformat(): row for row in rows}


def overall(warehouse: VoiceWarehouse) -> Figures:
    (row,) = warehouse.rows("voice_overall")
    return row


def lost_calls(warehouse: VoiceWarehouse) -> dict[str, int]:
    return dict(Counter(row["event_date"].isoformat() for row in warehouse.rows("voice_calls") if row["is_lost"]))


def api_by_date(warehouse: VoiceWarehouse) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in warehouse.rows("voice_api_daily"):
        found.setdefault(row["date"].isoformat(), {})[row["api_name"]] = row["calls"]
    return found


def assert_first_load(warehouse: VoiceWarehouse, expected: Figures) -> None:
    figures = expected["recommended"]
    found, by_api = daily(warehouse), api_by_date(warehouse)
    assert found.keys() == figures["daily_batch_1"].keys()
    for day, row in figures["daily_batch_1"].items():
        assert {column: found[day][column] for column in row if column != "api_calls"} == {
            column: value for column, value in row.items() if column != "api_calls"
        }, day
        assert by_api.get(day, {}) == row["api_calls"]
        assert found[day]["api_calls"] == sum(row["api_calls"].values())
    whole = overall(warehouse)
    for column, value in {**figures["overall_batch_1"], **figures["extended_batch_1"]}.items():
        if column != "api_calls":
            assert whole[column] == value, column
    totals: dict[str, int] = {}
    for names in by_api.values():
        for name, count in names.items():
            totals[name] = totals.get(name, 0) + count
    assert totals == figures["overall_batch_1"]["api_calls"]
    assert {name: whole[f"outcome_{name}"] for name in OUTCOMES} == figures["outcomes_batch_1"]
    assert whole["transfer_of_answered_pct"] == expected["variants"]["transfer_pct_calls_over_answered"]
    assert lost_calls(warehouse) == {"2018-06-14": 1}, "K04, whose end is in the second load"
    survey = {row["scenario"]: row for row in warehouse.rows("voice_survey")}
    for scenario, name in {1: "scenario_1_robot_only", 2: "scenario_2_robot_then_human"}.items():
        for column, value in expected["survey"][name].items():
            assert survey[scenario][column] == value, (scenario, column)
    assert survey[1]["violations"] == expected["survey"]["scenario_violations"]
    assert survey[1]["human_avg"] is None
    assert survey[None]["orphans"] == expected["survey"]["orphans"]


def assert_not_the_bugs(warehouse: VoiceWarehouse, expected: Figures) -> None:
    """What a fixed offset, raw phones, ids alone or nulls read as text would give is not what comes out."""
    variants, whole, days = expected["variants"], overall(warehouse), daily(warehouse)
    assert variants["fixed_minus_3_offset_day_of_K12"] not in days
    assert whole["recalls_28d"] != variants["recalls_28d_without_phone_normalisation"]
    assert whole["idk_count"] != variants["idk_if_null_intent_is_treated_as_None"]
    assert api_by_date(warehouse)["2018-06-13"]["LUIS"] != variants["dedup_by_id_only_drops_the_LUIS_call_e13"]["LUIS"]
    assert whole["at_events"] != variants["no_dedup_at_events"]


def assert_second_load(warehouse: VoiceWarehouse, expected: Figures) -> None:
    changes = expected["recommended"]["changes_after_batch_2"]
    figures = expected["recommended"]["daily_batch_1"]
    found, whole = daily(warehouse), overall(warehouse)
    for day, row in figures.items():
        for column, value in {**row, **changes["daily"].get(day, {})}.items():
            if column != "api_calls":
                assert found[day][column] == value, (day, column)
    for column, value in changes["overall"].items():
        assert whole[column] == value, column
    assert {name: whole[f"outcome_{name}"] for name in OUTCOMES} == changes["outcomes"]
    assert lost_calls(warehouse) == {}


def second_load(golden: list[Event], late: list[Event]) -> dict[str, list[dict[str, Any]]]:
    """The calls that the second load changes, as they stand after it; an event that is known changes none."""
    events = {event["key"]: event for event in golden}
    touched = {event["correlationId"] for event in late if event["key"] not in events}
    events |= {event["key"]: event for event in late}
    return typed(event for event in events.values() if event["correlationId"] in touched)


def test_the_first_load(warehouse: VoiceWarehouse, expected: Figures) -> None:
    assert_first_load(warehouse, expected)
    assert_not_the_bugs(warehouse, expected)


def test_no_model_compares_each_row_with_each(pipeline: Pipeline, warehouse: VoiceWarehouse) -> None:
    with duckdb.connect(str(warehouse.file), read_only=True) as connection:
        assert each_with_each(connection, compiled_models(warehouse.folder)) == []


@pytest.fixture
def copy(warehouse: VoiceWarehouse, tmp_path: Path) -> VoiceWarehouse:
    """The first load, to be changed."""
    shutil.copytree(warehouse.folder, tmp_path / "copy", ignore=shutil.ignore_patterns("compiled", "run"))
    return VoiceWarehouse(tmp_path / "copy")


@pytest.mark.long
def test_the_second_load_changes_its_date_only(
    copy: VoiceWarehouse, golden: list[Event], late: list[Event], expected: Figures
) -> None:
    built = "select asset, event_date, materialised_at from bot_ops.partition_ledger"
    before = set(copy.execute(built))
    copy.write("bot", second_load(golden, late))
    copy.run("run")
    assert_second_load(copy, expected)
    assert {row[1] for row in set(copy.execute(built)) - before} == {date(2018, 6, 14)}
    # nothing new: nothing is built
    before = set(copy.execute(built))
    copy.execute("delete from bot_ops.run_scope")
    copy.run("run")
    assert set(copy.execute(built)) == before


@pytest.mark.long
def test_a_run_that_broke_off_leaves_no_date_behind(copy: VoiceWarehouse, golden: list[Event]) -> None:
    """The phone of the one contained call of a date calls again a day later; dbt ends when it has noted that."""
    first = "b78762c3-e375-4630-85cd-07808f1835c3"
    assert by_day(copy, "contained_without_callback_24h_pct")["2018-06-15"] == 100
    again = [
        {**event, "correlationId": "again", "key": f"again-{event['key']}", "when": event["when"] + timedelta(hours=23)}
        for event in golden
        if event["correlationId"] == first
    ]
    copy.write("bot", typed(again))
    copy.run("run", "--select", "+voice_call_facts")
    copy.run("run")
    found = by_day(copy, "contained_without_callback_24h_pct")
    assert (found["2018-06-15"], found["2018-06-16"]) == (0, 100)


@pytest.mark.long
def test_postgres(postgres: str, tmp_path: Path, golden: list[Event], late: list[Event], expected: Figures) -> None:
    made = VoiceWarehouse(tmp_path, postgres)
    made.write("bot", typed(golden))
    made.run("build", "--exclude-resource-type", "unit_test")
    assert_first_load(made, expected)
    assert_not_the_bugs(made, expected)
    made.write("bot", second_load(golden, late))
    made.run("run")
    assert_second_load(made, expected)


def by_day(warehouse: VoiceWarehouse, column: str) -> Figures:
    return {day: row[column] for day, row in daily(warehouse).items() if row[column] is not None}


def _readings_1(warehouse: VoiceWarehouse, variants: Figures) -> None:
    whole = overall(warehouse)
    assert by_day(warehouse, "tma_seconds") == variants["tma_by_local_end_day"]
    assert whole["tma_seconds"] == 145.2
    assert whole["interaction_volume"] == 12
    assert whole["recalls_24h"] == variants["recalls_24h_exclusive_upper_bound"]
    assert whole["transfer_pct"] == variants["transfer_pct_events_over_initiated"]
    assert api_by_date(warehouse)["2018-06-14"] == {"SALDO": 1}
    assert whole["idk_count"] == variants["idk_intersection_none_and_rej"]
    assert whole["disambiguation_pct"] == variants["disambiguation_pct_literal_sum"]
    assert by_day(warehouse, "fcr_pct") == variants["fcr_calendar_day_distinct_over_n"]
    # the answers alone make two calls of the robot calls of a person
    survey = {row["scenario"]: row for row in warehouse.rows("voice_survey")}
    assert (survey[2]["responses"], survey[2]["human_n"]) == (3, 3)


def _readings_2(warehouse: VoiceWarehouse, variants: Figures) -> None:
    whole = overall(warehouse)
    assert by_day(warehouse, "tma_seconds") == variants["tma_by_utc_start_day"]
    assert whole["interaction_volume"] == 16
    for window, count in variants["recalls_customers_with_any_recall"].items():
        assert whole[f"recalls_{window}"] == count
    assert whole["transfer_pct"] == variants["transfer_pct_calls_over_answered"]
    assert whole["idk_count"] == variants["idk_sum_none_plus_rej"]
    assert whole["disambiguation_pct"] == variants["disambiguation_pct_des_only"]
    given = warehouse.run(
        "show", "--quiet", "--output", "json", "--inline",
        "select fcr_pct, fcr_n, fcr_pct_numerator, fcr_pct_denominator "
        "from ({{ voice_overall(none, none, '2018-06-15 12:00:00') }}) as figures",
        voice_readings=READINGS[1][0],
    )  # fmt: skip
    (figures,) = json.loads(given)["show"]
    assert figures == {
        "fcr_pct": variants["fcr_trailing_24h_as_of_2018-06-15T12:00:00Z"],
        "fcr_n": 2,
        "fcr_pct_numerator": 1,
        "fcr_pct_denominator": 2,
    }


def _readings_3(warehouse: VoiceWarehouse, variants: Figures) -> None:
    whole = overall(warehouse)
    # K04 is open, and lost long before the watermark
    assert whole["tma_seconds"] == 145.2
    assert whole["tma_p90_seconds"] == 198
    # while it may end still it is the longest of eleven calls, and K03 the one at nine tenths
    given = warehouse.run(
        "show", "--quiet", "--output", "json", "--inline",
        "select tma_p90_seconds from ({{ voice_overall() }}) as figures",
        voice_readings=READINGS[2][0], voice_lost_hours="9000",
    )  # fmt: skip
    assert json.loads(given)["show"] == [{"tma_p90_seconds": 900}]
    assert whole["idk_count"] == variants["idk_union_excluding_silence"]
    assert whole["fcr_pct"] == 50.0
    # K01, K03 and K07 are followed within a day; each call of the same phone within the window once
    assert (whole["recalls_24h"], whole["recalls_7d"], whole["recalls_28d"]) == (3, 4, 6)
    assert by_day(warehouse, "recalls_24h") == {
        "2018-06-13": 2, "2018-06-14": 1, "2018-06-15": 0, "2018-06-20": 0, "2018-07-11": 0, "2018-11-05": 0
    }  # fmt: skip


READINGS: list[tuple[str, Callable[[VoiceWarehouse, Figures], None]]] = [
    (
        "tma=local_end_day,interactions=all_starts,recalls=exclusive,transfer=events,api=utc_event_day,"
        "idk=intersection,disambiguation=literal_sum,fcr=calendar_day,survey=answers",
        _readings_1,
    ),
    (
        "tma=utc_start_day,interactions=turns,recalls=customers,transfer=answered_calls,idk=sum,"
        "disambiguation=des_only,fcr=trailing_24h",
        _readings_2,
    ),
    ("tma=open_until_now,recalls=forward,idk=union_without_silence,fcr=no_callback", _readings_3),
]


def test_another_reading_rebuilds_everything(copy: VoiceWarehouse, expected: Figures) -> None:
    """No table holds two readings."""
    readings, check = READINGS[0]
    copy.run("run", voice_readings=readings)
    check(copy, expected["variants"])


@pytest.mark.long
def test_every_other_reading_when_it_is_chosen(copy: VoiceWarehouse, expected: Figures) -> None:
    for readings, check in READINGS:
        copy.run("run", voice_readings=readings)
        check(copy, expected["variants"])
    copy.run("run")
    assert_first_load(copy, expected)


@pytest.mark.long
def test_every_other_reading_on_postgres(postgres: str, tmp_path: Path, golden: list[Event], expected: Figures) -> None:
    made = VoiceWarehouse(tmp_path, postgres)
    made.write("bot", typed(golden))
    made.run("seed")
    for readings, check in READINGS:
        made.run("run", voice_readings=readings)
        check(made, expected["variants"])
    made.run("run")
    assert_first_load(made, expected)


@pytest.mark.parametrize(
    ("readings", "told"),
    [
        ("tma=end_day", "local_start_day, local_end_day, utc_start_day, open_until_now"),
        pytest.param("fcl=x", "transfer, api, idk", marks=pytest.mark.long),
    ],
)
def test_an_unknown_reading_is_refused_with_the_known_ones(copy: VoiceWarehouse, readings: str, told: str) -> None:
    done = copy.dbt("compile", "--select", "int_voice__days", voice_readings=readings)
    assert done.returncode != 0
    assert "CHAT_PLATFORM_VOICE_READINGS" in done.stdout
    assert told in done.stdout


def test_settings_and_models_know_the_same_readings() -> None:
    macro = (PROJECT_DIR / "macros" / "voice.sql").read_text(encoding="utf-8")
    (known,) = re.findall(r"macro voice_readings.*?return\((\{.*?\})\)", macro, re.DOTALL)
    assert {name: tuple(readings) for name, readings in ast.literal_eval(known).items()} == VOICE_READINGS


def test_readings_reach_dbt_and_make_it_parse_again(make_settings: Callable[..., Settings]) -> None:
    chosen = make_settings(voice_readings=" idk=sum, tma=local_end_day ", voice_late_days=5)
    handed = dbt_environment(chosen)
    assert handed["CHAT_PLATFORM_VOICE_READINGS"] == "idk=sum,tma=local_end_day"
    assert handed["CHAT_PLATFORM_VOICE_LATE_DAYS"] == "5"
    assert fingerprint(chosen) != fingerprint(make_settings())


def test_the_line_that_a_repair_brings_back(
    pipeline: Pipeline, golden: list[Event], expected: Figures, golden_lines: list[str]
) -> None:
    (broken,) = (line for line in golden_lines if '"id": "3eb97f8d-86e1-4c67-acc7-93e25b975092" "eventType"' in line)
    repaired = accepted([broken.replace('" "eventType"', '", "eventType"').replace('1 "when"', '1, "when"')])
    world = pipeline.new()
    world.load(golden)
    world.load(repaired)
    found = {row["date"].isoformat(): row for row in world.rows("voice_daily")}
    for day, row in expected["variants"]["after_recovery_of_m1"].items():
        assert {column: found[day][column] for column in row} == row
