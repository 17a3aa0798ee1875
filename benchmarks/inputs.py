"""Landing files to measure with: made-up messages, made once per size and kept until the benchmark ends."""

import json
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.process import BenchmarkError, run_program

# Every feed ends on this date, so that one of ten times the dates lies behind, not ahead.
LAST_DATE = date(2026, 1, 31)


@dataclass(frozen=True)
class Feed:
    """A landing folder and what is in it: bytes, messages, steps, rows by table."""

    landing: Path
    facts: dict[str, Any]

    @property
    def megabytes(self) -> float:
        """Size of the files, in millions of bytes."""
        return float(self.facts["bytes"]) / 1e6


@dataclass(frozen=True)
class Workplace:
    """Where a benchmark keeps its inputs and homes, and how large it is."""

    folder: Path
    messages: int
    repeats: int

    def feed(
        self, messages: int, days: int = 14, last_date: date = LAST_DATE, seed: int = 7, defect_rate: float = 0.02
    ) -> Feed:
        """Messages on `days` dates up to `last_date`; the same arguments, the same files."""
        name = f"feed-{messages}-{days}-{last_date}-{seed}-{defect_rate}"
        landing, noted = self.folder / name, self.folder / f"{name}.json"
        if not noted.exists():
            # Room for the files, the lake, a warehouse and its snapshot; 4 KB is what a message takes.
            if (free := shutil.disk_usage(self.folder).free) < 4 * messages * 4096:
                raise BenchmarkError(
                    f"{free / 1e9:.0f} GB are free below {self.folder}; {messages:,} messages need about "
                    f"{messages * 16384 / 1e9:.0f} GB. Give another place with --work, or fewer --messages."
                )
            first = last_date - timedelta(days=days - 1)
            made = run_program("generate", landing, messages, days, first, seed, defect_rate)
            noted.write_text(json.dumps(made.facts), encoding="utf-8")
        return Feed(landing, json.loads(noted.read_text(encoding="utf-8")))

    def fresh(self, name: str) -> Path:
        """A place below the folder where nothing is."""
        place = self.folder / name
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
        return place
