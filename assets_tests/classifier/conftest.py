"""One trained model for all tests of the classifier: training takes seconds."""

from pathlib import Path

import pandas as pd
import pytest

from chat_platform.classifier.train import TrainedClassifier, train, training_set

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def sites() -> pd.DataFrame:
    return pd.read_csv(REPOSITORY / "chat_platform" / "reference" / "domain_classifications.csv")


@pytest.fixture(scope="session")
def rows(sites: pd.DataFrame) -> pd.DataFrame:
    return training_set(sites)


@pytest.fixture(scope="session")
def model(rows: pd.DataFrame) -> TrainedClassifier:
    return train(rows)
