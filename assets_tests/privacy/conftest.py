"""Homes in which people are to be found."""

import pytest
from homes import Home, Homes
from people_feed import deliver


@pytest.fixture(scope="session")
def people(homes: Homes, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One person among others in every source, published."""

    def fill(home: Home) -> None:
        deliver(home)
        home.publish()

    return homes.finished("people", tmp_path_factory.mktemp("people") / "home", fill, sources="chat,rasa,voice")
