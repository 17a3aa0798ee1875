"""What people hand in: taken whole or refused with file, line and field; and what is drawn for them."""

import csv
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from chat_platform.accuracy.sample import Drawn, draw
from chat_platform.accuracy.store import import_file, read_figures, write_figures
from chat_platform.contracts.accuracy import Judgements
from chat_platform.errors import ChatPlatformError
from chat_platform.settings import Settings
from chat_platform.warehouse.connection import open_published, open_warehouse
from chat_platform.warehouse.schema import tables
from chat_platform.warehouse.snapshot import publish_snapshot

FIRST = date(2026, 3, 2)


def fill_turns(
    settings: Settings, intents: dict[str | None, int], speaker: str = "customer", start: int = 0, **same: str | None
) -> None:
    """Turns with these intents, `same` in all of them; every tenth has the id of the one before."""
    rows = [
        {
            "event_key": f"{number:064x}",
            "event_id": f"id-{number - (number % 10 == 9)}",
            "call_id": f"call-{number // 3}",
            "event_date": FIRST + timedelta(days=number % 5),
            "robot_version": f"v{number % 2}",
            "speaker": speaker,
            "intent": intent,
            "intent_score": 0.5,
            "text": f"meu número é [number] {number}",
            "script_point": None,
            "dialog_type": None,
            **same,
        }
        for number, intent in enumerate(
            (intent for intent, count in intents.items() for _ in range(count)), start=start
        )
    ]
    with open_warehouse(settings) as warehouse:
        warehouse.connection.register("rows", pa.Table.from_pylist(rows))
        names = list(rows[0])
        others = [name for name in tables()["voice.turns"].column_names if name not in names]
        select = ", ".join([*names, *(f"null as {name}" for name in others)])
        warehouse.insert("voice.turns", f"select {select} from rows")
    publish_snapshot(settings)


@pytest.fixture
def turns(settings: Settings) -> Settings:
    fill_turns(settings, {"CONSUMO": 500, "INTERNET": 300, "None": 190, "RARE": 10, None: 100})
    fill_turns(settings, {"CONSUMO": 400}, speaker="agent", start=5000)
    return settings


def drawn_rows(path: Path) -> list[dict[str, str]]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    """As a spreadsheet saves it."""
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def in_proportion(drawn: Drawn, population: int) -> None:
    """Of every stratum its share, give or take what few random starts do."""
    assert drawn.population == population
    for name, turns, size in drawn.strata:
        assert abs(size - drawn.size * turns / population) < 2, name


def test_a_sample_has_every_intent_in_proportion(turns: Settings, tmp_path: Path) -> None:
    target = tmp_path / "sample.csv"
    drawn = draw(turns, target, half_width=0.05, expected=0.5, seed=1)
    rows = drawn_rows(target)
    # Of two turns under one id one can be drawn; turns without an intent and those of the robot cannot.
    assert drawn.size == drawn.wanted == len(rows) == len({row["eventId"] for row in rows})
    counted = {name: sum(row["predictedIntent"] == name for row in rows) for name, _, _ in drawn.strata}
    for name, _, size in drawn.strata:
        assert counted[name] == size
    in_proportion(drawn, 900)
    assert set(rows[0]) == {
        "eventId", "callId", "eventDate", "modelVersion", "text", "predictedIntent", "score", "trueIntent", "annotator",
    }  # fmt: skip
    assert all(row["trueIntent"] == "" for row in rows)
    assert target.stat().st_mode & 0o077 == 0, "what customers said is for its owner only"
    # Mixed: whoever labels does not see one intent after the other.
    assert len({row["predictedIntent"] for row in rows[:20]}) > 1


def test_the_seed_decides_and_a_larger_sample_holds_the_smaller(turns: Settings, tmp_path: Path) -> None:
    def ids(name: str, seed: int, half_width: float) -> set[str]:
        draw(turns, tmp_path / name, half_width=half_width, expected=0.5, seed=seed)
        return {row["eventId"] for row in drawn_rows(tmp_path / name)}

    small = ids("a.csv", 1, 0.1)
    assert small == ids("b.jsonl", 1, 0.1)
    assert small != ids("c.csv", 2, 0.1)
    assert small < ids("d.csv", 1, 0.05)


