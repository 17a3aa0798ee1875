"""Figures of manual accuracy: against the worked example, and against formulas written down here."""

import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import NormalDist
from typing import Any

import jiwer
import pytest

from chat_platform.accuracy.intervals import size_for, wilson
from chat_platform.accuracy.store import import_file, read_figures
from chat_platform.accuracy.words import count_errors
from chat_platform.contracts.accuracy import Judgements
from chat_platform.errors import ChatPlatformError
from chat_platform.settings import Settings

GOLDEN = Path(__file__).parents[1] / "golden" / "voice"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))
Z = NormalDist().inv_cdf(0.975)


def rows_of(settings: Settings, metric: str, **wanted: Any) -> list[dict[str, Any]]:
    wanted.setdefault("model_version", None)
    return [
        row
        for row in read_figures(settings)
        if row["metric"] == metric and all(row[name] == value for name, value in wanted.items())
    ]


def value(row: dict[str, Any], name: str = "value") -> float | None:
    return None if row[name] is None else round(float(row[name]), 6)


def test_robot_accuracy_of_the_worked_example(settings: Settings) -> None:
    done = import_file(settings, GOLDEN / "annotations.jsonl", Judgements.LABELS)
    expected = EXPECTED["robot_accuracy"]
    assert (done.taken, done.left_open, done.unknown, done.is_shown) == (20, 0, 20, True)
    (accuracy,) = rows_of(settings, "robot_accuracy")
    assert (accuracy["n"], accuracy["numerator"], accuracy["denominator"]) == (20, expected["correct"], expected["n"])
    assert value(accuracy) == expected["accuracy"]
    assert [value(accuracy, "low"), value(accuracy, "high")] == expected["wilson95"]
    found: dict[str, dict[str, Any]] = {}
    for name in ("precision", "recall", "f1"):
        for row in rows_of(settings, f"robot_{name}"):
            assert row["dimension"] == "intent"
            found.setdefault(row["dimension_value"], {})[name] = value(row)
            if name == "recall":
                found[row["dimension_value"]]["support"] = row["denominator"]
    assert found == expected["per_intent"]
    (macro,) = rows_of(settings, "robot_macro_f1")
    assert value(macro) == expected["macro_f1"]
    (disputed,) = rows_of(settings, "robot_disputed")
    assert (disputed["numerator"], disputed["denominator"]) == (0, 20)
    assert not rows_of(settings, "robot_kappa")


def test_speech_recognition_of_the_worked_example(settings: Settings) -> None:
    import_file(settings, GOLDEN / "transcripts.jsonl", Judgements.TRANSCRIPTS)
    expected = EXPECTED["stt_accuracy"]
    (rate,) = rows_of(settings, "stt_word_error_rate")
    assert (rate["n"], rate["denominator"]) == (5, expected["reference_words"])
    assert value(rate) == expected["wer"] != expected["wrong_mean_of_utterance_wers"]
    for part in ("substitutions", "deletions", "insertions"):
        assert rows_of(settings, f"stt_{part}")[0]["numerator"] == expected[part]
    assert value(rows_of(settings, "stt_word_accuracy")[0]) == expected["word_accuracy"]
    (sentences,) = rows_of(settings, "stt_sentence_accuracy")
    assert value(sentences) == expected["sentence_accuracy"]
    assert value(sentences, "low") == round(by_formula(1, 5)[0], 6)


def by_formula(hits: int, n: int) -> tuple[float, float]:
    """Wilson's score interval as in the textbook."""
    share = hits / n
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return centre - half, centre + half


@pytest.mark.parametrize(("hits", "n"), [(16, 20), (0, 7), (7, 7), (1, 1), (333, 1000)])
def test_the_interval_is_wilsons(hits: int, n: int) -> None:
    assert wilson(hits, n) == pytest.approx(by_formula(hits, n), abs=1e-12)


@pytest.mark.parametrize("half_width", [0.2, 0.05, 0.03, 0.01])
def test_the_sample_is_as_large_as_the_interval_needs(half_width: float) -> None:
    # At one half the interval of Wilson reaches z / (2 sqrt(n + z^2)) to each side.
    assert abs(size_for(half_width) - math.ceil(Z**2 / (4 * half_width**2) - Z**2)) <= 1
    size = size_for(half_width, 0.8)
    low, high = by_formula(round(0.8 * size), size)
    assert high - low <= 2 * half_width
    assert size < size_for(half_width)


@pytest.mark.parametrize("wrong", [{"half_width": 0}, {"half_width": 1.5}, {"half_width": 0.05, "expected": 1}])
def test_a_share_out_of_range_is_named(wrong: dict[str, float]) -> None:
    with pytest.raises(ChatPlatformError, match="between 0 and 1"):
        size_for(**wrong)


def test_a_precision_beyond_reach_is_told() -> None:
    with pytest.raises(ChatPlatformError, match="more than a million"):
        size_for(0.0001)


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("Não, já FALEI.", "não já falei", (3, 0, 0, 0)),
        # Accents count, however they were typed.
        ("não", "nao", (1, 1, 0, 0)),
        ("na\u0303o", "n\u00e3o", (1, 0, 0, 0)),
        ("um\tdois\n três", "um dois três", (3, 0, 0, 0)),
        ("sim", "", (1, 0, 1, 0)),
        ("...", "sim", (0, 0, 0, 1)),
        ("a b c", "a x c d", (3, 1, 0, 1)),
    ],
)
def test_word_errors(said: str, heard: str, errors: tuple[int, int, int, int]) -> None:
    (found,) = count_errors([said], [heard])
    assert (found.reference_words, found.substitutions, found.deletions, found.insertions) == errors


