"""Evaluation: how good the classifier is on queries that it was not trained on."""

from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, classification_report, f1_score, log_loss

from chat_platform.classifier.labels import LABELS, TARGETS, UNKNOWN, Target
from chat_platform.classifier.train import TEXT_LIMIT, Floats, HeldOut, TrainedClassifier, decide

BINS: Final = 10


def evaluate(model: TrainedClassifier) -> dict[str, float]:
    """Measures on the cross-validated predictions of the training queries, for each target.

    Keys are `<target>_<measure>`: accuracy (an abstention counts as the label Unknown), answered_accuracy
    (share right among the labels given other than Unknown), macro_f1, log_loss, calibration_error (expected
    calibration error of the best label over 10 bins of equal width), abstention_rate (share whose best label
    is below the threshold), unknown_rate (share labelled Unknown for either reason), rows, threshold, c,
    temperature.
    """
    measures: dict[str, float] = {}
    for target in TARGETS:
        chosen = model.chosen[target]
        found = _measure(model.held_out[target])
        found |= {"threshold": chosen.threshold, "c": chosen.c, "temperature": chosen.temperature}
        measures |= {f"{target}_{name}": value for name, value in found.items()}
    return measures


def evaluate_on(model: TrainedClassifier, labelled: pd.DataFrame) -> dict[str, float]:
    """The measures of `evaluate()` on other labelled queries (query, domain_category, intent_type).

    A null label means that the target was not labelled in that row; the row is left out for that target only.
    """
    measures: dict[str, float] = {}
    for target in TARGETS:
        rows = labelled.dropna(subset=[target])
        if rows.empty:
            continue
        predicted = _predict(model, target, rows)
        measures |= {f"{target}_{name}": value for name, value in _measure(predicted).items()}
    return measures


def per_label(model: TrainedClassifier) -> pd.DataFrame:
    """Cross-validated precision, recall, f1, support: a row per target and label; abstentions are Unknown."""
    rows: list[dict[str, Any]] = []
    for target in TARGETS:
        held_out = model.held_out[target]
        report = classification_report(
            held_out.truth, held_out.given, labels=list(LABELS[target]), output_dict=True, zero_division=0.0
        )
        rows += [
            {
                "target": target,
                "label": label,
                "precision": float(report[label]["precision"]),
                "recall": float(report[label]["recall"]),
                "f1": float(report[label]["f1-score"]),
                "support": int(report[label]["support"]),
            }
            for label in LABELS[target]
        ]
    return pd.DataFrame(rows)


def calibration_error(confidence: Floats, right: Floats, bins: int = BINS) -> float:
    """Expected calibration error: distance of mean confidence and share right, over bins weighted by rows."""
    number = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    frame = pd.DataFrame({"bin": number, "gap": confidence - right})
    return float(frame.groupby("bin")["gap"].sum().abs().sum() / len(frame))


def _predict(model: TrainedClassifier, target: Target, rows: pd.DataFrame) -> HeldOut:
    classes = tuple(model.models[target].classes_.tolist())
    matrix = model.features.transform(rows["query"].str.slice(stop=TEXT_LIMIT))
    probabilities = model.probabilities(target, matrix)
    given, confidence = decide(probabilities, classes, model.chosen[target].threshold)
    return HeldOut(classes, rows[target].to_numpy(dtype=object), probabilities, given, confidence)


def _measure(predicted: HeldOut) -> dict[str, float]:
    best, _ = decide(predicted.probabilities, predicted.classes, threshold=0.0)
    answered = predicted.given != UNKNOWN
    right = predicted.given == predicted.truth
    present = sorted(set(predicted.truth))
    return {
        "rows": float(len(predicted.truth)),
        "accuracy": float(accuracy_score(predicted.truth, predicted.given)),
        "answered_accuracy": float(right[answered].mean()) if answered.any() else 0.0,
        "macro_f1": float(
            f1_score(predicted.truth, predicted.given, labels=present, average="macro", zero_division=0.0)
        ),
        "log_loss": float(log_loss(predicted.truth, predicted.probabilities, labels=list(predicted.classes))),
        "calibration_error": calibration_error(predicted.confidence, (best == predicted.truth).astype(np.float64)),
        "abstention_rate": float(np.mean(~answered & (best != UNKNOWN))),
        "unknown_rate": float(np.mean(~answered)),
    }
