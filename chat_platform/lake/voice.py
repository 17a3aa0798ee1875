"""Typing lines of the voice source: one event a line, with what is odd about it."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from chat_platform.contracts import reasons, voice
from chat_platform.contracts.voice import Field
from chat_platform.lake.typing import Refusal, register_lines
from chat_platform.sql import load_sql

_PACKAGE = "chat_platform.lake"
_READ = {
    "text": "json_text({})", "number": "finite(double_of({}))", "whole": "whole(double_of({}))",
    "rounded": "whole(round(double_of({})))", "boolean": "json_boolean({})",
}  # fmt: skip
# Of what is content every event has these; a phone counts by its pseudonym.
_CONTENT_TEXTS = (
    "through", "robot_version", "phone_key", "reason_of_end", "captured_text", "cleansed_text", "agent_text",
    "command", "dialog_type", "script_point", "intent", "top_intent", "last_solution", "previous_solutions",
    "api_name", "uri", "headers_hash", "body_hash", "scale", "custom_hash",
)  # fmt: skip
_CONTENT_NUMBERS = (
    "version", "listened_data_usage", "intent_score", "top_score", "http_status", "elapsed_ms", "electronic_score",
    "human_score",
)  # fmt: skip
# Columns of `typed` that do not go to the lake as they are.
_NOT_KEPT = (
    "row_number", "file_number", "reason", "suspect", "is_custom", "line", "findings", "raw_id", "raw_call", "phone",
    "intent_score", "top_score", "http_status", "electronic_score", "human_score", "reason_of_end", "headers_hash",
    "body_hash", "through", "version", "robot_version", "event_type", "event_timestamp", "event_date",
)  # fmt: skip


def prepare(
    connection: duckdb.DuckDBPyConnection, key: str, *, repair_missing_commas: bool, aliases: Mapping[str, str]
) -> None:
    """Macros and variables that `type_events` needs, on a connection of `typing_connection`."""
    connection.execute(load_sql(_PACKAGE, "voice_macros"))
    variables = {
        "voice_structure": voice.structure_json(),
        "repair_missing_commas": repair_missing_commas,
        # Without it a number that was masked could be found by trying: the hash of the content is published.
        "content_key": hmac.new(key.encode(), b"chat-platform content of events", hashlib.sha256).hexdigest(),
    }
    for name, value in variables.items():
        connection.execute(f"set variable {name} = $1", [value])
    connection.execute(
        "set variable aliases = map($1::varchar[], $2::varchar[])", [list(aliases), list(aliases.values())]
    )


def type_events(connection: duckdb.DuckDBPyConnection, lines: pa.Table) -> list[Refusal]:
    """Table `typed` from `lines` (line, file_number, line_number, byte_offset), see type_voice.sql; what is refused.

    Afterwards `reason` is null for exactly the lines that are not in the answer.
    """
    register_lines(connection, lines)
    connection.execute(load_sql(_PACKAGE, "voice_keys"))
    connection.execute(_statement())
    connection.unregister("lines")
    refusals, broken = [], []
    for row_number, reason, suspect, line in connection.execute(
        "select row_number, reason, suspect, line from typed where reason is not null or suspect order by row_number"
    ).fetchall():
        looked_at = suspect or reason == "json_parse_error"
        explained = reasons.explain_invalid_json(line) if looked_at else None
        if explained is not None:
            broken.append(row_number)
            sentence = voice.SENTENCES["json_parse_error"]
            refusals.append(Refusal(row_number, "json_parse_error", f"{sentence} {explained}"))
        elif reason is not None:
            code, _, name = reason.partition(":")
            sentence = voice.SENTENCES[code].format(field=name, kind=voice.REQUIRED.get(name))
            refusals.append(Refusal(row_number, reason, sentence))
    if broken:
        connection.execute(
            "update typed set reason = 'json_parse_error' where row_number in (select unnest($1::bigint[]))", [broken]
        )
    return refusals


def lake_events(connection: duckdb.DuckDBPyConnection) -> str:
    """Query of the good events of `typed` as they go to the lake: pseudonyms for phones, keys, hashes, warnings."""
    content = ", chr(31), ".join([*_CONTENT_NUMBERS, *(f"strlen({text}), chr(31), {text}" for text in _CONTENT_TEXTS)])
    connection.execute(load_sql(_PACKAGE, "voice_lookups"))
    return load_sql(_PACKAGE, "voice_lake", not_kept=", ".join(_NOT_KEPT), content=content)


def count_warnings(connection: duckdb.DuckDBPyConnection) -> list[tuple[int, str, str, int]]:
    """Findings of the good events of `typed`: number of the file, code, field, events."""
    return connection.execute(
        """
        select file_number, split_part(finding, chr(31), 1), split_part(finding, chr(31), 2), count(*)
        from (
            select file_number, unnest(string_split(findings, chr(30))) as finding
            from typed
            where reason is null and findings <> ''
        )
        group by all
        """
    ).fetchall()


def _statement() -> str:
    return load_sql(
        _PACKAGE,
        "type_voice",
        leaves=",\n".join(f"{_value(item.path)} as {_leaf(item)}" for item in voice.FIELDS),
        values=",\n".join(f"{_READ[item.kind].format(_leaf(item))} as {item.column}" for item in voice.FIELDS),
        refusals=_refusals(),
        solved=voice.SOLVED,
        event_types=_quoted(voice.EVENT_TYPES),
        findings=_findings(),
    )


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _leaf(item: Field) -> str:
    """The column of type_voice.sql that holds the JSON value of a field."""
    return f"{item.column}_leaf"


def _value(path: str) -> str:
    """The JSON value at a path of the message."""
    return ".".join(f'"{name}"' for name in ("message", *path.split(".")))


def _refusals() -> str:
    """The verdicts on fields without which there is no event, in the order in which they are looked at."""
    cases = [
        ("id_leaf is null or is_blank(raw_id)", "missing_required", "id"),
        ("raw_id is null", "wrong_type", "id"),
        ("type_leaf is null or is_blank(raw_type)", "missing_required", "eventType"),
        ("raw_type is null", "wrong_type", "eventType"),
        ("version_leaf is null", "missing_required", "version"),
        ("version is null", "wrong_type", "version"),
        ("when_leaf is null", "missing_required", "when"),
        ("call_leaf is null or is_blank(raw_call)", "missing_required", "correlationId"),
        ("raw_call is null", "wrong_type", "correlationId"),
        ("not has_context", "missing_required", "context"),
        ("context_kind <> 'OBJECT'", "wrong_type", "context"),
    ]
    inner = [
        ("not has_solution", "missing_required", "context.agent.solution"),
        (
            "last_solution_leaf is null and previous_leaves is null "
            "and json_type(line, '$.context.agent.solution') <> 'OBJECT'",
            "wrong_type",
            "context.agent.solution",
        ),
        ("last_solution_leaf is null", "missing_required", "context.agent.solution.lastSolution"),
        ("last_solution is null", "wrong_type", "context.agent.solution.lastSolution"),
    ]
    cases += [(f"event_type = '{voice.SOLVED}' and ({condition})", code, name) for condition, code, name in inner]
    return "\n".join(f"when {condition} then '{code}:{name}'" for condition, code, name in cases)


@dataclass(frozen=True)
class _Finding:
    """What is accepted and odd where a condition holds; `detail` is SQL."""

    condition: str
    code: str
    path: str
    detail: str = "''"

    @property
    def sql(self) -> str:
        said = f"concat('{self.code}', chr(31), '{self.path}', chr(31), {self.detail})"
        return f"case when {self.condition} then {said} end"


def _text_findings(path: str, column: str, most_bytes: int | None) -> list[_Finding]:
    if most_bytes is None:
        return []
    return [_Finding(f"strlen({column}) > {most_bytes}", "over_max_bytes", path, f"strlen({column})")]


def _said(findings: list[_Finding]) -> str:
    """SQL of what is odd about an event, null if nothing. Whether anything is comes first: it takes far less time."""
    anything = " or ".join(f"({finding.condition})" for finding in findings)
    return f"case when {anything} then concat_ws(chr(30), {', '.join(finding.sql for finding in findings)}) end"


def _findings() -> str:
    """SQL text of what is accepted and odd: the envelope of every event, and the fields of its type."""
    by_type = "\n".join(f"when '{name}' then {_said(_findings_of(name))}" for name in voice.EVENT_TYPES)
    # Many feeds know calls by another id: that alone is no reason to look for all the rest.
    call = _Finding("not is_uuid(raw_call)", "correlation_id_not_uuid", "correlationId")
    return f"concat_ws(chr(30), {call.sql}, {_said(_envelope_findings())}, case event_type {by_type} end)"


def _envelope_findings() -> list[_Finding]:
    unzoned = (
        "strlen(raw_when) <= 16 "
        "or (not ends_with(raw_when, 'Z') and not regexp_matches(raw_when, '(?:z|[+-][0-9:]{2,5})$'))"
    )
    found = [
        _Finding("repaired", "repaired", ""),
        _Finding("raw_type <> event_type", "misspelt_type", "eventType"),
        _Finding("starts_with(version_leaf, '\"')", "version_coerced", "version"),
        _Finding(f"version <> {voice.KNOWN_VERSION}", "unknown_version", "version", "version"),
        _Finding("not is_uuid(raw_id)", "id_not_uuid", "id"),
        _Finding(unzoned, "no_time_zone", "when"),
        _Finding("through_leaf is null", "missing_field", "through"),
        _Finding("raw_through is null and through_leaf is not null", "wrong_type", "through"),
        _Finding("raw_through = ''", "outside_domain", "through"),
        _Finding("raw_robot_version is null and robot_version_leaf is not null", "wrong_type", "robotVersion"),
    ]
    limits = {"id": ("raw_id", 36), "eventType": ("raw_type", 30), "when": ("raw_when", 30)}
    limits |= {"correlationId": ("raw_call", 36), "through": ("raw_through", 20)}
    for path, (column, most_bytes) in limits.items():
        found += _text_findings(path, column, most_bytes)
    for name in ("customer", "customer.nlp", "agent", "api", "survey"):
        opened = name.rpartition(".")[2]
        leaves = [item for item in voice.FIELDS if item.path.startswith(f"context.{name}.")]
        # Read from what is no object, all of its values are missing; only then its kind is looked up.
        empty = " and ".join(f"{_leaf(item)} is null" for item in leaves)
        more = " and not has_identifiers" if name == "customer" else ""
        kind = f"json_type(line, '$.context.{name}') <> 'OBJECT'"
        found.append(_Finding(f"{empty}{more} and has_{opened} and {kind}", "wrong_type", f"context.{name}"))
    phones = "context.customer.identifiers"
    return [
        *found,
        _no_list(phones, "not has_identifiers and has_customer"),
        _no_object(voice.PHONE, "has_identifiers and first_key_leaf is null and phone_leaf is null"),
    ]


def _no_object(path: str, empty: str) -> _Finding:
    """A value that is no object; `empty` holds where none of its own values was read, and only then it is looked up."""
    return _Finding(f"{empty} and json_type(line, '$.{path}') not in ('OBJECT', 'NULL')", "wrong_type", path)


def _no_list(path: str, absent: str) -> _Finding:
    return _Finding(f"{absent} and json_type(line, '$.{path}') not in ('ARRAY', 'NULL')", "wrong_type", path)


def _findings_of(event_type: str) -> list[_Finding]:
    found: list[_Finding] = []
    for item in voice.FIELDS:
        if event_type in item.most_bytes:
            found += _field_findings(item, event_type)
    key, value = f"{voice.PHONE}.key", f"{voice.PHONE}.value"
    if event_type in voice.PHONE_REQUIRED:
        found.append(_Finding("phone is null", "missing_field", value))
    if event_type not in (voice.API, voice.SURVEY):
        found += [
            _Finding("first_key_leaf <> '\"phone\"'", "outside_domain", key),
            _Finding("first_key_leaf is null and phone_leaf is not null", "missing_field", key),
            _Finding("phone_leaf is not null and raw_phone is null", "wrong_type", value),
            _Finding("not regexp_full_match(raw_phone, '\\+?[0-9]*')", "outside_domain", value),
            *_text_findings(value, "raw_phone", voice.PHONE_BYTES),
        ]
    if event_type == voice.API:
        named = "coalesce(nullif(api_name, ''), nullif(api_alias, ''), nullif(outer_api_alias, ''))"
        found.append(_Finding(f"{named} is null", "missing_field", "context.api.apiName"))
    if event_type == voice.END:
        found.append(_Finding("raw_reason <> reason_of_end", "misspelt_type", "context.customer.reason"))
    if event_type == voice.CUSTOMER:
        odd = (
            "list_bool_or(list_transform(intent_leaves, lambda item: json_text(item.intent) is null "
            "or strlen(json_text(item.intent)) > 30 or double_of(item.score) is null "
            "or double_of(item.score) not between 0 and 1))"
        )
        response = "context.customer.nlp.realResponse"
        untold = "top_intent_leaf is null and top_score_leaf is null"
        found += [
            _Finding(odd, "outside_domain", f"{response}.intents[]"),
            _no_object(response, f"has_response and not has_top and intent_leaves is null and {untold}"),
            _no_object(f"{response}.topScoringIntent", f"has_top and {untold}"),
            _no_list(f"{response}.intents", "has_response and intent_leaves is null"),
        ]
    if event_type == voice.SOLVED:
        path = "context.agent.solution.previousSolutions"
        long = (
            "list_bool_or(list_transform(previous_leaves, lambda item: coalesce(strlen(json_text(item)) > 30, true)))"
        )
        found += [
            _Finding("last_solution = ''", "outside_domain", "context.agent.solution.lastSolution"),
            _Finding(
                f"previous_leaves is null and coalesce(json_type(line, '$.{path}'), 'NULL') = 'NULL'",
                "missing_field",
                path,
            ),
            _no_list(path, "previous_leaves is null"),
            _Finding(long, "outside_domain", f"{path}[]"),
        ]
    return found


def _field_findings(item: Field, event_type: str) -> list[_Finding]:
    leaf, column = _leaf(item), item.column if item.column != "raw_reason" else "reason_of_end"
    found = []
    wrong = f"{column} is null and {leaf} is not null"
    if item.kind in {"whole", "rounded"}:
        # A number of eight digits may be that of a phone: it is not kept, and no detail shows it.
        found.append(_Finding(f"abs(double_of({leaf})) >= 10000000", "outside_domain", item.path))
        wrong += f" and not coalesce(abs(double_of({leaf})) >= 10000000, false)"
    found.append(_Finding(wrong, "wrong_type", item.path))
    if event_type in item.required:
        found.append(_Finding(f"{leaf} is null", "missing_field", item.path))
    if item.kind == "rounded":
        found.append(_Finding(f"double_of({leaf}) <> {column}", "rounded", item.path))
    if item.kind in {"number", "whole", "rounded"}:
        found.append(_Finding(f"starts_with({leaf}, '\"') and {column} is not null", "numeric_string", item.path))
    if item.kind == "text":
        found += _text_findings(item.path, column, item.most_bytes[event_type])
    if isinstance(item.domain, tuple):
        least, most = item.domain
        outside = f"{column} < {least}" + (f" or {column} > {most}" if most != float("inf") else "")
        # A number of eight digits may be that of a phone, keyed where a grade was asked for.
        shown = f"case when abs({column}) < 10000000 then {column} end"
        found.append(_Finding(outside, "outside_domain", item.path, shown))
    elif item.domain is not None and event_type in item.domain:
        found.append(_Finding(f"{column} not in ({_quoted(item.domain[event_type])})", "outside_domain", item.path))
    return found
