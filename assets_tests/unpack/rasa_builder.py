"""Small pieces of the rasa source: delivering, loading, publishing without dbt."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from chat_platform.lake.ingest import ingest
from chat_platform.lake.manifest import Manifest
from chat_platform.publish.rasa import Publication, publish
from chat_platform.settings import Settings
from chat_platform.warehouse.connection import open_warehouse


def deliver(settings: Settings, name: str, items: Iterable[Any] | bytes) -> Path:
    """A file in landing: one item a line."""
    path = settings.landing / "rasa" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = items if isinstance(items, bytes) else "".join(json.dumps(item) + "\n" for item in items).encode()
    path.write_bytes(data)
    return path


def take(settings: Settings, name: str, items: Iterable[Any] | bytes) -> Manifest:
    """Deliver and load."""
    deliver(settings, name, items)
    done = ingest(settings, "rasa")
    assert done.manifest is not None, done.notices
    return done.manifest


def publish_all(settings: Settings, run_id: str = "run") -> Publication | None:
    """Load what is new and unpack every pending load."""
    ingest(settings, "rasa")
    return publish(settings, run_id)


def finish(settings: Settings) -> None:
    """What dbt does at its end: status 1, and the mark that the scope is done."""
    with open_warehouse(settings) as warehouse:
        loads = warehouse.name("event._loads")
        warehouse.execute(
            f"insert into {loads} select load_id, schema_name, 1, inserted_at, schema_version_hash from {loads} "
            f"where status = 0 and load_id not in (select load_id from {loads} where status = 1)"
        )
        warehouse.execute(
            f"insert into {warehouse.name('ops.run_scope')} (run_id, mode, source, kind, value) "
            "values ('run', 'finished', 'rasa', 'done', 'run')"
        )


def rows(settings: Settings, table: str, order: str = "all") -> list[dict[str, Any]]:
    """Rows of a raw table."""
    with open_warehouse(settings) as warehouse:
        found = warehouse.execute(f'select * from {settings.schema_name("event")}."{table}" order by {order}')
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