def test_a_sample_can_be_of_some_dates_and_one_version(turns: Settings, tmp_path: Path) -> None:
    target = tmp_path / "sample.jsonl"
    last = FIRST + timedelta(days=1)
    drawn = draw(turns, target, half_width=0.01, expected=0.5, seed=0, first=FIRST, last=last, robot_version="v1")
    rows = drawn_rows(target)
    assert {(row["eventDate"], row["modelVersion"]) for row in rows} == {
        (FIRST.isoformat(), "v1"),
        (last.isoformat(), "v1"),
    }
    assert drawn.size == drawn.population < drawn.wanted
    with pytest.raises(ChatPlatformError, match="exists"):
        draw(turns, target, half_width=0.01, expected=0.5, seed=0)
    with pytest.raises(ChatPlatformError, match="No customer turn"):
        draw(turns, tmp_path / "x.csv", half_width=0.01, expected=0.5, seed=0, robot_version="v9")
    with pytest.raises(ChatPlatformError, match="ends in"):
        draw(turns, tmp_path / "x.xlsx", half_width=0.5, expected=0.5, seed=0)


@pytest.mark.parametrize("name", ["sample.csv", "sample.jsonl"])
def test_a_sample_comes_back_as_it_was_filled_in(turns: Settings, tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    draw(turns, target, half_width=0.1, expected=0.5, seed=3)
    size = len(drawn_rows(target))
    done = import_file(turns, target, Judgements.LABELS, "ana")
    assert (done.taken, done.left_open) == (0, size)
    assert read_figures(turns) == []
    filled = [{**row, "trueIntent": row["predictedIntent"]} for row in drawn_rows(target)]
    filled[0]["trueIntent"] = " None " if filled[0]["predictedIntent"] != "None" else "RARE"
    write_rows(target, filled)
    done = import_file(turns, target, Judgements.LABELS, "ana")
    assert (done.taken, done.left_open, done.unknown) == (size, 0, 0)
    accuracy = {row["model_version"]: row for row in read_figures(turns) if row["metric"] == "robot_accuracy"}
    assert set(accuracy) == {None, "v0", "v1"}
    assert (accuracy[None]["numerator"], accuracy[None]["denominator"]) == (size - 1, size)
    with open_published(turns) as connection:
        ((people,),) = connection.execute("select distinct annotator from demo_voice.annotations").fetchall()
    assert people == "ana"


def test_small_strata_have_their_share_and_the_seed_chooses_among_them(settings: Settings, tmp_path: Path) -> None:
    # By their ids 180 intents of one turn and one of 360: of 93 turns a third, 31, are of the small ones.
    fill_turns(settings, {**{f"RARE {number:03d}": 1 for number in range(200)}, "MANY": 400})
    small = []
    for seed in range(10):
        drawn = draw(settings, tmp_path / f"{seed}.csv", half_width=0.1, expected=0.5, seed=seed)
        assert drawn.size == 93
        small.append({name for name, _, size in drawn.strata if size and name != "MANY"})
    # What 180 random starts leave out of step is of the order of the square root of 180 / 12, about four.
    assert all(abs(len(names) - 31) <= 12 for names in small)
    assert abs(sum(map(len, small)) - 310) <= 40
    # Each is drawn in about one of six samples, whatever its name: 180 * (1 - (5 / 6) ** 10) = 151 in ten.
    assert 130 <= len(set().union(*small)) <= 170
    assert sum(max(names) > "RARE 170" for names in small) >= 8


def test_what_was_not_understood_is_written_down_too(settings: Settings, tmp_path: Path) -> None:
    fill_turns(settings, {"SALDO": 600, "None": 300, None: 100})
    fill_turns(settings, {"SALDO": 50}, start=2000, text=None)
    fill_turns(settings, {"SALDO": 50}, start=3000, text="[forgotten]")
    fill_turns(settings, {"SALDO": 400}, speaker="agent", start=5000)
    target = tmp_path / "to-write.csv"
    drawn = draw(settings, target, Judgements.TRANSCRIPTS, half_width=0.1, expected=0.5, seed=1)
    # Of ten turns there are nine ids.
    assert [(name, turns) for name, turns, _ in drawn.strata] == [
        ("no intent was sent", 90), ("not understood", 270), ("understood", 540),
    ]  # fmt: skip
    in_proportion(drawn, 900)
    assert drawn.wanted == drawn.size == 93
    rows = drawn_rows(target)
    assert list(rows[0]) == [
        "eventId", "callId", "eventDate", "eventTimestamp", "modelVersion", "hypothesis", "reference", "annotator",
    ]  # fmt: skip
    assert target.stat().st_mode & 0o077 == 0, "what customers said is for its owner only"

    assert import_file(settings, target, Judgements.TRANSCRIPTS, "ana").left_open == 93
    # One word of five is missed in one of them; the number was recognised and only its mask stands in the file.
    for number, row in enumerate(rows):
        row["reference"] = row["hypothesis"].replace("[number]", "11 96832-2333") + " sim" * (number == 0)
    write_rows(target, rows)
    done = import_file(settings, target, Judgements.TRANSCRIPTS, "ana")
    assert (done.taken, done.left_open, done.unknown) == (93, 0, 0)
    found = {row["metric"]: row for row in read_figures(settings) if row["model_version"] is None}
    rate, sentences = found["stt_word_error_rate"], found["stt_sentence_accuracy"]
    assert (rate["numerator"], rate["denominator"]) == (1, 93 * 5 + 1)
    assert (sentences["numerator"], sentences["denominator"]) == (92, 93)
    assert {row["model_version"] for row in read_figures(settings)} == {None, "v0", "v1"}


def test_prompts_are_drawn_by_their_place_in_the_script(settings: Settings, tmp_path: Path) -> None:
    for start, count, place in (
        (0, 500, {"script_point": "100", "dialog_type": "RDM"}),
        (1000, 300, {"script_point": "101"}),
        (2000, 100, {"dialog_type": "REJ"}),
        (3000, 100, {}),
        (4000, 100, {"script_point": "102", "text": None}),
    ):
        fill_turns(settings, {None: count}, speaker="agent", start=start, **place)
    fill_turns(settings, {"SALDO": 400}, start=5000)
    target = tmp_path / "to-hear.csv"
    drawn = draw(settings, target, Judgements.PROMPTS, half_width=0.1, expected=0.5, seed=1)
    assert [(name, turns) for name, turns, _ in drawn.strata] == [
        ("dialog type REJ", 90), ("no script point", 90), ("script point 100", 450), ("script point 101", 270),
    ]  # fmt: skip
    in_proportion(drawn, 900)
    rows = drawn_rows(target)
    assert list(rows[0]) == [
        "promptId", "callId", "eventDate", "eventTimestamp", "modelVersion", "scriptPoint", "dialogType", "text",
        "correct", "intelligible", "annotator",
    ]  # fmt: skip
    assert import_file(settings, target, Judgements.PROMPTS, "ana").left_open == 93
    for number, row in enumerate(rows):
        row.update(correct="true" if number else "false", intelligible="true")
    write_rows(target, rows)
    done = import_file(settings, target, Judgements.PROMPTS, "ana")
    assert (done.taken, done.left_open) == (93, 0)
    (accuracy,) = (r for r in read_figures(settings) if r["metric"] == "tts_accuracy" and r["model_version"] is None)
    assert (accuracy["numerator"], accuracy["denominator"]) == (92, 93)
    # The formula of Wilson by hand: 92 of 93.
    assert round(float(accuracy["low"]), 4) == 0.9416
    with pytest.raises(ChatPlatformError, match="No turn of the robot"):
        draw(settings, tmp_path / "x.csv", Judgements.PROMPTS, half_width=0.1, expected=0.5, seed=0, robot_version="9")


BAD = [
    ('{"eventId": "e1", "trueIntent": "A"}\n', "line 1, field predictedIntent: field required"),
    ('\n{"eventId": 7, "trueIntent": "A", "predictedIntent": " "}\n', "line 2, field predictedIntent"),
    ('{"eventId": "e1", "trueIntent": "A", "predictedIntent": "A", "measuredOn": "soon"}', "field measuredOn"),
    ('{"eventId": ["e1"], "trueIntent": "A", "predictedIntent": "A"}', "line 1, field eventId"),
    ('{"eventId": "e1", "trueIntent": "A", "predictedIntent": "A"\n', "line 1: not JSON"),
    ("[1]\n", "line 1: not a JSON object"),
    ('{"eventId": "e1", "trueIntent": "A", "predictedIntent": "A"}\n' * 2, "line 2, field eventId: stands in line 1"),
    ('{"eventId": "e1", "trueIntent": "' + "A" * 300 + '", "predictedIntent": "A"}', "field trueIntent"),
]


@pytest.mark.parametrize(("text", "told"), BAD)
def test_a_wrong_row_is_named_and_nothing_is_taken(settings: Settings, tmp_path: Path, text: str, told: str) -> None:
    good = tmp_path / "good.jsonl"
    good.write_text('{"eventId": "e0", "trueIntent": "A", "predictedIntent": "A"}\n', encoding="utf-8")
    import_file(settings, good, Judgements.LABELS)
    before = read_figures(settings)
    file = tmp_path / "labels.jsonl"
    file.write_text('{"eventId": "e9", "trueIntent": "A", "predictedIntent": "B"}\n', encoding="utf-8")
    lines = file.read_text(encoding="utf-8")
    file.write_text(text + ("" if "stands in" in told else "\n" + lines), encoding="utf-8")
    with pytest.raises(ChatPlatformError) as error:
        import_file(settings, file, Judgements.LABELS)
    assert f"{file}, {told}" in str(error.value) or (str(file) in str(error.value) and told in str(error.value))
    assert read_figures(settings) == before != []


def test_every_wrong_row_is_told_at_once(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "prompts.csv"
    file.write_text("promptId,correct,intelligible\n,maybe,1\np2,1\n" + "p,x,1\n" * 30, encoding="utf-8")
    with pytest.raises(ChatPlatformError) as error:
        import_file(settings, file, Judgements.PROMPTS)
    told = str(error.value)
    for part in ("line 2, field promptId", "line 2, field correct", "line 3: 2 cells; the first line names 3"):
        assert part in told
    assert "and 13 more" in told


@pytest.mark.parametrize("data", [b"eventId\n\xff\n", b'eventId,a\n"x'])
def test_a_file_that_cannot_be_read_is_named(settings: Settings, tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "labels.csv"
    file.write_bytes(data)
    with pytest.raises(ChatPlatformError, match=r"labels\.csv"):
        import_file(settings, file, Judgements.LABELS)


def test_importing_again_changes_nothing_and_a_correction_counts(settings: Settings, tmp_path: Path) -> None:
    def write(true: str, **more: str) -> Path:
        file = tmp_path / "labels.jsonl"
        row = {"eventId": "e1", "trueIntent": true, "predictedIntent": "A", **more}
        file.write_text(json.dumps(row) + "\n", encoding="utf-8")
        return file

    def rows() -> list[tuple[object, ...]]:
        with open_published(settings) as connection:
            return connection.execute(
                "select true_intent, measured_date from demo_voice.annotations order by all"
            ).fetchall()

    import_file(settings, write("A", measuredOn="2026-01-05"), Judgements.LABELS)
    first = rows(), read_figures(settings)
    assert first[0] == [("A", date(2026, 1, 5))]
    import_file(settings, write("A"), Judgements.LABELS)
    assert (rows(), read_figures(settings)) == first, "measured on the day it was first said"
    write_figures(settings)
    publish_snapshot(settings)
    assert read_figures(settings) == first[1]
    import_file(settings, write("B", measuredOn="2026-01-07"), Judgements.LABELS)
    assert rows() == [("B", date(2026, 1, 7))]
    assert {row["measured_date"] for row in read_figures(settings)} == {date(2026, 1, 7)}


def test_labels_on_postgres(make_settings: Callable[..., Settings], postgres: str, tmp_path: Path) -> None:
    settings = make_settings("postgres", warehouse=postgres)
    golden = Path(__file__).parents[1] / "golden" / "voice"
    for _ in range(2):
        import_file(settings, golden / "annotations.jsonl", Judgements.LABELS)
        import_file(settings, golden / "transcripts.jsonl", Judgements.TRANSCRIPTS)
    found = {row["metric"]: row for row in read_figures(settings) if row["dimension"] == "all"}
    assert float(found["robot_accuracy"]["value"]) == 0.8
    assert round(float(found["stt_word_error_rate"]["value"]), 6) == 0.210526
    # And the same turns are drawn as on DuckDB.
    other = make_settings("duckdb")
    for kind in Judgements:
        files = []
        for number, place in enumerate((settings, other)):
            if kind is Judgements.LABELS:
                fill_turns(place, {"SALDO": 300, "None": 200})
                fill_turns(place, {"SALDO": 300}, speaker="agent", start=1000, script_point="100")
            files.append(tmp_path / f"{kind}-{number}.csv")
            draw(place, files[-1], kind, half_width=0.1, expected=0.5, seed=1)
        assert len(drawn_rows(files[0])) == 93
        assert files[0].read_bytes() == files[1].read_bytes()


def test_half_a_publish_stays_unseen(settings: Settings, tmp_path: Path) -> None:
    golden = Path(__file__).parents[1] / "golden" / "voice"
    import_file(settings, golden / "annotations.jsonl", Judgements.LABELS)
    before = read_figures(settings)
    with open_warehouse(settings) as warehouse:
        warehouse.execute("create table demo_chat.half (x integer)")
    done = import_file(settings, golden / "transcripts.jsonl", Judgements.TRANSCRIPTS)
    assert not done.is_shown
    assert read_figures(settings) == before
