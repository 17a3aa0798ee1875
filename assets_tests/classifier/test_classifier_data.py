"""The committed training data and how it becomes a training set."""

import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from chat_platform.classifier.labels import LABELS, TARGETS, UNKNOWN
from chat_platform.classifier.training_set import EXAMPLES, TrainingDataError, training_set, training_sha256
from chat_platform.classifier.version import model_version


@pytest.fixture(scope="module")
def examples() -> pd.DataFrame:
    return pd.read_csv(EXAMPLES, dtype=str, keep_default_na=False)


def test_examples_are_distinct_labelled_and_enough(examples: pd.DataFrame) -> None:
    assert list(examples.columns) == ["query", *TARGETS]
    assert len(examples) >= 600
    folded = examples["query"].str.casefold().str.split().str.join(" ")
    assert folded[folded.duplicated()].tolist() == []
    assert not folded.eq("").any()
    for target in TARGETS:
        assert set(examples[target]) == set(LABELS[target])
        assert examples[target].value_counts().min() >= 50


def test_committed_texts_hold_nothing_personal(examples: pd.DataFrame, sites: pd.DataFrame) -> None:
    personal = re.compile(r"(\d[\s().-]*){8,}|\S+@\S+\.\S+")
    texts = [*examples["query"], *sites["query_patterns"]]
    assert [text for text in texts if personal.search(text)] == []


def test_sites_are_a_usable_lookup(sites: pd.DataFrame) -> None:
    assert len(sites) >= 100
    assert sites["domain_name"].is_unique
    assert sites["domain_name"].tolist() == sorted(sites["domain_name"])
    host = r"[a-z0-9-]+(\.[a-z0-9-]+)+"
    assert sites.loc[~sites["domain_name"].str.fullmatch(host), "domain_name"].tolist() == []
    assert not sites["domain_name"].str.startswith("www.").any()
    for target in TARGETS:
        assert set(sites[target]) == set(LABELS[target]) - {UNKNOWN}
    patterns = sites["query_patterns"].str.split("|")
    assert patterns.str.len().between(3, 6).all()
    assert all(pattern == pattern.strip() != "" for row in patterns for pattern in row)
    created = pd.to_datetime(sites["created_timestamp"])
    assert (created == pd.to_datetime(sites["updated_timestamp"])).all()


def test_training_set_is_the_same_in_any_order_and_from_arrow(sites: pd.DataFrame, rows: pd.DataFrame) -> None:
    shuffled = training_set(sites.sample(frac=1, random_state=3))
    from_arrow = training_set(pa.Table.from_pandas(sites, preserve_index=False))
    pd.testing.assert_frame_equal(shuffled, rows)
    pd.testing.assert_frame_equal(from_arrow, rows)
    assert training_sha256(rows.sample(frac=1, random_state=3)) == training_sha256(rows)
    assert not rows.duplicated().any()


def test_only_active_sites_are_learnt_from(sites: pd.DataFrame, rows: pd.DataFrame) -> None:
    without = training_set(sites.assign(is_active=sites["domain_name"] != "etsy.com"))
    gone = set(rows["query"]) - set(without["query"])
    assert "buy a personalised mug" in gone
    assert gone <= set(sites.set_index("domain_name").loc["etsy.com", "query_patterns"].split("|"))


def test_own_labels_are_added_and_change_the_version(sites: pd.DataFrame, rows: pd.DataFrame, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("query,domain_category,intent_type\nfeed the llama,Unknown,Transactional\n")
    extended = training_set(sites, (EXAMPLES, own))
    assert len(extended) == len(rows) + 1
    assert model_version(extended) != model_version(rows)
    assert model_version(rows, seed=1) != model_version(rows, seed=2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("query,domain_category\nx,Work\n", "lacks the columns: intent_type"),
        ("query,domain_category,intent_type\nx,Sport,Social\n", "outside the closed set: Sport"),
        ("query,domain_category,intent_type\n  ,Work,Social\n", "empty"),
    ],
)
def test_wrong_labels_are_refused_with_a_reason(
    sites: pd.DataFrame, tmp_path: Path, content: str, message: str
) -> None:
    own = tmp_path / "own.csv"
    own.write_text(content)
    with pytest.raises(TrainingDataError, match=message):
        training_set(sites, (EXAMPLES, own))
