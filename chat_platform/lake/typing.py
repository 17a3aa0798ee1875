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
# Looked up in this order, before the fields of the contract: type_chat.sql counts on it.
_FIRST_PATHS = ("$", '$."@timestamp"', "$.request_body", "$.response_body")
CONTENT_COLUMNS = (
    "event_timestamp", "given_id", "thread_id", "created_timestamp", "user_query", "search_type",
    "has_response", "failure_reason", "response_id", "response_created", "response_content", "finish_reason",
    "model", "status", "type", "num_results", "has_usage", "completion_tokens", "prompt_tokens", "total_tokens",
    "input_tokens_cost", "output_tokens_cost", "request_cost", "total_cost", "search_context_size", "steps",
)  # fmt: skip


@dataclass(frozen=True)
class Refusal:
    """Why a line of the chunk is refused. `line` is what to keep of it where that is not the line as it came."""

    row_number: int
    reason: str
    message: str
    line: str | None = None


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
            value = field.path.replace("response_body.", "response.")
            lost += f" or (kind('{field.path}') <> 'NULL' and {_reader(field)}({value}) is null)"
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


def _odd() -> str:
    """SQL that is true where a field is missing or may hold a value of the wrong kind.

    Cheap on purpose: it spares most lines a second reading. What it points at is looked up exactly.
    """
    signs = [
        "message is null",
        'message."@timestamp" is null',
        'message._id is not null and message._id."$oid" is null',
        # Where one of its fields has a value, the object above it is one; these three may be absent from good lines.
        "message.request_body.web_search_options.search_type is null",
        "contains(line, '\"error\"')",
        "contains(line, '\"_id\"')",
    ]
    for field in chat.FIELDS:
        value = "message." + field.path.replace("choices[0]", "choices[1]").replace("$oid", '"$oid"')
        if field.kind == "number":
            digits = f"coalesce(left({value}, 1) not between '-' and '9', true)"
            marks = (".", "e", "E") if field.path.endswith("_tokens") else ("e", "E")
            signs += [digits, f"strlen({value}) > 9" if "." in marks else "false"]
            signs += [f"contains({value}, '{mark}')" for mark in marks]
        elif field.kind == "array":
            signs.append(f"{value} is null")
        elif field.kind != "object":
            # Of an object or list in the place of a text from_json gives the JSON text.
            signs.append(f"left({value}, 1) in ('{{', '[')")
    return " or ".join(f"coalesce({sign}, false)" for sign in signs)


def _reader(field: chat.Field) -> str:
    return "json_whole" if field.path.endswith("_tokens") else "json_number"


@contextmanager
def typing_connection(
    key: str, time_zone: str, first_date: date, last_date: date, temporary: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB with the macros and variables that `type_lines` needs."""
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


def type_lines(connection: duckdb.DuckDBPyConnection, lines: pa.Table) -> list[Refusal]:
    """Table `typed` from `lines` (line, file_number, line_number, byte_offset), see type_chat.sql; the refused lines.

    Afterwards `reason` is null for exactly the lines that are not in the answer.
    """
    numbered = lines.append_column("row_number", pa.array(range(len(lines)), pa.int64()))
    # Small batches: DuckDB hands whole batches to its threads.
    connection.register("lines", pa.Table.from_batches(numbered.to_batches(max_chunksize=4096), numbered.schema))
    said, steps = chat.ELEMENT_FIELDS
    sql = load_sql(
        _PACKAGE,
        "type_chat",
        paths=str(_paths()),
        odd=_odd(),
        field_warnings=_field_warnings(),
        message_warnings=_element_warnings(said, "message_kinds"),
        step_warnings=_element_warnings(steps, "step_kinds"),
        message_paths=_element_paths(said),
        step_paths=_element_paths(steps),
        content_columns=", ".join(f"{name} := {name}" for name in CONTENT_COLUMNS),
    )
    connection.execute(_with_kinds(sql))
    connection.unregister("lines")
    repeated = connection.execute(load_sql(_PACKAGE, "repeated_keys")).fetchone()
    if repeated is not None and repeated[0]:
        connection.execute(
            "update typed set reason = 'duplicate_key' where reason is null and key_lists in (select unnest($1))",
            list(repeated),
        )
    refusals = []
    for row_number, reason, suspect, line in connection.execute(
        "select row_number, reason, suspect, line from typed where reason is not null or suspect order by row_number"
    ).fetchall():
        explained = reasons.explain_invalid_json(line) if suspect or reason == "invalid_json" else None
        if explained is not None:
            refusals.append(Refusal(row_number, "invalid_json", f"{reasons.SENTENCES['invalid_json']} {explained}"))
        elif reason is not None:
            refusals.append(Refusal(row_number, reason, reasons.SENTENCES[reason]))
    suspects = [refusal.row_number for refusal in refusals if refusal.reason == "invalid_json"]
    if suspects:
        connection.execute(
            "update typed set reason = 'invalid_json' where row_number in (select unnest($1::bigint[]))", [suspects]
        )
    return refusals
