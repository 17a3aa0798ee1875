"""The programs that are measured, each run by itself: `python -m benchmarks.programs NAME ...`.

Each prints one JSON object: seconds of its work by the clock (`wall`) and by all processors (`cpu`), and what it did.
Imports come before the clock starts, so that heavy libraries are not held against anyone.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import typer

from chat_platform.settings import Settings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

KEY = "0123456789abcdef0123456789abcdef"


def settings_of(landing: Path, home: Path) -> Settings:
    """Settings of a home that nothing in the environment changes."""
    # The platform has it loaded, and pyarrow would load it with the first array that it makes of numbers of numpy.
    import pandas  # noqa: F401

    return Settings.model_validate({"home": home, "landing": landing, "pseudonym_key": KEY})


def _cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@contextmanager
def _clock() -> Iterator[dict[str, Any]]:
    facts: dict[str, Any] = {}
    wall, cpu = time.perf_counter(), _cpu()
    yield facts
    facts |= {"wall": time.perf_counter() - wall, "cpu": _cpu() - cpu}


def _say(facts: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")


def _files(landing: Path) -> list[str]:
    return sorted(map(str, (landing / "chat").glob("*.jsonl")))


def _rows_of(folder: Path, pattern: str) -> int:
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(path).num_rows for path in folder.glob(pattern))


@app.command()
def generate(landing: Path, messages: int, days: int, first_date: str, seed: int, defect_rate: float) -> None:
    """Made-up messages into `landing`/chat, with about three reasoning steps each."""
    from chat_platform.sample.chat import generate as make

    with _clock() as facts:
        truth = make(
            landing / "chat",
            messages=messages,
            days=days,
            first_date=date.fromisoformat(first_date),
            seed=seed,
            defect_rate=defect_rate,
            agent_share=0.31,
            screenshot_share=0.0,
            compression="none",
        )
    size = sum(path.stat().st_size for path in (landing / "chat").iterdir())
    known = {key: value for key, value in asdict(truth).items() if isinstance(value, int)}
    rows = {table: truth.rows(table) for table in truth.tables}
    steps = truth.typeless_steps + sum(truth.tool_types.values())
    _say({**facts, **known, "rejected": truth.rejected_total, "bytes": size, "steps": steps, "rows": rows})


@app.command()
def ingest(landing: Path, home: Path) -> None:
    """Landing → lake, as the platform does it."""
    from chat_platform.lake.ingest import ingest as load

    settings = settings_of(landing, home)
    with _clock() as facts:
        manifest = load(settings, "chat").manifest
    assert manifest is not None
    _say({**facts, "rows": manifest.typed, "rejected": manifest.rejected})


@app.command()
def bare_lake(landing: Path, target: Path) -> None:
    """Landing → typed Parquet, by DuckDB's reader of JSON."""
    _bare(landing, target, "bare_lake")


@app.command()
def bare_lake_by_lines(landing: Path, target: Path) -> None:
    """Landing → typed Parquet, by from_json over whole lines."""
    _bare(landing, target, "bare_lake_by_lines")


def _bare(landing: Path, target: Path, name: str) -> None:
    import duckdb

    from benchmarks import bare

    reader = {"reader": bare.json_reader()} if name == "bare_lake" else {}
    with _clock() as facts, duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("set variable files = $1", [_files(landing)])
        connection.execute("set variable structure = $1", [bare.structure_json()])
        # A filter that is pushed below from_json has every line parsed twice.
        connection.execute("set disabled_optimizers = 'filter_pushdown'")
        connection.execute(bare.sql(name, target=str(target), **reader))
    _say({**facts, "rows": _rows_of(target, "*/*.parquet")})


@app.command()
def chdb_lake(landing: Path, target: Path) -> None:
    """Landing → typed Parquet, by ClickHouse in the process."""
    import chdb

    from benchmarks import bare

    target.mkdir(parents=True)
    files = f"{landing}/chat/*.jsonl"
    with _clock() as facts:
        statement = bare.sql("chdb_lake", target=str(target), files=files, structure=bare.clickhouse_structure())
        chdb.query(statement)  # type: ignore[no-untyped-call, unused-ignore]
    _say({**facts, "rows": _rows_of(target, "*.parquet")})


