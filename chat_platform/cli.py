"""The command line, for people without the UI open."""

import gc
import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from chat_platform.contracts.accuracy import Judgements
from chat_platform.errors import ChatPlatformError
from chat_platform.landing.files import make_folder
from chat_platform.settings import ENV_PREFIX, Settings, load_settings, make_home_key

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
# Piped output has no width of its own; tables need one.
out = Console() if sys.stdout.isatty() else Console(width=160)
err = Console(stderr=True)
# A column that is narrower, borders included, cannot be read.
MIN_COLUMN_WIDTH = 8
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


class Format(StrEnum):
    """How `query` prints."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class Source(StrEnum):
    """Whose events `sample` makes."""

    CHAT = "chat"
    RASA = "rasa"
    VOICE = "voice"


class _ShownProgress:
    """Steps of a run on the terminal, on standard error so that output can be piped."""

    def __init__(self, bar: Bar) -> None:
        self.bar = bar
        self.task = bar.add_task("Starting", total=None)
        self.name = "Starting"

    def step(self, name: str) -> None:
        self.name = name
        if not self.bar.console.is_terminal:
            self.bar.console.print(f"{name} ...")
        self.bar.update(self.task, description=name)

    def advance(self, done: int) -> None:
        self.bar.update(self.task, description=f"{self.name}, {done / 1e6:,.0f} MB")


@contextmanager
def _progress() -> Iterator[_ShownProgress]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bar(*columns, console=err, transient=True) as bar:
        yield _ShownProgress(bar)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return str(value)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, default=_plain, ensure_ascii=False, indent=1) + "\n")


def _table(title: str, rows: list[dict[str, Any]], columns: list[str] | None = None) -> None:
    if not rows:
        return
    names = columns or list(rows[0])
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in names:
        number = any(isinstance(row[name], int | float | Decimal) for row in rows)
        table.add_column(Text(name), justify="right" if number else "left", overflow="fold")
    for row in rows:
        # Text, not markup: what people wrote may look like it.
        table.add_row(*(Text(_cell(row[name])) for name in names))
    out.print(table)


def _say_more(count: int, what: str) -> None:
    """Say how many rows a table leaves out, if any."""
    if count > 0:
        out.print(f"... and {count} more {what}: chat-platform status --json", markup=False)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float | Decimal):
        number = float(value)
        if number.is_integer():
            return f"{number:,.0f}"
        return f"{number:,.4f}" if abs(number) < 1 else f"{number:,.2f}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


@app.command()
def run(
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First date to make anew.")
    ] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last date to make anew.")] = None,
    as_json: Json = False,
) -> None:
    """Take everything new in landing through to the KPIs; with --from and --to make dates anew.

    The exit code is 0 when all went well, 1 when a step or a check failed, 2 when a setting or option is wrong.
    """
    from chat_platform.run import run_backfill, run_publish

    if (first is None) != (last is None):
        raise typer.BadParameter("give both --from and --to, or neither")
    settings = load_settings()
    make_folder(settings.landing)
    with _progress() as progress:
        result = (
            run_publish(settings, progress)
            if first is None or last is None
            else run_backfill(settings, first.date(), last.date(), progress)
        )
    if as_json:
        from chat_platform.status import read_status

        status = read_status(settings)
        _print_json(
            {
                **asdict(result),
                "loads": status.loads,
                "pending_loads": status.pending_loads,
                "notices": status.notices,
            }
        )
    else:
        for failure in (*result.failures, *(f"Check failed: {check}" for check in result.failed_checks)):
            err.print(failure, style="red", markup=False, soft_wrap=True)
        if result.success:
            _print_summary(settings)
    raise typer.Exit(0 if result.success and not result.failed_checks else 1)


@app.command()
def status(as_json: Json = False) -> None:
    """Loads, pending loads, refused lines by reason, freshness per table and date."""
    from chat_platform.status import read_status

    settings = load_settings()
    found = read_status(settings)
    if as_json:
        _print_json(found.as_dict())
        return
    _print_summary(settings)
    latest = [row for row in found.freshness if row["event_date"] in _last_dates(found.freshness)]
    _table(
        "Freshness, last 3 dates",
        latest,
        ["asset", "event_date", "rows", "loads", "watermark", "materialised_at"],
    )


def _last_dates(rows: list[dict[str, Any]], count: int = 3) -> set[date]:
    return set(sorted({row["event_date"] for row in rows})[-count:])


def _print_summary(settings: Settings) -> None:
    from chat_platform.status import read_status

    found = read_status(settings)
    columns = [
        "load_id",
        "source",
        "files",
        "lines_read",
        "blank",
        "rejected",
        "duplicates",
        "superseded",
        "accepted",
    ]
    _table("Loads", [{**row, "load_id": row["load_id"][:12]} for row in found.loads[-20:]], columns)
    if len(found.loads) > 20:
        out.print(f"... and {len(found.loads) - 20} earlier loads", markup=False)
    totals: dict[tuple[str, str], int] = {}
    for row in found.refused:
        key = (row["source_file"], row["reason"])
        totals[key] = totals.get(key, 0) + row["lines"]
    refused = [{"file": name, "reason": reason, "lines": lines} for (name, reason), lines in sorted(totals.items())]
    _table("Lines refused", refused[:30])
    _say_more(len(refused) - 30, "files and reasons")
    _table("Warned of", found.warnings[:10], ["source_file", "reason", "field", "lines"])
    _say_more(len(found.warnings) - 10, "warnings")
    _table("Left alone in landing", found.notices)
    _table("Expired", found.expired[-20:])
    _say_more(len(found.expired) - 20, "loads whose files expired earlier")
    _table("Tables", found.tables)
    if found.new_files:
        out.print(f"{len(found.new_files)} new files in landing: chat-platform run", markup=False)
    if found.pending_loads:
        out.print(f"{len(found.pending_loads)} loads are pending: chat-platform run", markup=False)
    if not found.loads and not found.new_files:
        folders = " or ".join(str(settings.landing / name) for name in settings.sources)
        out.print(f"Nothing is loaded yet. Put files into {folders} and type: chat-platform run", markup=False)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One SQL statement that reads.")],
    form: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.TABLE,
) -> None:
    """Run one SQL statement on the last complete publish. Read only; never in the way of a run.

    In JSON a number that a reader of JSON would round is text, and one that is none (NaN, infinity) is null.
    """
    from chat_platform.query import distinct_names, json_value, read_rows

    names, rows = read_rows(load_settings(), sql)
    records = [dict(zip(distinct_names(names), row, strict=True)) for row in rows]
    if form is Format.JSON:
        _print_json([{name: json_value(value) for name, value in record.items()} for record in records])
    elif form is Format.CSV:
        import csv

        writer = csv.writer(sys.stdout)
        writer.writerow(names)
        writer.writerows(rows)
    else:
        if len(names) > out.width // MIN_COLUMN_WIDTH:
            # Too many to stand side by side: one row below the other.
            for record in records:
                _table("", [{"column": name, "value": _cell(value)} for name, value in record.items()])
        else:
            _table("", records, distinct_names(names))
        out.print(f"{len(records)} rows", markup=False)


@app.command()
def replay(
    file: Annotated[Path | None, typer.Argument(help="Corrected lines, one JSON object a line.")] = None,
    export: Annotated[Path | None, typer.Option(help="Write the refused lines there, to be corrected.")] = None,
    load: Annotated[str | None, typer.Option(help="Only refused lines of this load.")] = None,
    source: Annotated[str, typer.Option(help="Source of the lines: one file is of one source.")] = "chat",
) -> None:
    """Take corrected lines: --export FILE writes the refused ones, replay FILE loads them again."""
    from chat_platform.replay import export_refused, take_corrected

    settings = load_settings()
    if (file is None) == (export is None):
        raise typer.BadParameter("give either a file with corrected lines, or --export FILE")
    if export is not None:
        count, reasons = export_refused(settings, export, source, load)
        out.print(f"{count} refused lines of {source} written to {export}, their reasons to {reasons}", markup=False)
    elif file is not None:
        placed = take_corrected(settings, file, source)
        out.print(f"Placed as {placed}", markup=False)
        run(None, None, as_json=False)


@app.command()
def forget(
    source: Annotated[str | None, typer.Option(help="Only this source; all without it.")] = None,
    as_json: Json = False,
) -> None:
    """Remove a person everywhere, for good. Asks for phone number, e-mail address or id, or reads it from a pipe."""
    from chat_platform.forget import forget as remove
    from chat_platform.privacy.people import person
    from chat_platform.settings import SOURCES

    settings = load_settings()
    if source not in (None, *SOURCES):
        raise typer.BadParameter(f"{source} is not a source; known are {', '.join(SOURCES)}")
    # Never an argument: those stand in the history of the shell and in the list of processes.
    asked = "Phone number, e-mail address or id"
    who = person(typer.prompt(asked, hide_input=True) if sys.stdin.isatty() else sys.stdin.read())
    with _progress() as progress:
        done = remove(settings, who, SOURCES if source is None else (source,), progress.step)
    if as_json:
        _print_json(asdict(done))
        return
    out.print(
        f"Removed: {done.events:,} events of this person, {done.mentions:,} mentions elsewhere, "
        f"{done.lines:,} delivered lines, {done.refused:,} refused lines. Totals are as they were.",
        markup=False,
    )


@app.command()
def rotate() -> None:
    """Put all published pseudonyms under a new key; set it, and the one before in PSEUDONYM_KEYS_BEFORE, first."""
    from chat_platform.rotate import rotate as move

    settings = load_settings()
    with _progress() as progress:
        version = move(settings, progress.step)
    out.print(f"All pseudonyms are of key version {version}.", markup=False)


@app.command()
def expire(as_json: Json = False) -> None:
    """Delete delivered files and refused lines, and mask typed texts, older than CHAT_PLATFORM_RETENTION_DAYS."""
    from chat_platform.privacy.retention import expire as delete
    from chat_platform.settings import SOURCES

    done = delete(load_settings(), SOURCES)
    if as_json:
        _print_json(asdict(done))
        return
    out.print(
        f"Expired: {done.files:,} delivered files, refused lines of {done.loads:,} loads. "
        f"Typed texts of {done.masked:,} loads were masked.",
        markup=False,
    )


@app.command()
def demo(
    messages: Annotated[int, typer.Option(help="How many messages to make.", min=1)] = 4000,
    seed: Annotated[int, typer.Option(help="Seed of the generator.")] = 7,
) -> None:
    """Two weeks of made-up traffic, from files to KPIs: chat, and a little of a Rasa bot and of a phone robot."""
    from chat_platform.sample.chat import generate
    from chat_platform.sample.rasa import generate_rasa
    from chat_platform.sample.voice import generate_voice

    settings = load_settings()
    if settings.pseudonym_key is None:
        make_home_key(settings.home)
        settings = load_settings()
    truth = generate(make_folder(settings.landing, "chat"), messages=messages, seed=seed)
    bot = generate_rasa(settings.landing / "rasa", events=1_500, seed=seed)
    calls = generate_voice(settings.landing / "voice", events=3_000, seed=seed)
    lines = truth.lines + bot.lines + calls.lines
    out.print(f"Made {lines:,} lines of traffic in {settings.landing}", markup=False)
    from chat_platform.run import run_publish

    with _progress() as progress:
        result = run_publish(settings, progress)
    for failure in (*result.failures, *(f"Check failed: {check}" for check in result.failed_checks)):
        err.print(failure, style="red", markup=False, soft_wrap=True)
    if not result.success or result.failed_checks:
        raise typer.Exit(1)
    _print_summary(settings)
    _print_daily(settings)
    out.print(f"\nDatabase  {settings.warehouse_label}", markup=False, soft_wrap=True)
    table = f"{settings.schema_name('kpi')}.{settings.sources[0]}_daily"
    out.print(f'Query     {sys.argv[0]} query "select * from {table}"', markup=False, soft_wrap=True)
    out.print("UI        make dev, then http://127.0.0.1:3000", markup=False)


# Of each source the headline KPIs, under names that fit side by side.
_HEADLINES = {
    "chat": """
        event_date as "date", messages, conversations, known_users as "known users", total_cost as "cost $",
        no_response_rate as "no response", agent_tasks as "agent tasks",
        agent_task_completion_rate as "tasks completed", cost_per_completed_task as "$ per completed task",
        latency_p50_ms as "p50 ms", latency_p95_ms as "p95 ms", searches, is_final as "final"
    """,
    "rasa": """
        event_date as "date", sessions, interactions, containment_rate as "containment", handoff_rate as "hand-off",
        resolution_rate as "resolved", abandonment_rate as "abandoned", bounce_rate as "bounce",
        fallback_rate as "fallback", answer_time_p50_ms as "p50 ms", answer_time_p95_ms as "p95 ms", is_final as "final"
    """,
    "voice": """
        "date", initiated_calls as "calls", interaction_volume as "answered", tma_seconds as "TMA s",
        transfer_pct as "transferred %", fcr_pct as "FCR %", recalls_24h as "recalls 24 h", idk_count as "IDK",
        containment_pct_of_answered_ended as "containment %",
        abandonment_pct_of_answered as "abandoned %", tma_seconds_is_final as "TMA final"
    """,
}


def _print_daily(settings: Settings) -> None:
    from chat_platform.query import read_rows

    for source in settings.sources:
        view = f"{settings.schema_name('kpi')}.{source}_daily"
        names, rows = read_rows(settings, f"select {_HEADLINES[source]} from {view} order by 1")
        _table(f"KPIs of {source} by day", [dict(zip(names, row, strict=True)) for row in rows])


@app.command()
def sample(
    source: Annotated[Source, typer.Option(help="Whose events to make.")],
    events: Annotated[int, typer.Option(help="How many events (of chat, messages) to make, about.", min=1)] = 10_000,
    days: Annotated[int, typer.Option(help="Over how many dates.", min=1)] = 14,
    seed: Annotated[int, typer.Option(help="The same seed makes the same files.")] = 0,
) -> None:
    """Write a made-up feed of a source into landing, some of its lines bad on purpose."""
    from chat_platform.sample import chat, rasa, voice

    folder = make_folder(load_settings().landing, source)
    truth: chat.Truth | rasa.RasaTruth | voice.VoiceTruth
    if source is Source.CHAT:
        truth = chat.generate(folder, messages=events, days=days, seed=seed)
    elif source is Source.RASA:
        truth = rasa.generate_rasa(folder, events=events, days=days, seed=seed)
    else:
        truth = voice.generate_voice(folder, events=events, days=days, seed=seed)
    out.print(f"Made {truth.lines:,} lines in {folder}", markup=False)


accuracy = typer.Typer(no_args_is_help=True, help="Manual accuracy of the phone robot: draw, label, report.")
app.add_typer(accuracy, name="accuracy")


@accuracy.command("sample")
def accuracy_sample(
    target: Annotated[Path, typer.Argument(help="New file, .csv or .jsonl, for the annotators.")],
    kind: Annotated[Judgements, typer.Option("--for", help="What is to be judged, as `import` names it.")] = (
        Judgements.LABELS
    ),
    half_width: Annotated[float, typer.Option(help="Wanted half-width of the 95 % interval.")] = 0.05,
    expected: Annotated[float, typer.Option(help="Share of right ones that is expected; 0.5 is the worst case.")] = 0.5,
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First date.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last date.")] = None,
    robot_version: Annotated[str | None, typer.Option(help="Only turns of this version of the robot.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed draws the same turns.")] = 0,
) -> None:
    """Draw turns to judge, of every intent its share; their text is masked.

    For transcripts: of what was understood and what was not. For prompts: of every place in the script.
    """
    from chat_platform.accuracy.sample import draw

    drawn = draw(
        load_settings(),
        target,
        kind,
        half_width=half_width,
        expected=expected,
        seed=seed,
        first=first.date() if first else None,
        last=last.date() if last else None,
        robot_version=robot_version,
    )
    _table("Drawn", [{"stratum": name, "turns": turns, "drawn": size} for name, turns, size in drawn.strata])
    out.print(f"{drawn.size} of {drawn.population:,} turns written to {target}", markup=False)
    if drawn.size < drawn.wanted:
        out.print(f"These are all; the interval asks for {drawn.wanted}", markup=False)


@accuracy.command("import")
def accuracy_import(
    kind: Annotated[Judgements, typer.Argument(help="What the file holds.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Filled-in file, .csv or .jsonl.")],
    annotator: Annotated[str | None, typer.Option(help="Who judged, for rows that do not say.")] = None,
) -> None:
    """Take labels, transcripts or prompt scores; a file with a mistake is refused whole."""
    from chat_platform.accuracy.store import import_file

    done = import_file(load_settings(), file, kind, annotator)
    out.print(f"{done.taken} {kind} taken, {done.left_open} left open", markup=False)
    if done.unknown:
        out.print(f"{done.unknown} name an event that is no turn in the tables", markup=False)
    if done.is_shown:
        accuracy_report(as_json=False)
    else:
        out.print("The figures are shown after the next run, which finishes one that was interrupted", markup=False)


@accuracy.command("report")
def accuracy_report(as_json: Json = False) -> None:
    """Accuracy with its 95 % interval, by intent and by version of the model."""
    from chat_platform.accuracy.store import read_figures

    figures = read_figures(load_settings())
    if as_json:
        _print_json(figures)
    elif figures:
        _table("Manual accuracy", figures)
    else:
        out.print("Nothing has been judged yet: chat-platform accuracy sample FILE", markup=False)


@app.command()
def dev(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 3000,
) -> None:
    """Open the Dagster UI with its daemon, on this machine only unless told otherwise."""
    from chat_platform.instance import prepare_instance
    from chat_platform.settings import PROJECT_ROOT

    settings = load_settings()
    prepare_instance(settings)
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(settings.dagster_home),
        f"{ENV_PREFIX}HOME": str(settings.home),
    }
    dagster = Path(sys.executable).with_name("dagster")
    arguments = [str(dagster), "dev", "-h", host, "-p", str(port), "-w", str(PROJECT_ROOT / "workspace.yaml")]
    os.execve(dagster, arguments, environment)  # noqa: S606 - no shell is wanted


def main() -> None:
    """Entry point: errors that are ours are one sentence on standard error, exit code 2; a folder that fails, 1."""
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    # What is loaded stays: to look through it for garbage again and again takes an eighth of a run.
    gc.set_threshold(100_000, 20, 100)
    # Parts of Dagster that are in use here are marked as beta; whoever runs the platform need not be told each time.
    warnings.filterwarnings("ignore", message=".*(currently in beta|in preview|is deprecated).*")
    try:
        app()
    except ChatPlatformError as error:
        err.print(str(error), style="red", markup=False, soft_wrap=True)
        sys.exit(2)
    except OSError as error:
        place = f"{error.filename} cannot be used: " if error.filename else ""
        said = f"{place}{error.strerror or type(error).__name__}. Nothing is lost; mend it and run again."
        err.print(said, style="red", markup=False, soft_wrap=True)
        sys.exit(1)
