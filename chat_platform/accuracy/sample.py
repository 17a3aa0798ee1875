"""Drawing turns of calls to be judged: as many as the wanted interval needs, of every stratum its share."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from chat_platform.accuracy.files import write_sample
from chat_platform.accuracy.intervals import size_for
from chat_platform.contracts.accuracy import Judgements
from chat_platform.errors import ChatPlatformError
from chat_platform.settings import Settings
from chat_platform.sql import load_sql
from chat_platform.warehouse.connection import open_published

_CANDIDATES = {
    Judgements.LABELS: "customer turn with an intent",
    Judgements.TRANSCRIPTS: "customer turn with a text",
    Judgements.PROMPTS: "turn of the robot with a text",
}


@dataclass(frozen=True)
class Drawn:
    """What was drawn: turns there were, the size that the interval asks for, and by stratum turns and drawn."""

    population: int
    wanted: int
    strata: tuple[tuple[str, int, int], ...]

    @property
    def size(self) -> int:
        """Turns drawn."""
        return sum(drawn for _, _, drawn in self.strata)


def draw(
    settings: Settings,
    target: Path,
    kind: Judgements = Judgements.LABELS,
    *,
    half_width: float,
    expected: float,
    seed: int,
    first: date | None = None,
    last: date | None = None,
    robot_version: str | None = None,
) -> Drawn:
    """Write a sample of the last publish to `target` (.csv or .jsonl), masked text only (voice spec, section 2).

    `kind` is what is to be judged; the file is what an import of that kind takes once it is filled in. Labels: customer
    turns with an intent, by intent. Transcripts: customer turns with a text, by understood or not. Prompts: turns of
    the robot, by their place in its script. The same seed draws the same turns. Raises ChatPlatformError where there is
    no turn to draw from.
    """
    wanted = size_for(half_width, expected)
    with open_published(settings) as connection:
        connection.execute(f"create temp view turns as select * from {settings.schema_name('voice')}.turns")
        connection.execute(load_sql(__package__, "candidates"), [first, last, robot_version, f"{seed} ", kind.value])
        connection.execute(load_sql(__package__, "drawn"), [wanted, f"{seed} "])
        strata = connection.execute(load_sql(__package__, "strata")).fetchall()
        if not strata:
            raise ChatPlatformError(
                f"No {_CANDIDATES[kind]} is there to draw from; load voice events, or choose other dates."
            )
        found = connection.execute(load_sql(__package__, f"file_{kind}"))
        names = [column[0] for column in found.description or []]
        write_sample(target, names, found.fetchall())
    return Drawn(sum(turns for _, turns, _ in strata), wanted, tuple(strata))
