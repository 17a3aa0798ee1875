"""Finished homes that several modules of this room look at and leave as they are."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from homes import REAL_FILES, Home, Homes

from chat_platform.sample.chat import Truth, generate

# Over the end of a month and of a week, with more defects and late lines than usual.
SAMPLE: dict[str, Any] = {
    "messages": 1500,
    "seed": 5,
    "first_date": date(2026, 1, 26),
    "days": 10,
    "defect_rate": 0.15,
    "late_share": 0.05,
}


@pytest.fixture(scope="session")
def real(homes: Homes, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The three real loads, taken at once."""

    def fill(home: Home) -> None:
        for name in REAL_FILES:
            shutil.copyfile(shared / "real" / "chat" / name, home.landing / name)
        home.publish()

    return homes.finished("real", tmp_path_factory.mktemp("real") / "home", fill)


@pytest.fixture(scope="session")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """What is in the sample feed: the generator gives the same for the same arguments."""
    return generate(tmp_path_factory.mktemp("truth"), **SAMPLE)


@pytest.fixture(scope="session")
def sample(homes: Homes, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The sample feed in two loads, the second by the command line, whose output lies in `cli-*.txt`."""

    def fill(home: Home) -> None:
        home.generate(**SAMPLE)
        later = home.root / "later"
        later.mkdir()
        for path in sorted(home.landing.iterdir())[1::2]:
            path.rename(later / path.name)
        home.publish()
        for path in later.iterdir():
            path.rename(home.landing / path.name)
        later.rmdir()
        done = home.command("run", "--json")
        (home.root / "cli-stdout.txt").write_text(done.stdout)
        (home.root / "cli-stderr.txt").write_text(done.stderr)
        assert done.returncode == 0, done.stderr

    return homes.finished("sample", tmp_path_factory.mktemp("sample") / "home", fill)
