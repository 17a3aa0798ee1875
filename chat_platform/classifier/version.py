"""The version of a classifier, known without training it and without loading scikit-learn."""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pandas as pd

from chat_platform.classifier.training_set import training_sha256

SEED: Final = 20260101
_CODE: Final = ("labels.py", "training_set.py", "train.py", "predict.py", "evaluate.py")


def code_sha256() -> str:
    """Hash of the sources that decide what a model says and how it is measured."""
    digest = hashlib.sha256()
    for name in _CODE:
        digest.update(Path(__file__).with_name(name).read_text(encoding="utf-8").encode() + b"\0")
    return digest.hexdigest()


def sklearn_minor() -> str:
    """Version of scikit-learn down to the minor one, for example 1.9: pickles hold within it."""
    return ".".join(version("scikit-learn").split(".")[:2])


def model_version(rows: pd.DataFrame, seed: int = SEED) -> str:
    """Version that `train(rows, seed)` would give: 12 hexadecimal digits, known without training."""
    parts = [training_sha256(rows), str(seed), code_sha256(), sklearn_minor()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
