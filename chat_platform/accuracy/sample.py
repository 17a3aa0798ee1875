"""Drawing customer turns for annotation: as many as the wanted interval needs, of every intent its share."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa

from chat_platform.accuracy.files import write_sample
from chat_platform.accuracy.intervals import size_for
from chat_platform.errors import ChatPlatformError
from chat_platform.settings import Settings
from chat_platform.sql import load_sql
from chat_platform.warehouse.connection import open_published


@dataclass(frozen=True)
class Drawn:
    """What was drawn: turns there were, the size that the interval asks for, and by intent turns and drawn."""

    population: int
    wanted: int
    strata: tuple[tuple[str, int, int], ...]

    @property
    def size(self) -> int:
        """Turns drawn."""
        return sum(drawn for _, _, drawn in self.strata)


def allocate(size: int, population: Mapping[str, int]) -> dict[str, int]:
    """`size` places over strata in proportion, by largest remainder; of too few turns all.

    Proportional, so that the share of right turns in the sample speaks for the whole without weights.
    """
    total = sum(population.values())
    size = min(size, total)
    places = {name: size * count // total for name, count in population.items()}
    by_remainder = sorted(population, key=lambda name: (-(size * population[name] % total), name))
    for name in by_remainder[: size - sum(places.values())]:
        places[name] += 1
    return places


def draw(
    settings: Settings,
    target: Path,
    *,
    half_width: float,
    expected: float,
    seed: int,
    first: date | None = None,
    last: date | None = None,
    robot_version: str | None = None,
) -> Drawn:
    """Write a sample of the last publish to `target` (.csv or .jsonl), masked text only (voice spec, section 2).

    The same seed draws the same turns. Raises ChatPlatformError where there is no turn to draw from.
    """
    wanted = size_for(half_width, expected)
    with open_published(settings) as connection:
        connection.execute(f"create temp view turns as select * from {settings.schema_name('voice')}.turns")
        connection.execute(load_sql(__package__, "candidates"), [first, last, robot_version, f"{seed} "])
        counted = "select predicted_intent, count(*) from candidates group by 1 order by 1"
        population = dict(connection.execute(counted).fetchall())
        if not population:
            raise ChatPlatformError(
                "No customer turn with an intent is there to draw from; load voice events, or choose other dates."
            )
        places = allocate(wanted, population)
        strata = {"intent": pa.array(list(places), pa.string()), "size": pa.array(list(places.values()), pa.int64())}
        connection.register("strata", pa.table(strata))
        found = connection.execute(load_sql(__package__, "sample"))
        names = [column[0] for column in found.description or []]
        write_sample(target, names, found.fetchall())
    return Drawn(sum(population.values()), wanted, tuple((name, population[name], places[name]) for name in population))
