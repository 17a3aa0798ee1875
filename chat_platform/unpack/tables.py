"""Events into tables: one an event type, one a list, made and widened as the data asks for (rasa spec, section 2).

Works level by level: the events of one type, then the elements of their lists, then the lists in those. Each level is
a few statements for DuckDB, built from the distinct structures that occur. Which type a column has is decided by the
first value that arrives, as in dlt; a value that would not be the same in that type goes to a variant of the column.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from chat_platform.sql import load_sql
from chat_platform.unpack import naming
from chat_platform.unpack.shapes import Leaf, Path, Reading, Shapes, by_column, literal, quoted
from chat_platform.warehouse.connection import Warehouse

_PACKAGE = "chat_platform.unpack"
# Nesting that is unfolded, objects and lists alike; what lies deeper stays one JSON value.
MAX_LEVELS = 100
# The events of one load, see events.sql. What is in between lies in temporary tables: those of a database in memory are
# packed by the next statement that changes it, which takes longer than all of them.
UNPACKED = "unpacked_events"
# A row of Postgres has 8 KB for its columns; what comes after these goes into one that holds JSON.
MAX_COLUMNS = 400
MORE = "_more"
# What the models of dbt read of a type of events, beside what all have: columns of their own in a table of any width.
READ: dict[str, frozenset[str]] = {
    "user": frozenset({
        "text", "parse_data__intent__name", "parse_data__intent__confidence", "input_channel", "message_id",
        "parse_data__message_id",
    }),
    "bot": frozenset({"text", "metadata__utter_action", "metadata__template_name"}),
    "action": frozenset({"name", "policy", "confidence"}),
    "slot": frozenset({"name", "value"}),
    **dict.fromkeys(("active_loop", "form"), frozenset({"name"})),
    **dict.fromkeys(
        ("flow_started", "flow_completed", "flow_cancelled", "flow_interrupted", "flow_resumed"),
        frozenset({"flow_id", "step_id"}),
    ),
}  # fmt: skip
# Types of events that the settings user_id and external_session_id may name a column of.
_NAMING = ("user", "action", "session_started")
# Text, number, truth, time: what they are called in the two databases.
_TYPES = {
    "text": "varchar",
    "bigint": "bigint",
    "double": "double precision",
    "bool": "boolean",
    "timestamp": "timestamp with time zone",
    "date": "date",
}
_KIND_OF_TYPE = {
    "character varying": "text", "varchar": "text", "text": "text", "bigint": "bigint", "double": "double",
    "double precision": "double", "boolean": "bool", "timestamp with time zone": "timestamp", "json": "json",
    "jsonb": "json",
}  # fmt: skip
# (type of the column, kind of the value) that go together, with a macro of that name; some values, or all of them.
_SOME = {("timestamp", "text"), ("bigint", "text"), ("double", "text"), ("bool", "text"), ("double", "bigint"),
         ("bigint", "double")}  # fmt: skip
_ALL = {("text", "bigint"), ("text", "double"), ("text", "bool"), ("text", "json")}
# Texts that stay texts, also where the first one looks like a time.
_SAID = {
    ("event_user", "text"), ("event_user", "parse_data__text"), ("event_bot", "text"), ("event_slot", "value"),
}  # fmt: skip
ROOT_SYSTEM = ("_dlt_id", "_dlt_load_id", "sender_id", "timestamp", "event")
CHILD_SYSTEM = ("_dlt_id", "_dlt_parent_id", "_dlt_root_id", "_dlt_list_idx")
# What every event has; read beforehand, so no key of these names is looked for.
ENVELOPE = frozenset({"sender_id", "timestamp", "event"})
_SYSTEM_TYPES = {"timestamp": "double", "_dlt_list_idx": "bigint"}
Columns = dict[str, str]


@dataclass(frozen=True)
class Level:
    """Objects of events to unpack into one table. `source` is a relation with data and the columns `system`.

    The events of `unpacked_events` lie in it in any order, what is of one event in its own. `parts` are the names on
    the way to the table, `depth` the nesting on it. `structures` are those of data where they are known. Where
    `reading` is given, the relation has typed elements instead of data. `own_id` gives `_dlt_id`, which the relation
    itself need not have.
    """

    table: str
    parts: tuple[str, ...]
    source: str
    system: tuple[str, ...]
    depth: int = 0
    structures: tuple[str, ...] = ()
    reading: Reading | None = None
    own_id: str = "_dlt_id"

    @property
    def is_root(self) -> bool:
        """True for events, False for elements of lists."""
        return self.system == ROOT_SYSTEM

    @property
    def event_id(self) -> str:
        """Column that holds the id of the event."""
        return "_dlt_id" if self.is_root else "_dlt_root_id"


@dataclass
class _Column:
    """A column to be: the kinds that occur for it, in the order in which they came."""

    name: str
    number: int
    kinds: list[str] = field(default_factory=list)


class Unpacker:
    """Fills the tables of one schema of the warehouse: `unpack` levels, then `insert` all rows in a transaction.

    Tables and columns are made at once, outside of a transaction: DuckDB cannot commit a table that was changed and
    then altered. Without rows they say nothing. Columns that are there stay as they are, whoever made them; the
    catalogue of the warehouse is the only memory.
    """

    def __init__(self, warehouse: Warehouse, max_name: int) -> None:
        self.warehouse = warehouse
        self.schema = warehouse.settings.schema_name("event")
        self.max_name = max_name
        self.rows: dict[str, int] = {}
        self._inserts: list[str] = []
        self._passing: list[str] = []
        warehouse.execute(load_sql(_PACKAGE, "macros"))

    @cached_property
    def catalogue(self) -> dict[str, Columns]:
        """Tables of the schema with their columns and the kinds these hold."""
        rows = self.warehouse.native_rows(
            "select table_name, column_name, data_type from information_schema.columns "
            f"where table_schema = '{self.schema}' and table_catalog = current_database()"
        )
        found: dict[str, Columns] = {}
        for table, column, kind in self.warehouse.execute(
            f"select table_name, column_name, lower(data_type) from {rows}"
        ).fetchall():
            found.setdefault(table, {})[column] = _KIND_OF_TYPE.get(kind, "other")
        return found

    def name(self, table: str) -> str:
        """A table of the schema as SQL."""
        return f"{quoted(self.schema)}.{quoted(table)}"

    def ensure(self, table: str, columns: Columns) -> None:
        """Make the table, or the columns that it lacks."""
        known = self.catalogue.get(table)
        wanted = [f"{quoted(name)} {self._type(kind)}" for name, kind in columns.items() if name not in (known or {})]
        if known is None:
            self._native(f"create table {self.name(table)} ({', '.join(wanted)})")
        else:
            for column in wanted:
                self._native(f"alter table {self.name(table)} add column {column}")
        if wanted and self.warehouse.settings.is_postgres:
            self.warehouse.execute("call pg_clear_cache()")
        self.catalogue[table] = {**columns, **(known or {})}

    def insert(self) -> None:
        """Insert the rows of all levels that were unpacked, in the transaction that is open."""
        for statement in self._inserts:
            self.warehouse.execute(statement)

    def clear(self) -> None:
        """Forget what was unpacked, once it is inserted."""
        for table in [UNPACKED, *self._passing]:
            self.warehouse.execute(f"drop table if exists temp.{table}")
        self._inserts, self._passing = [], []

    def insert_later(self, table: str, names: Iterable[str], select: str) -> None:
        """Note an insert; `select` gives the columns in this order."""
        self._inserts.append(f"insert into {self.name(table)} ({', '.join(map(quoted, names))}) {select}")

    def unpack(self, level: Level) -> None:
        """Read a level and the lists in it, and make what their tables lack."""
        levels = [level]
        while levels:
            levels += self._unpack_one(levels.pop(0))

    @cached_property
    def read_elsewhere(self) -> dict[str, frozenset[str]]:
        """Columns that must not go into the one for the rest, by table."""
        settings = self.warehouse.settings
        named = frozenset({settings.rasa_user_id, settings.rasa_external_session_id})
        return {
            f"event_{event}": READ.get(event, frozenset()) | (named if event in _NAMING else frozenset())
            for event in {*READ, *_NAMING}
        }

    def _native(self, sql: str) -> None:
        self.warehouse.native(sql)

    def _type(self, kind: str) -> str:
        if kind == "json":
            return "jsonb" if self.warehouse.settings.is_postgres else "json"
        return _TYPES[kind]

    def _temp(self, select: str) -> str:
        # Which element of the lists of an event came first is told by the number of its row.
        name = f"unpacked_{len(self._passing)}"
        self._passing.append(name)
        self.warehouse.execute(f"create or replace temp table {name} as {select}")
        return name

    def _unpack_one(self, level: Level) -> list[Level]:
        if level.reading is not None:
            flat, columns, _ = self._flatten(level, level.reading)
            self._insert(level, flat, columns)
            return []
        structures = level.structures or tuple(
            text
            for (text,) in self.warehouse.execute(
                f"select distinct json_structure(data) as structure from {level.source} order by structure"
            ).fetchall()
        )
        if not structures:
            return []
        reserved = ENVELOPE if level.is_root else frozenset[str]()
        shapes = Shapes(structures, self.max_name, MAX_LEVELS - level.depth, reserved, _stays_whole(level))
        mixed: set[Path] = set()
        while True:
            reading = shapes.reading(mixed)
            flat, columns, odd = self._flatten(level, reading)
            if not odd:
                break
            # Some numbers are greater than their type: read these places as JSON.
            mixed |= odd
        self._insert(level, flat, columns)
        return self._lists(level, flat, reading)

    def _flatten(self, level: Level, reading: Reading) -> tuple[str, list[_Column], set[Path]]:
        """One row an object, one column for each column and kind (`c3_text`) and each list (`l0`)."""
        inner, outer = [], []
        for number, leaf in enumerate(reading.leaves):
            value = leaf.source
            if leaf.yields_in:
                others = ", ".join(literal(text) for text in leaf.yields_in)
                value = f"case when json_structure(data) not in ({others}) then {value} end"
            inner.append(f"{value} as v{number}")
        columns = []
        for place, (name, numbers) in enumerate(by_column(reading.leaves)):
            column = _Column(name, place)
            sources: dict[str, list[str]] = {}
            for number in numbers:
                for kind, expression in _by_kind(reading.leaves[number], f"v{number}"):
                    sources.setdefault(kind, []).append(expression)
            for kind, expressions in sources.items():
                column.kinds.append(kind)
                value = expressions[0] if len(expressions) == 1 else f"coalesce({', '.join(expressions)})"
                outer.append(f"{value} as c{place}_{kind}")
            columns.append(column)
        for number, item in enumerate(reading.lists):
            inner.append(f"{item.source} as l{number}")
            outer.append(f"l{number}")
        parsed = f"select *, from_json(data, {literal(json.dumps(reading.structure))}) as object from {level.source}"
        if not reading.structure:
            parsed = f"select * from {level.source}"
        system = [quoted(name) for name in level.system[1:]]
        # Elements are unfolded by one processor; their ids are made by all of them, where they are inserted.
        own_id = [] if level.reading is not None else [f"{level.own_id} as _dlt_id"]
        kept = ", ".join([*(["_dlt_id"] if own_id else []), *system, *outer])
        flat = self._temp(f"select {kept} from (select {', '.join([*own_id, *system, *inner])} from ({parsed}))")
        return flat, *self._look(level, reading, flat, columns)

    def _look(
        self, level: Level, reading: Reading, flat: str, columns: list[_Column]
    ) -> tuple[list[_Column], set[Path]]:
        """The columns with the kinds that occur, and the places whose numbers do not fit."""
        # No aggregate has a filter, and none a comparison within: of a wide event there are thousands, and DuckDB
        # takes ten seconds over those.
        asked: list[tuple[_Column, str, str]] = []
        for column in columns:
            for kind in column.kinds:
                value = f"c{column.number}_{kind}"
                asked.append((column, kind, f"count({value})"))
                if kind == "text" and self._reads_times(level, column.name):
                    asked.append((column, "timestamp", f"count(case when is_time({value}) then 1 end)"))
        checks: list[tuple[Path, str]] = []
        for column in columns:
            for leaf in reading.leaves:
                if leaf.form == "typed" and leaf.column == column.name:
                    value = f"c{column.number}_{next(iter(leaf.kinds))}"
                    if "bigint" in leaf.kinds:
                        checks.append(
                            (leaf.path, f"min({value}) < -9223372036854775808 or max({value}) > 9223372036854775807")
                        )
                    elif "double" in leaf.kinds:
                        checks.append((leaf.path, f"max(abs({value})) >= 9.2e18"))
        selected = [expression for *_, expression in asked] + [expression for _, expression in checks]
        if not selected:
            return columns, set()
        found = self.warehouse.execute(f"select {', '.join(selected)} from {flat}").fetchone() or ()
        odd = {path for (path, _), flag in zip(checks, found[len(asked) :], strict=True) if flag}
        for column in columns:
            column.kinds = []
        counts = {(column.number, kind): count for (column, kind, _), count in zip(asked, found, strict=False)}
        for column, kind, _ in asked:
            # A text that can be read as a time is no text, but where one that cannot came before it.
            times = counts.get((column.number, "timestamp"), 0) if kind == "text" else 0
            if counts[column.number, kind] > times:
                column.kinds.append(kind)
        if not odd:
            self._order_kinds(level, flat, [column for column in columns if len(column.kinds) > 1])
        return columns, odd

    def _order_kinds(self, level: Level, flat: str, columns: list[_Column]) -> None:
        """Put the kinds of columns that hold several into the order in which they came."""
        asked: list[tuple[_Column, str, str]] = []
        times = []
        for column in columns:
            if "timestamp" in column.kinds:
                times.append(f"is_time(flat.c{column.number}_text) as t{column.number},")
            for kind in column.kinds:
                there = f"c{column.number}_{kind} is not null"
                if kind == "timestamp":
                    there = f"t{column.number}"
                elif kind == "text" and "timestamp" in column.kinds:
                    there = f"{there} and not t{column.number}"
                asked.append((column, kind, f"min(case when {there} then place end)"))
        if not asked:
            return
        found = self.warehouse.execute(f"""
            select {", ".join(expression for *_, expression in asked)}
            from (
                select
                    flat.*,
                    {" ".join(times)}
                    create_sort_key(
                        row(origin.source_file, origin.byte_offset, origin.position, flat.rowid), 'asc nulls last'
                    ) as place
                from {flat} as flat
                inner join {UNPACKED} as origin on origin._dlt_id = flat.{level.event_id}
            )
            """).fetchone()
        places = {(column.number, kind): place for (column, kind, _), place in zip(asked, found or (), strict=True)}
        for column in columns:
            column.kinds.sort(key=lambda kind: places[column.number, kind])

    def _reads_times(self, level: Level, column: str) -> bool:
        # What was said and what fills a slot has to read the same whatever came first.
        return (level.table, column) not in _SAID

    def _insert(self, level: Level, flat: str, columns: list[_Column]) -> None:
        plan = _Plan(self, level, flat)
        for column in columns:
            plan.place(column)
        plan.finish()
        system = {name: _SYSTEM_TYPES.get(name, "text") for name in level.system}
        self.ensure(level.table, {**system, **plan.types})
        values = [
            level.own_id if level.reading is not None else "_dlt_id",
            *(quoted(name) for name in level.system[1:]),
            *(found[0] if len(found) == 1 else f"coalesce({', '.join(found)})" for found in plan.values.values()),
        ]
        self.insert_later(level.table, [*level.system, *plan.values], f"select {', '.join(values)} from {flat}")
        (rows,) = self.warehouse.execute(f"select count(*) from {flat}").fetchone() or (0,)
        self.rows[level.table] = self.rows.get(level.table, 0) + rows

    def _lists(self, level: Level, flat: str, reading: Reading) -> list[Level]:
        """The lists of a level as levels of their own, elements in their order."""
        found = []
        for number, item in enumerate(reading.lists):
            parts = (*level.parts, *item.parts)
            table = naming.joined(parts, self.max_name)
            place = literal(json.dumps(item.path))
            elements = f"""
                select
                    _dlt_parent_id, _dlt_root_id, _dlt_list_idx,
                    {"as_object(element) as data" if item.reading is None else "element"}
                from (
                    select
                        _dlt_id as _dlt_parent_id, {level.event_id} as _dlt_root_id, unnest(l{number}) as element,
                        generate_subscripts(l{number}, 1) - 1 as _dlt_list_idx
                    from {flat} where len(l{number}) > 0
                )
                """
            # JSON is looked at twice: for its structures, and for its values.
            source = self._temp(elements) if item.reading is None else f"({elements})"
            depth = level.depth + len(item.path)
            own_id = f"row_id(concat_ws('/', _dlt_parent_id, {place}, _dlt_list_idx))"
            found.append(Level(table, parts, source, CHILD_SYSTEM, depth, reading=item.reading, own_id=own_id))
        return found


class _Plan:
    """Which column of a table each value goes to."""

    def __init__(self, unpacker: Unpacker, level: Level, flat: str) -> None:
        self.unpacker = unpacker
        self.flat = flat
        self.known = unpacker.catalogue.get(level.table, {})
        self.system = level.system
        self.read = unpacker.read_elsewhere.get(level.table, frozenset())
        self.types: Columns = {}
        self.values: dict[str, list[str]] = {}
        self.more: dict[str, list[str]] = {}

    def finish(self) -> None:
        """Bring what found no column of its own together."""
        if not self.more:
            return
        members = ", ".join(
            f"{{'name': {literal(name)}, 'value': {value}}}" for name, values in self.more.items() for value in values
        )
        kept = f"list_filter([{members}], lambda member: member.value is not null)"
        entries = f"list_transform({kept}, lambda member: {{'key': member.name, 'value': member.value}})"
        self.types[MORE] = "json"
        self.values[MORE] = [f"case when len({kept}) > 0 then to_json(map_from_entries({entries})) end"]

    def place(self, column: _Column) -> None:
        """Find places for all kinds of a column, in the order in which they came."""
        for kind in column.kinds:
            value = f"c{column.number}_{'text' if kind == 'timestamp' else kind}"
            self._place(column.name, kind, value)

    def _type_of(self, name: str) -> str | None:
        if name in self.system:
            return "system"
        return self.types.get(name) or self.known.get(name)

    def _place(self, name: str, kind: str, value: str) -> None:
        there = self._type_of(name)
        value_kind = "text" if kind == "timestamp" else kind
        is_full = len(self.known) + len(self.types) >= MAX_COLUMNS
        if there is None and is_full and name.split("__v_")[0] not in self.read:
            found = self.more.setdefault(name, [])
            if f"to_json({value})" not in found:
                found.append(f"to_json({value})")
            return
        if there is None:
            there = self.types[name] = kind
        same = there == value_kind
        if same or (there, value_kind) in _ALL:
            self._add(name, value if same and kind != "bigint" else _converted(there, value_kind, value))
            return
        rest = value
        if (there, value_kind) in _SOME:
            converted = _converted(there, value_kind, value)
            self._add(name, converted)
            rest = f"case when {converted} is null then {value} end"
            if not self._any(rest):
                return
        variant = naming.joined((name, f"v_{value_kind}"), self.unpacker.max_name)
        # A text that is left over is text, even where it could be read as a time: the next one could not.
        self._place(variant, value_kind, rest)

    def _any(self, value: str) -> bool:
        found = self.unpacker.warehouse.execute(f"select bool_or({value} is not null) from {self.flat}").fetchone()
        return bool(found and found[0])

    def _add(self, name: str, expression: str) -> None:
        found = self.values.setdefault(name, [])
        if expression not in found:
            found.append(expression)


def _converted(column: str, kind: str, value: str) -> str:
    return f"cast({value} as bigint)" if column == kind == "bigint" else f"{kind}_to_{column}({value})"


def _by_kind(leaf: Leaf, value: str) -> list[tuple[str, str]]:
    """The kinds that a leaf may give, each with its expression."""
    if leaf.form == "typed":
        return [(next(iter(leaf.kinds)), value)]
    if leaf.form == "digits":
        return [(kind, f"digits_{kind}({value})") for kind in ("bigint", "double", "text")]
    kinds = set(leaf.kinds)
    if kinds & {"bigint", "double"}:
        kinds.add("text")
    return [(kind, f"json_{kind}({value}, json_type({value}))") for kind in sorted(kinds)]


def _stays_whole(level: Level) -> Any:
    # A slot can be filled with anything; what was filled in stays one value.
    return lambda path: level.table == "event_slot" and level.is_root and path == ("value",)
