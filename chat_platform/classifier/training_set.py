"""The labelled queries that the classifier learns from."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa

from chat_platform.classifier.labels import LABELS, TARGETS

EXAMPLES: Final = Path(__file__).with_name("examples.csv")
COLUMNS: Final = ("query", *TARGETS)


class TrainingDataError(ValueError):
    """The labelled queries cannot be trained on; the message says what to correct."""


def training_set(
    domain_classifications: pa.Table | pd.DataFrame, examples: Sequence[Path] = (EXAMPLES,)
) -> pd.DataFrame:
    """The labelled queries: one row per distinct (query, domain_category, intent_type), sorted.

    In: the rows of domain_classifications (active rows only; each query of `query_patterns`, separated by
    `|`, takes the labels of its row) and CSV files with the columns query, domain_category, intent_type.
    Raises TrainingDataError for a missing column, an empty query or a label outside the closed sets.
    """
    sites = (
        domain_classifications.to_pandas() if isinstance(domain_classifications, pa.Table) else domain_classifications
    )
    _require(sites, ("query_patterns", "is_active", *TARGETS), "domain_classifications")
    patterns = sites[sites["is_active"].eq(True)].dropna(subset=["query_patterns"])
    patterns = patterns.assign(query=patterns["query_patterns"].str.split("|")).explode("query")
    frames = [patterns.loc[:, list(COLUMNS)]]
    for path in examples:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
        _require(frame, COLUMNS, path.name)
        frames.append(frame.loc[:, list(COLUMNS)])
    rows = pd.concat(frames, ignore_index=True)
    rows["query"] = rows["query"].str.strip()
    if rows["query"].eq("").any():
        raise TrainingDataError("A training query is empty; remove the row or the stray '|' beside it.")
    for target in TARGETS:
        strange = sorted(set(rows[target].fillna("(null)")) - set(LABELS[target]))
        if strange:
            raise TrainingDataError(f"{target} has labels outside the closed set: {', '.join(strange)}")
    result: pd.DataFrame = rows.drop_duplicates().sort_values(list(COLUMNS), ignore_index=True)
    return result


def training_sha256(rows: pd.DataFrame) -> str:
    """Hash of the content of a training set, independent of the order of its rows."""
    lines = sorted(json.dumps(row) for row in rows.loc[:, list(COLUMNS)].to_numpy().tolist())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _require(frame: pd.DataFrame, columns: Sequence[str], name: str) -> None:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise TrainingDataError(f"{name} lacks the columns: {', '.join(missing)}")
