"""One trained model for all tests: training takes seconds."""

from pathlib import Path

import pandas as pd
import pytest
from homes import Homes

from chat_platform.classifier.current import load_current
from chat_platform.classifier.train import TrainedClassifier
from chat_platform.classifier.training_set import training_set

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def sites() -> pd.DataFrame:
    return pd.read_csv(REPOSITORY / "chat_platform" / "reference" / "domain_classifications.csv")


@pytest.fixture(scope="session")
def rows(sites: pd.DataFrame) -> pd.DataFrame:
    return training_set(sites)


@pytest.fixture(scope="session")
def model(homes: Homes) -> TrainedClassifier:
    """What every home of the tests has, trained once for all processes."""
    return load_current(homes.trained() / "models")
