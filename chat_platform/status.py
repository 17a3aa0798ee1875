"""What stands: loads, pending loads, refused lines by reason, freshness per table and date. Reads only."""

from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any

import duckdb

from chat_platform.errors import ChatPlatformError, WarehouseError
from chat_platform.lake.ingest import left_alone, new_files
from chat_platform.lake.manifest import Manifest, read_manifests
from chat_platform.settings import Settings
from chat_platform.warehouse.connection import open_published

Row = dict[str, Any]


@dataclass
class Status:
    """The platform at one moment; every list holds rows as dictionaries, ready for JSON."""

    home: str
    landing: str
    warehouse: str
    new_files: list[str] = field(default_factory=list)
    notices: list[Row] = field(default_factory=list)
    pending_loads: list[str] = field(default_factory=list)
    expired: list[Row] = field(default_factory=list)
    loads: list[Row] = field(default_factory=list)
    refused: list[Row] = field(default_factory=list)
    warnings: list[Row] = field(default_factory=list)
    tables: list[Row] = field(default_factory=list)
    freshness: list[Row] = field(default_factory=list)

    def as_dict(self) -> Row:
        """Plain dictionaries and lists."""
        return asdict(self)


def rows_of(result: duckdb.DuckDBPyConnection) -> list[Row]:
    """Rows of a result as dictionaries."""
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def published_load_ids(settings: Settings) -> set[str]:
    """Loads that readers can see; empty before the first publish."""
    if not settings.is_postgres and not settings.warehouse_file.is_file():
        return set()
    with open_published(settings) as connection:
        exists = connection.execute(
            "select count(*) from information_schema.tables where table_schema = $1 and table_name = '_loads'",
            [settings.schema_name("event")],
        ).fetchone()
        if exists == (0,):
            return set()
        return {
            load_id
            for (load_id,) in connection.execute(
                f"select load_id from {settings.schema_name('event')}._loads where status = 1"
            ).fetchall()
        }


def unpublished_loads(settings: Settings) -> list[str]:
    """Loads that are complete in the lake and not published, in the order of arrival."""
    published = published_load_ids(settings)
    return [
        item.load_id
        for item in read_manifests(settings.lake)
        if item.source in settings.sources and item.load_id not in published
    ]


def refused_lines(settings: Settings, source: str, load_id: str | None = None) -> list[Row]:
    """Refused lines of a source with their text (restricted), as they arrived: what `replay --export` writes.

    `load_id` may be cut off, as `status` shows it. Raises ChatPlatformError where it names no load, or several.
    """
    manifests = [
        item
        for item in read_manifests(settings.lake)
        if item.source == source and item.load_id.startswith(load_id or "")
    ]
    if load_id is not None and len(manifests) != 1:
        what = f"begins {len(manifests)} loads" if manifests else "is no load"
        raise ChatPlatformError(f"{load_id} {what} of {source}; chat-platform status lists them.")
    files = [str(settings.lake / path) for item in manifests for path in item.rejects]
    if not files:
        return []
    with closing(duckdb.connect()) as connection:
        return rows_of(
            connection.execute(
                """
                select load_id, source_file, line_number, byte_offset, length, reason, message, raw_line
                from read_parquet($1)
                -- Of people who were removed nothing is left to correct.
                where octet_length(raw_line) > 0
                order by load_id, source_file, line_number
                """,
                [files],
            )
        )


def read_status(settings: Settings) -> Status:
    """The status for these settings; works before the first run too."""
    status = Status(str(settings.home), str(settings.landing), settings.warehouse_label)
    for source in settings.sources:
        files, found = new_files(settings, source)
        there = {(file.fingerprint, file.name) for file, _ in files}
        left = [notice for mark, notice in left_alone(settings, source) if (mark, notice.name) in there]
        names = {notice.name for notice in left}
        status.new_files += [file.name for file, _ in files if file.name not in names]
        status.notices += [row for notice in (*found.notices, *left) if (row := asdict(notice)) not in status.notices]
    manifests = read_manifests(settings.lake)
    status.pending_loads = unpublished_loads(settings)
    for item in manifests:
        status.expired += _expired(item)
        for issue in item.issues:
            row = {"load_id": item.load_id, **issue.model_dump(exclude={"severity"})}
            (status.refused if issue.severity == "rejected" else status.warnings).append(row)
    try:
        with open_published(settings) as connection:
            _read_published(settings, connection, status)
    except WarehouseError:
        if published_load_ids(settings):
            raise
    return status


def _expired(load: Manifest) -> list[Row]:
    """What was deleted or masked of a load because of its age; nothing where all of it is there."""
    times = [file.expired_at for file in load.files if file.expired_at is not None]
    if not times and load.rejects_expired_at is None and load.texts_masked_at is None:
        return []
    row = {
        "load_id": load.load_id,
        "files": len(times),
        "files_expired_at": max(times, default=None),
        "refused_lines_expired_at": load.rejects_expired_at,
        "texts_masked_at": load.texts_masked_at,
    }
    return [row]


def _read_published(settings: Settings, connection: duckdb.DuckDBPyConnection, status: Status) -> None:
    ops = settings.schema_name("ops")
    status.loads = rows_of(connection.execute(f"select * from {ops}.loads order by source, load_sequence"))
    status.freshness = rows_of(
        connection.execute(
            f"""
            select asset, event_date, row_count as rows, loads, watermark, model_version, run_id, materialised_at
            from {ops}.partition_ledger order by asset, event_date
            """
        )
    )
    status.tables = rows_of(
        connection.execute(
            f"""
            select asset as "table", sum(row_count)::bigint as rows, min(event_date) as first_date,
                max(event_date) as last_date, max(materialised_at) as last_built
            from {ops}.partition_ledger group by 1 order by 1
            """
        )
    )
