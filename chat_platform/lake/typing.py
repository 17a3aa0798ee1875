"""Typing one chunk of lines with DuckDB: verdicts, typed messages, warnings."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from chat_platform.contracts import chat, reasons
from chat_platform.privacy.pseudonym import set_key
from chat_platform.sql import load_sql

_PACKAGE = "chat_platform.lake"
# Looked up in this order, before the fields of the contract: type_chat.sql counts on it.
_OPENED = {"response_body.choices[0]": "choice", "response_body": "response", "request_body": "request"}
_FIRST_PATHS = ("$", '$."@timestamp"', "$.request_body")
_KEY_LISTS = "json_keys(line, ['$', '$.request_body', '$.response_body'])"
# A line that is no JSON makes its neighbours slow, for they are tried one by one then; most of such lines are cut off.
_KEYS_IF_VALID = (
    "case when ends_with(line, '}' || chr(10)) or ends_with(line, '}') or ends_with(line, '}' || chr(13) || chr(10)) "
    f"or ends_with(line, '}} ') then try({_KEY_LISTS}) end"
)
# What a statement says about a line; not part of a message.
_VERDICT_COLUMNS = "row_number, file_number, line, reason, suspect, key_lists, needs_look, warnings"
# What makes the content of a message: of equal content under one id only one is kept.
_CONTENT_NUMBERS = (
    "epoch_us(event_timestamp)", "epoch_us(created_timestamp)", "has_response", "response_created", "num_results",
    "has_usage", "completion_tokens", "prompt_tokens", "total_tokens", "input_tokens_cost", "output_tokens_cost",
    "request_cost", "total_cost",
)  # fmt: skip
_CONTENT_TEXTS = (
    "given_id", "thread_id", "user_query", "search_type", "failure_reason", "response_id", "response_content",
    "finish_reason", "model", "status", "type", "search_context_size", "to_json(steps)",
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
    index = {field.path: n for n, field in enumerate(chat.FIELDS, len(_FIRST_PATHS) + 1)}
    return re.sub(r"kind\('([^']+)'\)", lambda match: f"types[{index[match[1]]}]", sql)


def _without_kinds(sql: str) -> str:
    """Replace kind('path') by null: no type was looked up."""
    return re.sub(r"kind\('[^']+'\)", "cast(null as varchar)", sql)


def _field_warnings() -> str:
    """One SQL expression a field: its path where the value did not fit and was read as null."""
    expressions = []
    for field in chat.FIELDS:
        allowed = ", ".join(f"'{kind}'" for kind in ("NULL", *chat.KINDS[field.kind]))
        lost = f"kind('{field.path}') not in ({allowed})"
        if field.kind == "number":
            lost += f" or (kind('{field.path}') <> 'NULL' and {_column(field)} is null)"
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
        "list_contains(key_lists[1], '_id') and message._id.\"$oid\" is null",
        # Where one of its fields has a value, the object above it is one; these may be absent from good lines.
        "list_contains(key_lists[2], 'web_search_options') and request.web_search_options.search_type is null",
    ]
    answered = ["list_contains(key_lists[3], 'error') and response.error.type is null"]
    for field in chat.FIELDS:
        value = "message." + field.path.replace("$oid", '"$oid"')
        for path, column in _OPENED.items():
            value = value.replace(f"message.{path}.", f"{column}.")
        found = answered if field.path.startswith("response_body.") else signs
        if field.kind == "number":
            found.append(f"{_column(field)} is null")
        elif field.kind == "array":
            found.append(f"{value} is null")
        elif field.kind != "object":
            # Of an object or list in the place of a text from_json gives the JSON text.
            found.append(f"is_nested({value})")

    def any_of(items: list[str]) -> str:
        return " or ".join(f"coalesce({sign}, false)" for sign in items)

    return f"{any_of(signs)} or (len(key_lists[3]) > 0 and ({any_of(answered)}))"


def _column(field: chat.Field) -> str:
    """The column that a number is read into, see type_chat.sql."""
    name = field.path.rpartition(".")[2]
    return "response_created" if name == "created" else name


@contextmanager
def typing_connection(
    key: str, time_zone: str, first_date: date, last_date: date, temporary: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB with the macros and variables that `type_lines` needs."""
    connection = duckdb.connect(config={"temp_directory": str(temporary), "memory_limit": "1GB"})
    try:
        connection.execute("set timezone = 'UTC'")
        # In the order of arrival every batch of lines would hold blocks of its own for every column.
        connection.execute("set preserve_insertion_order = false")
        # Joins in the place of short lists, and filters that cut lines out between two steps, cost more than they save.
        connection.execute("set disabled_optimizers = 'in_clause,filter_pushdown'")
        connection.execute(load_sql(_PACKAGE, "macros"))
        connection.execute("create temp table whole_keys (key_lists varchar[][])")
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


