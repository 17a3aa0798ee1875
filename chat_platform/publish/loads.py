"""What the warehouse knows about loads: which are published, and the tables that count their lines."""

from collections.abc import Iterable

import pyarrow as pa

from chat_platform.lake import manifest as manifests
from chat_platform.lake.manifest import Manifest
from chat_platform.warehouse.connection import Warehouse


def unpublished(warehouse: Warehouse, source: str) -> list[Manifest]:
    """Loads of a source in the lake that no run has published, in the order of arrival (rasa spec, section 3)."""
    published = {
        load_id
        for (load_id,) in warehouse.execute(
            f"select load_id from {warehouse.name('event._loads')} where status = 1 and schema_name = $1", [source]
        ).fetchall()
    }
    known = manifests.read_manifests(warehouse.settings.lake, source)
    return [item for item in known if item.load_id not in published]


def record_load(
    warehouse: Warehouse, load: Manifest, *, accepted: int, duplicates: int = 0, superseded: int = 0
) -> None:
    """Rows of the load in `_loads` (status 0) and in the tables about loads."""
    warehouse.execute(
        f"""
        insert into {warehouse.name("event._loads")} (load_id, schema_name, status, inserted_at, schema_version_hash)
        select $1, $2, 0, timezone('UTC', now()), $3
        where $1 not in (select load_id from {warehouse.name("event._loads")})
        """,
        [load.load_id, load.source, load.contract_version],
    )
    row = {
        **load.model_dump(
            include={
                "load_id", "source", "lines_read", "blank", "rejected", "warnings", "first_event_timestamp",
                "last_event_timestamp", "ingested_at",
            }
        ),
        "load_sequence": load.sequence,
        "files": len(load.files),
        "bytes_read": sum(file.bytes_read for file in load.files),
        "duplicates": duplicates,
        "superseded": superseded,
        "accepted": accepted,
    }  # fmt: skip
    files = [{"load_id": load.load_id, **file.model_dump(), "source_file": file.name} for file in load.files]
    issues = [{"load_id": load.load_id, **issue.model_dump()} for issue in load.issues]
    for table, records in (("ops.loads", [row]), ("ops.load_files", files), ("ops.load_issues", issues)):
        warehouse.execute(f"delete from {warehouse.name(table)} where load_id = $1", [load.load_id])
        if records:
            warehouse.connection.register("records", pa.Table.from_pylist(records))
            warehouse.insert(table, "select * from records")


def record_verdicts(
    warehouse: Warehouse, loads: Iterable[Manifest], verdicts: str, stood: str, written: str | None
) -> None:
    """The same for several loads, and the counts of earlier loads, by the verdicts on lines.

    `verdicts` is a relation with load_id, is_new and verdict (accepted, duplicate, superseded); `stood` is true for
    lines that counted before this run. Accepted lines are counted where they are written from, in `written` (one row
    a line, with load_id): what is lost between verdict and table makes the parts of the load differ from its lines.
    """
    lost = f"select load_id, verdict, count(*) from {verdicts} where {stood} and verdict <> 'accepted' group by all"
    for load_id, verdict, count in warehouse.execute(lost).fetchall():
        column = {"superseded": "superseded", "duplicate": "duplicates"}[verdict]
        warehouse.execute(
            f"update {warehouse.name('ops.loads')} "
            f"set accepted = accepted - $1, {column} = {column} + $1 where load_id = $2",
            [count, load_id],
        )
    counts: dict[tuple[str, str], int] = {
        (load_id, verdict): count
        for load_id, verdict, count in warehouse.execute(
            f"select load_id, verdict, count(*) from {verdicts} where is_new and verdict <> 'accepted' group by all"
        ).fetchall()
    }
    accepted: dict[str, int] = {}
    if written:
        accepted = dict(warehouse.execute(f"select load_id, count(*) from {written} group by 1").fetchall())
    for load in loads:
        record_load(
            warehouse,
            load,
            accepted=accepted.get(load.load_id, 0),
            duplicates=counts.get((load.load_id, "duplicate"), 0),
            superseded=counts.get((load.load_id, "superseded"), 0),
        )
