"""`make bench`: ask the questions, print the answers, write the report."""

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks import (
    increment,
    landing_to_lake,
    landing_to_tables,
    other_tools,
    rasa,
    scoring,
    small_load,
    ten_times,
    voice,
)
from benchmarks.inputs import Workplace
from benchmarks.process import BenchmarkError
from benchmarks.report import Run, Section, page
from chat_platform.settings import PROJECT_ROOT

QUESTIONS = {
    "a": landing_to_lake.measure,
    "b": landing_to_tables.measure,
    "c": other_tools.measure,
    "d": ten_times.measure,
    "e": small_load.measure,
    "f": increment.measure,
    "g": scoring.measure,
    "h": voice.measure,
    "i": rasa.unpacking,
    "j": rasa.increment,
}
INTRODUCTION = Path(__file__).with_name("introduction.md")
console = Console(width=160)


def _show(section: Section) -> None:
    table = Table(title=f"{section.letter}. {section.title}", title_justify="left", title_style="bold")
    for number, column in enumerate(section.columns):
        table.add_column(Text(column), justify="right" if number else "left")
    for row in section.rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    console.print(table)
    for limit in section.limits:
        style = "green" if limit.holds else "red"
        console.print(Text(f"{limit.what}: {limit.figure:.2f} {limit.unit}, limit {limit.limit:g}", style=style))


def main(
    messages: Annotated[int, typer.Option(help="Messages of the main measurements.", min=1_000)] = 300_000,
    repeats: Annotated[int, typer.Option(help="Runs of each program that count.", min=1)] = 3,
    only: Annotated[str, typer.Option(help="Letters of the questions to ask.")] = "".join(QUESTIONS),
    work: Annotated[Path | None, typer.Option(help="Folder for inputs and homes, kept; else a temporary one.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of benchmark.md and benchmark.svg.")] = PROJECT_ROOT / "docs",
) -> None:
    """Measure the platform against bare programs and other tools, and write benchmark.md and benchmark.svg.

    The exit code is 0 when every program did its work, whatever the verdict on the limits.
    """
    unknown = set(only) - set(QUESTIONS)
    if unknown or not only:
        raise typer.BadParameter(f"--only takes the letters {''.join(QUESTIONS)}")
    run = Run(messages, repeats, os.getloadavg()[0])
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        folder = work or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        place = Workplace(folder.absolute(), messages, repeats)
        sections = []
        try:
            for letter in sorted(set(only)):
                sections.append(QUESTIONS[letter](place))
                _show(sections[-1])
        except BenchmarkError as error:
            console.print(str(error), style="red", markup=False)
            raise typer.Exit(1) from None
    # Imported late: a process that is measured counts the memory of the one that started it.
    from benchmarks.chart import draw

    out.mkdir(parents=True, exist_ok=True)
    draw(sections, out / "benchmark.svg")
    text = page(INTRODUCTION.read_text(encoding="utf-8"), sections, run, "benchmark.svg")
    (out / "benchmark.md").write_text(text, encoding="utf-8")
    console.print(f"Written: {out / 'benchmark.md'}", markup=False)


if __name__ == "__main__":
    typer.run(main)