def _statement(**parts: str) -> str:
    # The length before a text keeps two of them from running into each other, and tells null from empty.
    content = ", chr(31), ".join([*_CONTENT_NUMBERS, *(f"strlen({text}), chr(31), {text}" for text in _CONTENT_TEXTS)])
    return load_sql(_PACKAGE, "type_chat", odd=_odd(), content=content, **parts)


def _careful() -> str:
    """Every line with its verdict; types are looked up where something is missing or odd."""
    said, steps = chat.ELEMENT_FIELDS
    looked_up = (
        "case when odd_{0} then list_transform(json_extract(line, '{1}[*]'), lambda item: json_type(item, {2})) end"
    )
    sql = _statement(
        is_valid="json_valid(line)",
        key_lists=f"case when is_valid then {_KEY_LISTS} end",
        types=f"case when is_valid and is_odd then json_type(line, {_paths()}) end",
        message_kinds=looked_up.format("messages", chat.Field(said, "array").json_path, _element_paths(said)),
        step_kinds=looked_up.format("steps", chat.Field(steps, "array").json_path, _element_paths(steps)),
        field_warnings=_field_warnings(),
        message_warnings=_element_warnings(said, "message_kinds"),
        step_warnings=_element_warnings(steps, "step_kinds"),
    )
    return _with_kinds(sql)


def _plain() -> str:
    """The same where no type is ever looked up; a line that is no JSON has no keys."""
    sql = _statement(
        # Taking escaped NULs out may turn damage into JSON; other damage shows where the keys are read.
        is_valid="case when contains(line, chr(92) || 'u0000') then json_valid(line) else true end",
        key_lists=_KEYS_IF_VALID,
        types="cast(null as varchar[])",
        message_kinds="cast(null as varchar[][])",
        step_kinds="cast(null as varchar[][])",
        field_warnings="null",
        message_warnings="null",
        step_warnings="null",
    )
    return _without_kinds(sql)


def lake_rows(relation: str) -> str:
    """Query of the messages among the typed lines of a relation, as they go to the lake."""
    return (
        f"select * exclude ({_VERDICT_COLUMNS}), "
        "list_extract(getvariable('file_names'), file_number + 1) as source_file, "
        "getvariable('load_id') as load_id, getvariable('load_sequence') as load_sequence "
        f"from {relation} where reason is null"
    )


def _note_keys(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    connection.execute(f"create or replace temp view read_keys as {query}")
    connection.execute(load_sql(_PACKAGE, "note_keys"))


def plain_rows(connection: duckdb.DuckDBPyConnection) -> str:
    """The same for those of `lines` that are good without a second look.

    Left out is also what has a list of keys that the first lines had not.
    """
    _note_keys(connection, f"select {_KEYS_IF_VALID} as key_lists from (select line from lines limit 2000)")
    return lake_rows(
        f"(select * from ({_plain()}) as typed where not needs_look and warnings = [] "
        "and hash(key_lists) in (select hash(key_lists) from whole_keys)) as plain"
    )


def register_lines(connection: duckdb.DuckDBPyConnection, lines: pa.Table, at_once: int = 2048) -> None:
    """Make table `lines` (line, file_number, line_number, byte_offset) known, with a `row_number` from 0."""
    numbered = lines.append_column("row_number", pa.array(np.arange(len(lines))))
    # A statement takes as long for a few rows as for many: pieces of many files, or between refused lines, are joined.
    if len(lines) < numbered["line"].num_chunks * at_once // 2:
        numbered = numbered.combine_chunks()
    # Small batches: DuckDB hands whole batches to its threads.
    connection.register("lines", pa.Table.from_batches(numbered.to_batches(max_chunksize=at_once), numbered.schema))


def type_lines(connection: duckdb.DuckDBPyConnection, lines: pa.Table) -> list[Refusal]:
    """Table `typed` from `lines` (line, file_number, line_number, byte_offset), see type_chat.sql; the refused lines.

    Afterwards `reason` is null for exactly the lines that are not in the answer.
    """
    # The types of every element of every list take room: few lines at once.
    register_lines(connection, lines, at_once=256)
    connection.execute(f"create or replace temp table typed as {_careful()}")
    connection.unregister("lines")
    _note_keys(connection, "select key_lists from typed")
    connection.execute(
        "update typed set reason = 'duplicate_key' "
        "where reason is null and key_lists not in (select key_lists from whole_keys)"
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
