"""Training: from labelled queries to a calibrated classifier that abstains where it is not sure.

Both targets share one set of TF-IDF features; each has its own logistic regression. Everything that is chosen
(the regularisation C, the temperature of the probabilities, the abstention threshold) is chosen on queries
that the scoring model has not seen, and near-identical queries never sit on both sides of a split.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.cluster import DBSCAN
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import FeatureUnion
from threadpoolctl import threadpool_limits

from chat_platform.classifier.labels import LABELS, TARGETS, UNKNOWN, Target
from chat_platform.classifier.training_set import COLUMNS, TrainingDataError, training_sha256
from chat_platform.classifier.version import SEED, model_version

Floats = npt.NDArray[np.float64]
Strings = npt.NDArray[np.object_]

# One-letter words too: "a", "I" and digits tell a request from a question.
_WORD: Final = r"(?u)\b\w+\b"

FOLDS: Final = 4
# Smaller ones were never chosen; a greater one (1024) lowers the log-loss by less than 0.004.
C_GRID: Final = (16.0, 64.0, 256.0)
TEMPERATURES: Final = tuple(float(t) for t in np.geomspace(0.25, 4.0, 97))
THRESHOLDS: Final = tuple(i / 100 for i in range(96))
# A label other than Unknown is given only where, on held-out queries, such labels are right this often.
TARGET_PRECISION: Final = 0.9
# Cosine similarity over word TF-IDF from which two queries count as variants of each other.
SAME_QUERY: Final = 0.6
# What people want stands at the beginning; pasted documents would only cost time.
TEXT_LIMIT: Final = 2_000


@dataclass(frozen=True)
class Chosen:
    """What was chosen for one target on held-out queries."""

    c: float
    temperature: float
    threshold: float


@dataclass(frozen=True)
class HeldOut:
    """What the classifier says about training queries that the scoring model had not seen.

    One row per training query, in the order of the training set. `given` and `confidence` use a temperature
    and a threshold chosen on the other folds only. `classes` names the columns of `probabilities`.
    """

    classes: tuple[str, ...]
    truth: Strings
    probabilities: Floats
    given: Strings
    confidence: Floats


@dataclass(frozen=True)
class TrainedClassifier:
    """A trained model; `version` depends on training data, parameters, code and scikit-learn only."""

    version: str
    seed: int
    training_sha256: str
    training_rows: int
    features: Any
    models: dict[Target, Any]
    chosen: dict[Target, Chosen]
    held_out: dict[Target, HeldOut]

    def probabilities(self, target: Target, matrix: Any) -> Floats:
        """Calibrated probabilities of the labels `models[target].classes_` for rows of the feature matrix."""
        scores = np.asarray(self.models[target].decision_function(matrix), dtype=np.float64)
        return softmax(scores / self.chosen[target].temperature)


def softmax(scores: Floats) -> Floats:
    """Scores → probabilities, row by row."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    result: Floats = powers / powers.sum(axis=1, keepdims=True)
    return result


def decide(probabilities: Floats, classes: Sequence[str], threshold: float) -> tuple[Strings, Floats]:
    """Probabilities → the label given and its confidence, rounded to 4 digits, for each row.

    The confidence is the probability of the best label, also where the classifier abstains (best label below
    the threshold, label given: Unknown). The comparison uses the rounded value, the one that readers see.
    """
    names = np.asarray(classes, dtype=object)
    confidence = np.round(probabilities.max(axis=1), 4)
    labels = names[probabilities.argmax(axis=1)]
    labels[confidence < threshold] = UNKNOWN
    return labels, confidence


def train(rows: pd.DataFrame, seed: int = SEED) -> TrainedClassifier:
    """Train on the rows of `training_set()`; the same rows and seed give the same classifier.

    Raises TrainingDataError where a label has too few examples to be held out.
    """
    rows = rows.loc[:, list(COLUMNS)].sort_values(list(COLUMNS), ignore_index=True)
    for target in TARGETS:
        missing = sorted(set(LABELS[target]) - set(rows[target]))
        if missing:
            raise TrainingDataError(f"{target} has no example of: {', '.join(missing)}")
    queries = rows["query"].str.slice(stop=TEXT_LIMIT)
    # One thread: sums come in one order, so the result is the same on every run.
    with threadpool_limits(limits=1):
        folds = _folds(queries, rows["domain_category"], seed)
        _require_examples(rows, folds)
        scores = _held_out_scores(queries, rows, folds)
        features = _features()
        matrix = features.fit_transform(queries)
        models: dict[Target, Any] = {}
        chosen: dict[Target, Chosen] = {}
        held_out: dict[Target, HeldOut] = {}
        for target in TARGETS:
            truth = rows[target].to_numpy(dtype=object)
            classes = tuple(sorted(LABELS[target]))
            chosen[target] = _choose(scores[target], truth, classes)
            held_out[target] = _cross_fit(scores[target], truth, classes, folds)
            models[target] = _model(chosen[target].c).fit(matrix, truth)
    return TrainedClassifier(
        version=model_version(rows, seed),
        seed=seed,
        training_sha256=training_sha256(rows),
        training_rows=len(rows),
        features=features,
        models=models,
        chosen=chosen,
        held_out=held_out,
    )