@app.command()
def tables(landing: Path, home: Path) -> None:
    """Landing → lake → chat tables, as the platform does it. In place of scores each query gets the same label."""
    import pyarrow as pa

    from chat_platform.classifier.predict import SCHEMA
    from chat_platform.lake.ingest import ingest as load
    from chat_platform.publish.chat import publish, write_domain_classifications

    def unscored(queries: pa.ChunkedArray) -> pa.Table:
        same = {"domain_category": "Unknown", "intent_type": "Unknown", "model_version": "none"}
        zero = pa.scalar(Decimal(0), SCHEMA.field("domain_confidence").type)
        columns = [
            pa.repeat(pa.scalar(same[name]) if name in same else zero, len(queries)) for name in SCHEMA.names[1:]
        ]
        return pa.table([queries, *columns], schema=SCHEMA)

    settings = settings_of(landing, home)
    write_domain_classifications(settings)
    with _clock() as facts:
        begin = time.perf_counter()
        load(settings, "chat")
        lake = time.perf_counter() - begin
        done = publish(settings, unscored, "benchmark")
    assert done is not None
    rows = {table: sum(by_date.values()) for table, by_date in done.rows.items()}
    _say({**facts, "lake": lake, "tables": facts["wall"] - lake, "rows": rows})


@app.command()
def bare_tables(landing: Path, target: Path) -> None:
    """Landing → the same tables by one SQL script that does the happy path only."""
    import duckdb

    from benchmarks import bare

    target.parent.mkdir(parents=True, exist_ok=True)
    with _clock() as facts, duckdb.connect(str(target), config=bare.LAYOUT) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("set variable files = $1", [_files(landing)])
        connection.execute(bare.sql("bare_tables", reader=bare.json_reader()))
    with duckdb.connect(str(target), read_only=True) as connection:
        names = [name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()]
        counts = {name: connection.execute(f"select count(*) from {name}").fetchall()[0][0] for name in names}
    _say({**facts, "rows": counts})


@app.command()
def dlt_pipeline(landing: Path, folder: Path) -> None:
    """Landing → normalised tables in a DuckDB file, by a pipeline of dlt as its documentation writes it."""
    import dlt
    from dlt.sources.filesystem import filesystem, read_jsonl

    with _clock() as facts:
        pipeline = dlt.pipeline(
            "benchmark",
            pipelines_dir=str(folder / "pipelines"),
            destination=dlt.destinations.duckdb(str(folder / "dlt.duckdb")),
            dataset_name="chat",
        )
        messages = filesystem(bucket_url=str(landing / "chat"), file_glob="*.jsonl") | read_jsonl()
        pipeline.run(messages.with_name("messages"))
    with pipeline.sql_client() as client:
        rows = client.execute_sql("select count(*) from messages")
    assert rows is not None
    _say({**facts, "rows": rows[0][0]})


@app.command()
def json_normalize(landing: Path) -> None:
    """Landing → a flat frame of messages and one of steps in memory, by pandas."""
    import pandas as pd

    with _clock() as facts:
        records = []
        for path in _files(landing):
            with Path(path).open("rb") as lines:
                records += [json.loads(line) for line in lines]
        messages = pd.json_normalize(records)
        answers = pd.json_normalize(messages["response_body.choices"].dropna().explode().tolist())
        steps = pd.json_normalize(answers["message.reasoning_steps"].explode().dropna().tolist())
    _say({**facts, "rows": len(messages), "steps": len(steps)})


@app.command()
def train(landing: Path, home: Path) -> None:
    """Train the classifier of a home."""
    from chat_platform.assets.steps import prepare_model

    with _clock() as facts:
        prepare_model(settings_of(landing, home))
    _say(facts)


@app.command()
def scored_tables(landing: Path, home: Path) -> None:
    """Landing → lake → chat tables with scores; how long the scores took."""
    import pyarrow as pa

    from chat_platform.assets.steps import scorer_of
    from chat_platform.lake.ingest import ingest as load
    from chat_platform.publish.chat import publish, write_domain_classifications

    settings = settings_of(landing, home)
    scorer = scorer_of(settings)
    scoring: dict[str, float] = {}

    def timed(queries: pa.ChunkedArray) -> pa.Table:
        begin, cpu = time.perf_counter(), _cpu()
        scores = scorer(queries)
        scoring.update(queries=len(queries), scoring=time.perf_counter() - begin, scoring_cpu=_cpu() - cpu)
        return scores

    write_domain_classifications(settings)
    with _clock() as facts:
        load(settings, "chat")
        publish(settings, timed, "benchmark")
    _say({**facts, **scoring})


@app.command()
def generate_calls(landing: Path, events: int, days: int, first_date: str, seed: int) -> None:
    """Made-up phone calls into `landing`/voice."""
    from chat_platform.sample.voice import generate_voice

    with _clock() as facts:
        first = date.fromisoformat(first_date)
        truth = generate_voice(
            landing / "voice", events=events, days=days, first_date=first, seed=seed, compressed=False
        )
    size = sum(path.stat().st_size for path in (landing / "voice").iterdir())
    known = {key: value for key, value in asdict(truth).items() if isinstance(value, int)}
    _say({**facts, **known, "bytes": size})


