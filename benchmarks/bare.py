"""The barest programs: DuckDB and ClickHouse reading lines straight into typed columns, no questions asked."""

import copy
import json
from typing import Any

from chat_platform.contracts import chat
from chat_platform.sql import load_sql
from chat_platform.warehouse.connection import STORAGE_VERSION

# The file of a bare program is laid out as that of the platform.
LAYOUT: dict[str, str | bool | int | float | list[str]] = {"storage_compatibility_version": STORAGE_VERSION}
# One message may be as long as the platform takes.
_OPTIONS = "format = 'newline_delimited', ignore_errors = true, maximum_object_size = 16777216"
_CLICKHOUSE = {"DOUBLE": "Nullable(Float64)", "BIGINT": "Nullable(Int64)", "BOOLEAN": "Nullable(Bool)"}


def typed_structure() -> dict[str, Any]:
    """What the contract reads of a message, with types of numbers and times in place of unchecked JSON."""
    structure: dict[str, Any] = copy.deepcopy(chat.STRUCTURE)
    structure |= {"@timestamp": "DOUBLE", "timestamp": "TIMESTAMPTZ"}
    structure["response_body"]["created"] = "BIGINT"
    usage = structure["response_body"]["usage"]
    usage |= dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), "BIGINT")
    usage["cost"] = dict.fromkeys(usage["cost"], "DOUBLE")
    return structure


def structure_json() -> str:
    """The same for `from_json`."""
    return json.dumps(typed_structure())


def _duckdb_type(kind: Any) -> str:
    if isinstance(kind, dict):
        return "struct(" + ", ".join(f'"{name}" {_duckdb_type(item)}' for name, item in kind.items()) + ")"
    return f"{_duckdb_type(kind[0])}[]" if isinstance(kind, list) else str(kind)


def _clickhouse_type(kind: Any) -> str:
    if isinstance(kind, dict):
        return "Tuple(" + ", ".join(f"`{name}` {_clickhouse_type(item)}" for name, item in kind.items()) + ")"
    if isinstance(kind, list):
        return f"Array({_clickhouse_type(kind[0])})"
    return _CLICKHOUSE.get(kind, "Nullable(String)")


def json_reader() -> str:
    """Arguments of DuckDB's `read_json` for the messages of the contract."""
    columns = {name: _duckdb_type(kind) for name, kind in typed_structure().items()}
    return f"{_OPTIONS}, columns = {columns!r}"


def clickhouse_structure() -> str:
    """The same for ClickHouse's `JSONExtract`."""
    return _clickhouse_type(typed_structure())


def sql(name: str, **parts: str) -> str:
    """A statement of `benchmarks/sql`."""
    return load_sql("benchmarks", name, **parts)


def voice_reader() -> str:
    """Arguments of DuckDB's `read_json` for the events of phone calls, what the indicators need of them."""
    text = dict.fromkeys
    scored = {"intent": "VARCHAR", "score": "VARCHAR"}
    customer: dict[str, Any] = {
        "identifiers": [text(("key", "value"), "VARCHAR")],
        **text(("capturedText", "cleansedText", "reason"), "VARCHAR"),
        "nlp": {**scored, "realResponse": {"topScoringIntent": scored}},
    }
    agent: dict[str, Any] = {
        **text(("text", "command", "dialogType", "scriptPoint"), "VARCHAR"),
        "solution": {"lastSolution": "VARCHAR", "previousSolutions": ["VARCHAR"]},
    }
    api = {"apiName": "VARCHAR", "uri": "VARCHAR", "httpStatus": "BIGINT", "executionElapsedTime": "BIGINT"}
    survey = text(("electronicScore", "humanScore"), "DOUBLE")
    structure: dict[str, Any] = {
        **text(("id", "eventType", "correlationId", "through", "version", "robotVersion"), "VARCHAR"),
        "when": "TIMESTAMPTZ",
        "context": {"customer": customer, "agent": agent, "api": api, "survey": survey},
    }
    columns = {name: _duckdb_type(kind) for name, kind in structure.items()}
    return f"{_OPTIONS}, columns = {columns!r}"