def _features() -> Any:
    common = {"strip_accents": "unicode", "sublinear_tf": True, "dtype": np.float32}
    return FeatureUnion(
        [
            ("words", TfidfVectorizer(ngram_range=(1, 2), token_pattern=_WORD, **common)),
            ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), **common)),
        ]
    )


def _model(c: float) -> Any:
    # To the same precision it takes a fifth of the iterations of the usual solver, and half the time in all.
    return LogisticRegression(C=c, solver="newton-cg", max_iter=200)


def _folds(queries: pd.Series, strata: pd.Series, seed: int) -> npt.NDArray[np.int64]:
    """Number of the fold of each query; variants of one query share a fold."""
    words = TfidfVectorizer(token_pattern=_WORD, strip_accents="unicode").fit_transform(queries)
    groups = DBSCAN(eps=1 - SAME_QUERY, min_samples=1, metric="cosine").fit_predict(words)
    folds = np.zeros(len(queries), dtype=np.int64)
    splitter = StratifiedGroupKFold(n_splits=FOLDS, shuffle=True, random_state=seed)
    try:
        for number, (_, held) in enumerate(splitter.split(queries, strata, groups)):
            folds[held] = number
    except ValueError as error:
        raise TrainingDataError(f"Too few examples: each label needs at least {FOLDS}.") from error
    return folds


def _require_examples(rows: pd.DataFrame, folds: npt.NDArray[np.int64]) -> None:
    """Raise TrainingDataError where all examples of a label are in one fold: without it nothing could be learnt."""
    for target in TARGETS:
        spread = rows[target].groupby(rows[target]).apply(lambda labels: len(set(folds[labels.index])))
        few = sorted(spread[spread < 2].index)
        if few:
            raise TrainingDataError(f"{target} has too few different examples of: {', '.join(few)}")


def _held_out_scores(
    queries: pd.Series, rows: pd.DataFrame, folds: npt.NDArray[np.int64]
) -> dict[Target, dict[float, Floats]]:
    """For each target and C the scores of each query by a model trained without the query's fold."""
    scores: dict[Target, dict[float, Floats]] = {
        target: {c: np.zeros((len(rows), len(LABELS[target]))) for c in C_GRID} for target in TARGETS
    }
    for fold in range(FOLDS):
        held = folds == fold
        features = _features()
        learnt = features.fit_transform(queries[~held])
        asked = features.transform(queries[held])
        for target in TARGETS:
            labels = rows.loc[~held, target].to_numpy(dtype=object)
            for c in C_GRID:
                scores[target][c][held] = _model(c).fit(learnt, labels).decision_function(asked)
    return scores


def _choose(scores: dict[float, Floats], truth: Strings, classes: Sequence[str]) -> Chosen:
    """C and temperature of the least log-loss, and the least threshold that reaches the target precision."""
    true_column = np.searchsorted(np.asarray(classes), truth.astype(str))
    _, c, temperature = min(
        (_log_loss(scores[c] / temperature, true_column), c, temperature)
        for c in scores
        for temperature in TEMPERATURES
    )
    labels, confidence = decide(softmax(scores[c] / temperature), classes, threshold=0.0)
    answered = labels != UNKNOWN
    right = labels == truth
    for threshold in THRESHOLDS:
        kept = answered & (confidence >= threshold)
        if kept.any() and right[kept].mean() >= TARGET_PRECISION:
            break
    return Chosen(c=c, temperature=temperature, threshold=threshold)


def _log_loss(scores: Floats, true_column: npt.NDArray[np.int64]) -> float:
    # Not sklearn's: its checks of the input cost ten times the sum, and it runs some thousand times here.
    shifted = scores - scores.max(axis=1, keepdims=True)
    true = np.take_along_axis(shifted, true_column[:, None], axis=1)[:, 0]
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - true))


def _cross_fit(
    scores: dict[float, Floats], truth: Strings, classes: tuple[str, ...], folds: npt.NDArray[np.int64]
) -> HeldOut:
    """Label each fold with what was chosen on the others: nothing is measured on what it was tuned on."""
    probabilities = np.zeros((len(truth), len(classes)))
    given = np.empty(len(truth), dtype=object)
    confidence = np.zeros(len(truth))
    for fold in range(FOLDS):
        held = folds == fold
        others = {c: values[~held] for c, values in scores.items()}
        chosen = _choose(others, truth[~held], classes)
        probabilities[held] = softmax(scores[chosen.c][held] / chosen.temperature)
        given[held], confidence[held] = decide(probabilities[held], classes, chosen.threshold)
    return HeldOut(classes, truth, probabilities, given, confidence)
