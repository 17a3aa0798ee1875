"""Typing one chunk of lines with DuckDB: verdicts, typed messages, warnings."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from chat_platform.contracts import chat, reasons
from chat_platform.privacy.pseudonym import set_key
from chat_platform.sql import load_sql

_PACKAGE = "chat_platform.lake"
# Looked up in this order, before the fields of the contract: the rules of check_chat.sql count on it.
_FIRST_PATHS = ("$", '$."@timestamp"', "$.request_body", "$.response_body")
CONTENT_COLUMNS = (
    "event_timestamp", "given_id", "thread_id", "created_timestamp", "user_query", "search_type",
    "has_response", "failure_reason", "response_id", "response_created", "response_content", "finish_reason",
    "model", "status", "type", "num_results", "has_usage", "completion_tokens", "prompt_tokens", "total_tokens",
    "input_tokens_cost", "output_tokens_cost", "request_cost", "total_cost", "search_context_size", "steps",
)  # fmt: skip


@dataclass(frozen=True)
class Refusal:
    """Why a line of the chunk is refused."""

    row_number: int
    reason: str
    message: str


def _paths() -> list[str]:
    return [*_FIRST_PATHS, *(field.json_path for field in chat.FIELDS)]


def _with_kinds(sql: str) -> str:
    """Replace kind('path') by the place of that path in the list of types."""
    index = {"response_body": 4} | {field.path: n for n, field in enumerate(chat.FIELDS, len(_FIRST_PATHS) + 1)}
    return re.sub(r"kind\('([^']+)'\)", lambda match: f"types[{index[match[1]]}]", sql)


def _field_warnings() -> str:
    """One SQL expression a field: its path where the value did not fit and was read as null."""
    expressions = []
    for field in chat.FIELDS:
        allowed = ", ".join(f"'{kind}'" for kind in ("NULL", *chat.KINDS[field.kind]))
        lost = f"kind('{field.path}') not in ({allowed})"
        if field.kind == "number":
            read = "json_whole" if field.path.endswith("_tokens") else "json_number"
            value = field.path.replace("response_body.", "response.")
            lost += f" or (kind('{field.path}') <> 'NULL' and {read}({value}) is null)"
        expressions.append(f"case when {lost} then '{field.path}' end")
    return ",\n".join(expressions)


def _element_paths(path: str) -> str:
    """The paths to look up in each element of a list, for `json_type`."""
    return str([field.json_path for field in chat.ELEMENT_FIELDS[path]])


def _element_warnings(path: str, kinds: str) -> str:
    """The same for the elements of the list at `path`, whose types are in the column `kinds`."""
    expressions = []
    for place, field in enumerate(chat.ELEMENT_FIELDS[path], 1):
        # An element may lack a field; that it is null itself is a loss.
        allowed = ", ".join(f"'{kind}'" for kind in (*(["NULL"] if field.path else []), *chat.KINDS[field.kind]))
        lost = f"list_bool_or(list_transform({kinds}, lambda kind: kind[{place}] not in ({allowed})))"
        expressions.append(f"case when {lost} then '{path}[*]{'.' if field.path else ''}{field.path}' end")
    return ",\n".join(expressions)


@contextmanager
def typing_connection(
    key: str, time_zone: str, first_date: date, last_date: date, temporary: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB with the macros and variables that `check` and `type_checked` need."""
    connection = duckdb.connect(config={"temp_directory": str(temporary), "memory_limit": "1500MB"})
    try:
        connection.execute("set timezone = 'UTC'")
        connection.execute(load_sql(_PACKAGE, "macros"))
        set_key(connection, key)
        variables = {
            "time_zone": time_zone,
            "first_date": first_date,
            "last_date": last_date,
            "structure": chat.structure_json(),
        }
        for name, value in variables.items():
            connection.execute(f"set variable {name} = $1", [value])
        yield connection
    finally:
        connection.close()


def check(connection: duckdb.DuckDBPyConnection, lines: pa.Table) -> list[Refusal]:
    """Table `checked` from `lines` (line, file_number, line_number, byte_offset); the refused lines.

    Afterwards `reason` is null for exactly the lines that are not in the answer.
    """
    connection.register("lines", lines)
    connection.execute(load_sql(_PACKAGE, "check_chat", paths=str(_paths())))
    connection.unregister("lines")
    refusals = []
    for row_number, reason, suspect, line in connection.execute(
        """
        select row_number, reason, suspect, case when reason = 'invalid_json' or suspect then line end
        from checked where reason is not null or suspect order by row_number
        """
    ).fetchall():
        explained = reasons.explain_invalid_json(line) if suspect or reason == "invalid_json" else None
        if explained is not None:
            refusals.append(Refusal(row_number, "invalid_json", f"{reasons.SENTENCES['invalid_json']} {explained}"))
        elif reason is not None:
            refusals.append(Refusal(row_number, reason, reasons.SENTENCES[reason]))
    suspects = [refusal.row_number for refusal in refusals if refusal.reason == "invalid_json"]
    if suspects:
        connection.execute(
            "update checked set reason = 'invalid_json' where row_number in (select unnest($1::bigint[]))",
            [suspects],
        )
    return refusals


def type_checked(connection: duckdb.DuckDBPyConnection) -> None:
    """Table `typed` from the good lines of `checked`: one row a message, see type_chat.sql."""
    content = ", ".join(f"{name} := {name}" for name in CONTENT_COLUMNS)
    said, steps = chat.ELEMENT_FIELDS
    sql = load_sql(
        _PACKAGE,
        "type_chat",
        field_warnings=_field_warnings(),
        message_warnings=_element_warnings(said, "message_kinds"),
        step_warnings=_element_warnings(steps, "step_kinds"),
        message_paths=_element_paths(said),
        step_paths=_element_paths(steps),
        content_columns=content,
    )
    connection.execute(_with_kinds(sql))
