"""Figures of manual accuracy from labels, transcripts and prompt scores; no table is known here.

Frames come with the columns of the tables (`store`) and `item`, what was judged: an event or prompt of one model
version. Every figure is given over all that is there and by model version where versions were sent; shares are between
0 and 1, and have a Wilson interval at 95 %. Scikit-learn is loaded with the first judgement: it takes a second.
"""

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations

import pandas as pd

from chat_platform.accuracy.intervals import wilson


@dataclass(frozen=True)
class Figure:
    """One figure. value = numerator / denominator where it has both; n: judged events, utterances or prompts."""

    metric: str
    n: int
    value: float | None
    dimension: str = "all"
    dimension_value: str = "all"
    numerator: int | None = None
    denominator: int | None = None
    low: float | None = None
    high: float | None = None
    model_version: str | None = None
    measured_date: date | None = None


def _share(metric: str, hits: int, of: int, n: int, intent: str | None = None) -> Figure:
    hits, of = int(hits), int(of)
    low, high = wilson(hits, of) if of else (None, None)
    value = hits / of if of else None
    dimension, name = ("all", "all") if intent is None else ("intent", intent)
    return Figure(metric, n, value, dimension, name, hits, of, low, high)


def _ratio(metric: str, hits: int, of: int, n: int) -> Figure:
    return Figure(metric, n, hits / of if of else None, numerator=int(hits), denominator=int(of))


def robot_figures(labels: pd.DataFrame) -> Iterator[Figure]:
    """Accuracy, precision, recall and F1 by intent, macro F1, and Cohen's kappa of each two annotators.

    An event that several people labelled counts once, with the label most of them gave; where no label is ahead the
    event is disputed: counted as such and judged by nobody until one more label decides.
    """
    yield from _by_version(labels, "robot", "true_intent", _robot)


def prompt_figures(scores: pd.DataFrame) -> Iterator[Figure]:
    """Share of prompts judged correct and intelligible, disputed prompts, and kappa of each two listeners."""
    judged = scores.assign(is_good=scores["correct"].astype(bool) & scores["intelligible"].astype(bool))
    yield from _by_version(judged, "tts", "is_good", _prompts)


def transcript_figures(errors: pd.DataFrame) -> Iterator[Figure]:
    """Word error rate of the corpus with its parts, word accuracy, share of sentences without an error."""
    for version, rows in _versions(errors):
        n = len(rows)
        words, substitutions, deletions, insertions = (
            int(rows[name].sum()) for name in ("reference_words", "substitutions", "deletions", "insertions")
        )
        wrong = substitutions + deletions + insertions
        right = int((rows[["substitutions", "deletions", "insertions"]].sum(axis=1) == 0).sum())
        found = [
            _ratio("stt_word_error_rate", wrong, words, n),
            _ratio("stt_substitutions", substitutions, words, n),
            _ratio("stt_deletions", deletions, words, n),
            _ratio("stt_insertions", insertions, words, n),
            _ratio("stt_word_accuracy", words - wrong, words, n),
            _share("stt_sentence_accuracy", right, n, n),
        ]
        yield from _stamped(found, version, rows)


def _robot(rows: pd.DataFrame) -> Iterator[Figure]:
    true, predicted = rows["true_intent"].to_numpy(str), rows["predicted_intent"].to_numpy(str)
    n = len(rows)
    yield _share("robot_accuracy", int((true == predicted).sum()), n, n)
    if not n:
        return
    from sklearn.metrics import f1_score, multilabel_confusion_matrix

    intents = sorted(set(true) | set(predicted))
    for intent, ((_, false_hits), (missed, hits)) in zip(
        intents, multilabel_confusion_matrix(true, predicted, labels=intents), strict=True
    ):
        yield _share("robot_precision", hits, hits + false_hits, n, intent)
        yield _share("robot_recall", hits, hits + missed, n, intent)
        f1 = _ratio("robot_f1", 2 * hits, 2 * hits + false_hits + missed, n)
        yield replace(f1, dimension="intent", dimension_value=intent)
    macro = f1_score(true, predicted, labels=intents, average="macro")
    yield Figure("robot_macro_f1", n, float(macro))


def _prompts(rows: pd.DataFrame) -> Iterator[Figure]:
    yield _share("tts_accuracy", int(rows["is_good"].astype(bool).sum()), len(rows), len(rows))


def _by_version(
    judgements: pd.DataFrame, area: str, label: str, judge: Callable[[pd.DataFrame], Iterator[Figure]]
) -> Iterator[Figure]:
    for version, rows in _versions(judgements):
        agreed, disputed = _agreed(rows, label)
        found = [*judge(agreed), _ratio(f"{area}_disputed", disputed, len(agreed) + disputed, len(agreed) + disputed)]
        yield from _stamped([*found, *_kappas(rows, area, label)], version, rows)


def _agreed(rows: pd.DataFrame, label: str) -> tuple[pd.DataFrame, int]:
    """One row for each item with the label that most gave it; and how many items have no such label."""
    votes = rows.groupby(["item", label], as_index=False).size()
    votes["most"] = votes.groupby("item")["size"].transform("max")
    ahead = votes[votes["size"] == votes["most"]]
    decided = ahead[~ahead.duplicated("item", keep=False)]
    others = rows.drop(columns=label).drop_duplicates("item")
    return decided[["item", label]].merge(others, on="item"), rows["item"].nunique() - len(decided)


def _kappas(rows: pd.DataFrame, area: str, label: str) -> Iterator[Figure]:
    from sklearn.metrics import cohen_kappa_score

    by_person = rows.dropna(subset=["annotator"]).pivot(index="item", columns="annotator", values=label)
    for one, other in combinations(by_person.columns, 2):
        both = by_person[[one, other]].dropna().astype(str)
        if len(both):
            with warnings.catch_warnings():
                # Of two people who always give one and the same label there is nothing to say beyond chance.
                warnings.simplefilter("ignore")
                kappa = float(cohen_kappa_score(both[one], both[other]))
            value = None if math.isnan(kappa) else kappa
            yield Figure(f"{area}_kappa", len(both), value, "annotators", f"{one}, {other}")


def _versions(frame: pd.DataFrame) -> Iterator[tuple[str | None, pd.DataFrame]]:
    if len(frame):
        yield None, frame
        for version, rows in frame.groupby("model_version"):
            yield str(version), rows


def _stamped(figures: list[Figure], version: str | None, rows: pd.DataFrame) -> Iterator[Figure]:
    measured = max(rows["measured_date"])
    for figure in figures:
        yield replace(figure, model_version=version, measured_date=measured)
