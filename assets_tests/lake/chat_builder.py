"""Chat messages made in the tests, and what came of them in the lake and in the warehouse."""

import copy
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from chat_platform.lake.ingest import Ingested, ingest
from chat_platform.lake.manifest import Manifest, read_manifests
from chat_platform.publish import scope
from chat_platform.publish.chat import Publication, publish
from chat_platform.settings import Settings
from chat_platform.status import rows_of
from chat_platform.warehouse.connection import open_warehouse

Message = dict[str, Any]
Row = dict[str, Any]

MIDNIGHT = 1762128000  # 2025-11-03T00:00:00Z
DAY = 86400
ABSENT = object()


def message(
    ident: str | None = "r-1",
    *,
    seconds: float = MIDNIGHT + 60,
    thread: str | None = "t-1",
    query: Any = "how tall is the tower",
    steps: list[Any] | None = None,
    **patches: Any,
) -> Message:
    """A good message. `patches`: dotted path, with __ for the dots, → value; ABSENT takes the key out."""
    made: Message = {
        "@timestamp": seconds,
        "timestamp": "2025-11-03T00:00:30+00:00",
        "room_id": "room-1",
        "thread_id": thread,
        "request_body": {
            "model": "sonar-pro",
            "web_search_options": {"search_type": "auto"},
            "messages": [{"role": "user", "content": query}],
        },
        "response_body": {
            "id": ident,
            "created": int(seconds) - 2,
            "model": "sonar-pro",
            "status": "COMPLETED",
            "type": "end_of_stream",
            "search_results": [{"title": "one"}, {"title": "two"}, {"title": "three"}],
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {
                        "role": "assistant",
                        "content": "an answer",
                        "reasoning_steps": copy.deepcopy(steps or []),
                    },
                }
            ],
            "usage": {
                "prompt_tokens": 100,
                "completion_tokens": 20,
                "total_tokens": 120,
                "search_context_size": "low",
                "cost": {
                    "input_tokens_cost": 0.0,
                    "output_tokens_cost": 0.0,
                    "request_cost": 0.006,
                    "total_cost": 0.006,
                },
            },
        },
    }
    for path, value in patches.items():
        put(made, path.replace("__", "."), value)
    return made


def put(target: Message, path: str, value: Any) -> Message:
    """Set the value at a path such as `response_body.choices[0].message`, in place; ABSENT removes the key."""
    place: Any = target
    names: list[str | int] = []
    for part in path.split("."):
        name, _, index = part.partition("[")
        names.append(name)
        if index:
            names.append(int(index.rstrip("]")))
    for name in names[:-1]:
        place = place.setdefault(name, {}) if isinstance(place, dict) else place[name]
    if value is ABSENT:
        place.pop(names[-1], None)
    else:
        place[names[-1]] = copy.deepcopy(value)
    return target


def search(keywords: Any = ("tower height",), results: int = 2) -> Message:
    payload = {"search_keywords": list(keywords), "search_results": [{"title": "x"}] * results}
    return {"thought": "Searching.", "type": "web_search", "web_search": payload}


def browser(step_type: str | None = "ENTROPY_REQUEST", headers: Any = None, **content: Any) -> Message:
    tool = {"step_type": step_type, "uuid": "u-1", "content": {"extra_headers": headers, **content}}
    return {"thought": "", "type": "browser_tool_execution", "browser_tool_execution": {"tool": tool}}


def agent(action: str | None = "click", url: str | None = None, thought: str = "Looking.") -> Message:
    return {"thought": thought, "type": "agent_progress", "agent_progress": {"action": action, "url": url}}


def lines_of(messages: Iterable[Message]) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in messages)


def deliver(settings: Settings, name: str, content: bytes | Iterable[Message]) -> Path:
    path = settings.landing / "chat" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else lines_of(content))
    return path


def take(settings: Settings, name: str, content: bytes | Iterable[Message]) -> Manifest:
    """Deliver one file and ingest it."""
    deliver(settings, name, content)
    made: Ingested = ingest(settings, "chat")
    assert made.manifest is not None
    assert made.notices == ()
    return made.manifest


def typed_rows(settings: Settings, manifest: Manifest | None = None) -> list[Row]:
    """Rows of the lake, found through manifests as every reader has to, in the order of the files."""
    manifests = [manifest] if manifest else read_manifests(settings.lake)
    rows: list[Row] = []
    for item in manifests:
        for part in item.parts:
            table = pq.ParquetFile(settings.lake / part.path).read()
            assert len(table) == part.rows
            rows += table.to_pylist()
    return sorted(rows, key=lambda row: (row["load_sequence"], row["source_file"], row["byte_offset"]))


def typed_by_id(settings: Settings) -> dict[str, Row]:
    return {row["session_id"]: row for row in typed_rows(settings)}


def refused_rows(settings: Settings, manifest: Manifest) -> list[Row]:
    rows = [row for path in manifest.rejects for row in pq.read_table(settings.lake / path).to_pylist()]
    return sorted(rows, key=lambda row: (row["source_file"], row["byte_offset"]))


def conserved(manifest: Manifest) -> bool:
    return manifest.lines_read == manifest.blank + manifest.rejected + manifest.typed


def fake_scorer(queries: pa.ChunkedArray) -> pa.Table:
    """Sure of queries with `buy` in them, abstains from all others."""
    texts = queries.to_pylist()
    return pa.table(
        {
            "user_query": pa.array(texts, pa.string()),
            "domain_category": ["Shopping" if "buy" in text else "Unknown" for text in texts],
            "domain_confidence": [0.75 if "buy" in text else 0.25 for text in texts],
            "intent_type": ["Transactional" if "buy" in text else "Unknown" for text in texts],
            "intent_confidence": pa.array([0.5] * len(texts), pa.float64()),
            "model_version": pa.array(["fake-1"] * len(texts), pa.string()),
        }
    )


def publish_all(settings: Settings, run_id: str = "run-1") -> Publication | None:
    return publish(settings, fake_scorer, run_id)


def finish(settings: Settings, run_id: str = "run-1") -> None:
    """What comes after the chat tables: dbt appends status 1 for the loads of the scope, then the scope is done."""
    with open_warehouse(settings) as warehouse, warehouse.transaction():
        warehouse.execute(
            f"insert into {warehouse.name('event._loads')} "
            "select distinct value, 'chat', 1, timezone('UTC', now()), null "
            f"from {warehouse.name('ops.run_scope')} where kind = 'load'"
        )
    scope.finish(settings, run_id)


def read_tables(settings: Settings, tables: Iterable[str]) -> dict[str, list[Row]]:
    with open_warehouse(settings) as warehouse:
        return {
            table: rows_of(warehouse.execute(f"select * from {warehouse.name(table)} order by all")) for table in tables
        }


def warehouse_rows(settings: Settings, table: str) -> list[Row]:
    return read_tables(settings, [table])[table]


def by_id(settings: Settings, table: str) -> dict[str, Row]:
    return {row["session_id"]: row for row in warehouse_rows(settings, f"chat.{table}")}