def test_word_errors_of_a_whole_corpus_are_those_of_the_library(shared: Path, settings: Settings) -> None:
    import gzip

    path = shared / "real" / "voice" / "asr" / "asr_pairs.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"{path} is missing: real input lies beside the checkout, not in it")
    pairs = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert len(pairs) == 1300
    file = settings.home.parent / "pairs.jsonl"
    lines = (
        {"eventId": f"e{n}", "modelVersion": pair["dataset"], **{k: pair[k] for k in ("reference", "hypothesis")}}
        for n, pair in enumerate(pairs)
    )
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert import_file(settings, file, Judgements.TRANSCRIPTS).taken == 1300
    said, heard = ([pair[side] for pair in pairs] for side in ("reference", "hypothesis"))
    plain = jiwer.Compose(
        [
            jiwer.ToLowerCase(),
            jiwer.RemovePunctuation(),
            jiwer.RemoveMultipleSpaces(),
            jiwer.Strip(),
            jiwer.ReduceToListOfListOfWords(),
        ]
    )
    whole = jiwer.process_words(said, heard, reference_transform=plain, hypothesis_transform=plain)
    (rate,) = rows_of(settings, "stt_word_error_rate")
    assert rate["numerator"] == whole.substitutions + whole.deletions + whole.insertions
    assert rate["denominator"] == whole.hits + whole.substitutions + whole.deletions
    assert value(rate) == round(whole.wer, 6)
    for name in ("atis", "trec6"):
        (own,) = rows_of(settings, "stt_word_error_rate", model_version=name)
        chosen = [
            [text for text, pair in zip(side, pairs, strict=True) if pair["dataset"] == name] for side in (said, heard)
        ]
        rates = jiwer.wer(chosen[0], chosen[1], reference_transform=plain, hypothesis_transform=plain)
        assert value(own) == round(rates, 6)


Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def made(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return made


def labels(*rows: tuple[str, str, str]) -> str:
    return "eventId,trueIntent,predictedIntent\n" + "".join(",".join(row) + "\n" for row in rows)


def test_two_annotators_and_one_who_decides(settings: Settings, write: Write) -> None:
    # 20 turns: both say A on 9 and B on 6, they differ on 5 (A, B); the robot always says A.
    ids = [f"e{n:02d}" for n in range(20)]
    ana = [*"A" * 9, *"B" * 6, *"A" * 5]
    rui = [*"A" * 9, *"B" * 6, *"B" * 5]
    for name, given in (("ana", ana), ("rui", rui)):
        file = write(f"{name}.csv", labels(*((i, label, "A") for i, label in zip(ids, given, strict=True))))
        import_file(settings, file, Judgements.LABELS, name)
    (kappa,) = rows_of(settings, "robot_kappa")
    agreed, by_chance = 15 / 20, (14 * 9 + 6 * 11) / 400
    assert value(kappa) == round((agreed - by_chance) / (1 - by_chance), 6)
    assert (kappa["dimension_value"], kappa["n"]) == ("ana, rui", 20)
    (disputed,) = rows_of(settings, "robot_disputed")
    assert (disputed["numerator"], disputed["denominator"]) == (5, 20)
    (accuracy,) = rows_of(settings, "robot_accuracy")
    assert (accuracy["numerator"], accuracy["denominator"]) == (9, 15)
    # A third label decides what two left open.
    import_file(settings, write("lia.csv", labels(*((i, "A", "A") for i in ids[15:]))), Judgements.LABELS, "lia")
    (accuracy,) = rows_of(settings, "robot_accuracy")
    assert (accuracy["numerator"], accuracy["denominator"]) == (14, 20)
    assert rows_of(settings, "robot_disputed")[0]["numerator"] == 0
    assert Counter(row["dimension_value"] for row in rows_of(settings, "robot_kappa")) == {
        "ana, rui": 1, "ana, lia": 1, "lia, rui": 1,
    }  # fmt: skip


def test_each_version_of_the_model_has_figures_of_its_own(settings: Settings, write: Write) -> None:
    rows = [("v1", "A", "A"), ("v1", "A", "B"), ("v2", "A", "A"), ("v2", "None", "None"), ("", "A", "B")]
    text = "eventId,modelVersion,trueIntent,predictedIntent\n" + "".join(
        f"e{n % 2},{version},{true},{predicted}\n" for n, (version, true, predicted) in enumerate(rows)
    )
    import_file(settings, write("labels.csv", text), Judgements.LABELS)
    shares = {
        version: (row["numerator"], row["denominator"])
        for version in (None, "v1", "v2")
        for row in rows_of(settings, "robot_accuracy", model_version=version)
    }
    assert shares == {None: (3, 5), "v1": (1, 2), "v2": (2, 2)}
    # Nobody was heard to want B: of nothing there is no recall.
    (recall,) = rows_of(settings, "robot_recall", dimension_value="B", model_version="v1")
    assert (recall["value"], recall["low"], recall["denominator"]) == (None, None, 0)
    assert rows_of(settings, "robot_precision", dimension_value="None", model_version="v2")[0]["value"] == 1


def test_prompts(settings: Settings, write: Write) -> None:
    text = "promptId,correct,intelligible\np1,true,true\np2,yes,no\np3,0,1\np4,1,1\np5,true,\n"
    done = import_file(settings, write("prompts.csv", text), Judgements.PROMPTS)
    assert (done.taken, done.left_open) == (4, 1)
    (row,) = rows_of(settings, "tts_accuracy")
    assert (row["numerator"], row["denominator"]) == (2, 4)
    assert (value(row, "low"), value(row, "high")) == tuple(round(bound, 6) for bound in by_formula(2, 4))
