"""The worked example, built once by dbt, and the SQL that dbt compiles for made-up feeds."""

import json
from pathlib import Path

import pytest
from voice_pipeline import Pipeline, compiled
from voice_warehouse import Event, VoiceWarehouse, accepted, typed

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "voice"


@pytest.fixture(scope="session")
def expected() -> dict:  # type: ignore[type-arg]
    """The figures of the worked example."""
    return json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def golden() -> list[Event]:
    """Events of the first load and the surveys."""
    return accepted(line for name in ("events", "survey") for line in _lines(name))


@pytest.fixture(scope="session")
def golden_lines() -> list[str]:
    """Lines of the first load as delivered."""
    return _lines("events")


@pytest.fixture(scope="session")
def late() -> list[Event]:
    """Events of the second load."""
    return accepted(_lines("events_late"))


def _lines(name: str) -> list[str]:
    return (GOLDEN / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="session")
def warehouse(golden: list[Event], tmp_path_factory: pytest.TempPathFactory) -> VoiceWarehouse:
    """The first load on DuckDB, built by dbt with all of its tests. Nobody changes it."""
    made = VoiceWarehouse(tmp_path_factory.mktemp("voice"))
    made.write("bot", typed(golden))
    made.run("build")
    return made


@pytest.fixture(scope="session")
def pipeline(warehouse: VoiceWarehouse) -> Pipeline:
    """The SQL of all models, for everything and for an increment."""
    made = Pipeline(warehouse)
    made.whole = compiled(warehouse.folder / "target")
    warehouse.run("compile", "--select", "resource_type:model")
    made.partial = compiled(warehouse.folder / "target")
    return made