@app.command()
def indicators(landing: Path, home: Path) -> None:
    """Landing → lake → voice tables → indicators, as the platform does it: its steps, and dbt as it runs it.

    `warehouse` is the work of the warehouse alone: filling the tables, and the models of dbt without its start.
    """
    import subprocess

    from chat_platform.dbt.project import EXECUTABLE, PROJECT_DIR, dbt_environment, ensure_manifest, target_folder
    from chat_platform.lake.ingest import ingest as load
    from chat_platform.publish.scope import finish
    from chat_platform.publish.voice import publish

    settings = settings_of(landing, home).model_copy(update={"sources": ("voice",)})
    ensure_manifest(settings)
    with _clock() as facts:
        begin = time.perf_counter()
        load(settings, "voice")
        lake = time.perf_counter()
        publish(settings, "benchmark")
        tables = time.perf_counter()
        done = subprocess.run(
            [str(EXECUTABLE), "build", "--exclude-resource-type", "unit_test"],
            cwd=PROJECT_DIR,
            env={**os.environ, **dbt_environment(settings)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(done.stdout[-3000:] + done.stderr[-3000:])
        # Without it the next load would rebuild what this one named as well.
        finish(settings, "benchmark")
    results = json.loads((target_folder(settings) / "run_results.json").read_bytes())["results"]
    nodes = json.loads((target_folder(settings) / "manifest.json").read_bytes())["nodes"]
    work = dict.fromkeys(("model", "seed", "test"), 0.0)
    semantic = 0.0
    for result in results:
        work[result["unique_id"].partition(".")[0]] += result["execution_time"]
        if _is_semantic(result["unique_id"], nodes):
            semantic += result["execution_time"]
    parts = {
        "landing to lake": lake - begin,
        "lake to tables": tables - lake,
        "dbt: models and seeds": work["model"] + work["seed"],
        "dbt: tests": work["test"],
        "dbt: start, and between its nodes": facts["wall"] - (tables - begin) - sum(work.values()),
    }
    warehouse = parts["lake to tables"] + parts["dbt: models and seeds"]
    days = _days(settings.working_file, "demo_kpi.voice_daily")
    _say({**facts, "parts": parts, "semantic": semantic, "warehouse": warehouse, "days": days})


def _is_semantic(unique_id: str, nodes: dict[str, Any]) -> bool:
    """True for the semantic tables, the events in order that they are made of, and the tests of both."""
    about = [unique_id] if unique_id.startswith("model.") else nodes[unique_id]["depends_on"].get("nodes", [])
    models = [nodes[name] for name in about if name.startswith("model.")]
    return any(model["fqn"][1] == "semantic" or model["name"] == "int_voice__ordered_events" for model in models)


@app.command()
def bare_indicators(landing: Path, target: Path) -> None:
    """Landing → indicators by one SQL script that does the happy path only."""
    import duckdb

    from benchmarks import bare

    target.parent.mkdir(parents=True, exist_ok=True)
    with _clock() as facts, duckdb.connect(str(target), config=bare.LAYOUT) as connection:
        connection.execute("set timezone = 'UTC'")
        files = sorted(map(str, (landing / "voice").glob("*.jsonl")))
        connection.execute("set variable files = $1", [files])
        connection.execute(bare.sql("bare_voice", reader=bare.voice_reader()))
    _say({**facts, "days": _days(target, "voice_daily")})


def _days(database: Path, table: str) -> list[list[Any]]:
    """What both are held against each other by: dates, calls, turns, recalls."""
    import duckdb

    with duckdb.connect(str(database), read_only=True) as connection:
        day = "date" if "." in table else "event_date"
        connection.execute("set timezone = 'UTC'")
        rows = connection.execute(
            f"select cast({day} as varchar), initiated_calls, interaction_volume, at_events, idk_count, recalls_28d, "
            f"outcome_abandoned, short_calls, customer_turns, api_errors, peak_concurrency, fcr_n "
            f"from {table} order by 1"
        ).fetchall()
    return [[value if isinstance(value, str) else int(value or 0) for value in row] for row in rows]


@app.command()
def generate_rasa_events(landing: Path, events: int, days: int, first_date: str) -> None:
    """Made-up events of a Rasa bot into `landing`/rasa, none of them bad."""
    from chat_platform.sample.rasa import generate_rasa

    with _clock() as facts:
        first = date.fromisoformat(first_date)
        generate_rasa(landing / "rasa", events=events, days=days, first_date=first, seed=1, defect_rate=0)
    _say(facts)


@app.command()
def repeat_tracker(landing: Path, times: int) -> None:
    """The real tracker into `landing`/rasa, so many times; as Rasa writes it, a blank behind each comma and colon."""
    from benchmarks.trackers import repeated

    (landing / "rasa").mkdir(parents=True)
    with _clock() as facts, (landing / "rasa" / "events.jsonl").open("w", encoding="utf-8") as file:
        count = 0
        for event in repeated(times):
            file.write(json.dumps(event) + "\n")
            count += 1
    _say({**facts, "events": count})


@app.command()
def unpack(landing: Path, home: Path) -> None:
    """Lake → raw tables of Rasa; `lake` says how long the way from landing into the lake took before."""
    from chat_platform.lake.ingest import ingest as load
    from chat_platform.publish.rasa import publish

    settings = settings_of(landing, home).model_copy(update={"sources": ("rasa",)})
    begin = time.perf_counter()
    manifest = load(settings, "rasa").manifest
    lake = time.perf_counter() - begin
    assert manifest is not None
    with _clock() as facts:
        publish(settings, "benchmark")
    _say({**facts, "events": manifest.typed, "lake": lake})


@app.command()
def dlt_rasa(landing: Path, folder: Path) -> None:
    """The same events by dlt into a DuckDB file, one table an event type."""
    import dlt

    lines = [line for file in sorted((landing / "rasa").iterdir()) for line in file.read_bytes().splitlines()]
    events = [json.loads(line) for line in lines]

    def rows() -> Iterator[Any]:
        for event in events:
            yield dlt.mark.with_table_name(event, f"event_{event['event']}")

    with _clock() as facts:
        pipeline = dlt.pipeline(
            "benchmark",
            pipelines_dir=str(folder / "pipelines"),
            destination=dlt.destinations.duckdb(str(folder / "dlt.duckdb")),
            dataset_name="demo_event",
        )
        pipeline.run(dlt.resource(rows, name="events"))
    _say({**facts, "events": len(events)})


@app.command()
def run_parts(home: Path, started: float, ended: float) -> None:
    """Where the seconds of the last run of a home went, by Dagster's events and dbt's own account of itself."""
    import dagster as dg

    from chat_platform.instance import open_instance
    from chat_platform.warehouse.connection import open_published

    with open_instance(settings_of(home / "landing", home)) as instance:
        (run,) = instance.get_run_records(limit=1)
        events = [
            (entry.timestamp, entry.dagster_event)
            for entry in instance.all_logs(run.dagster_run.run_id)
            if entry.dagster_event is not None
        ]
    begin = {event.step_key: at for at, event in events if event.event_type == dg.DagsterEventType.STEP_START}
    end = {event.step_key: at for at, event in events if event.event_type == dg.DagsterEventType.STEP_SUCCESS}
    steps = {key: end[key] - at for key, at in begin.items() if key is not None}
    models = "build_models" if "build_models" in steps else "models"
    newest = max((home / "dbt").glob("*/run_results.json"), key=lambda path: path.stat().st_mtime)
    results = json.loads(newest.read_bytes())["results"]
    nodes = {"model": 0.0, "seed": 0.0, "test": 0.0}
    first, last = [], []
    for result in results:
        nodes[result["unique_id"].partition(".")[0]] += result["execution_time"]
        first += [_moment(timing["started_at"]) for timing in result["timing"]]
        last += [_moment(timing["completed_at"]) for timing in result["timing"]]
    at, until = events[0][0], events[-1][0]
    built = steps.pop(models)
    parts = {
        "start-up: Python, imports, definitions": at - started,
        **{f"step {key}": seconds for key, seconds in steps.items()},
        "dbt: start and parse": min(first) - begin[models],
        "dbt: models and seeds": nodes["model"] + nodes["seed"],
        "dbt: tests": nodes["test"],
        "dbt: between its nodes": max(last) - min(first) - sum(nodes.values()),
        "dbt's end, ledger, events of the dates": end[models] - max(last),
        "Dagster around the steps": until - at - built - sum(steps.values()),
        "summary and exit": ended - until,
    }
    with open_published(settings_of(home / "landing", home)) as connection:
        counted = connection.execute("select count(*) from demo_chat.chat_sessions").fetchall()
    _say({"wall": 0.0, "cpu": 0.0, "parts": parts, "messages": counted[0][0]})


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


if __name__ == "__main__":
    app()
