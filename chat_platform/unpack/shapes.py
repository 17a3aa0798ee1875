"""What a set of JSON objects holds: from the distinct structures that occur to the columns and lists to read.

A structure is what DuckDB's `json_structure` says of one object. Many events share few structures, so the work here
grows with the variety of the data and not with its amount.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from chat_platform.unpack import naming

Path = tuple[str, ...]
# Kinds of value by what json_structure calls them. JSON stands for an object without keys; inside of lists, which are
# taken apart element by element, it is never asked.
_KINDS = {
    "VARCHAR": "text",
    "UBIGINT": "bigint",
    "BIGINT": "bigint",
    "DOUBLE": "double",
    "BOOLEAN": "bool",
    "NULL": "null",
    "JSON": "object",
}
# What from_json reads a kind as where a place holds no other. Whole numbers may be too great for a bigint.
_READ_AS = {"text": "VARCHAR", "bigint": "HUGEINT", "double": "DOUBLE", "bool": "BOOLEAN"}
SCALARS = frozenset(_READ_AS)


@dataclass
class Node:
    """One place in the objects: the kinds of value that stand there, and the places below it."""

    kinds: set[str] = field(default_factory=set)
    children: dict[str, "Node"] = field(default_factory=dict)


@dataclass
class Leaf:
    """A place that gives a column. `typed`: every value there is of one kind, and `source` has its type; else JSON."""

    path: Path
    column: str
    kinds: set[str]
    source: str
    typed: bool
    # Structures in which another place takes the column.
    yields_in: list[str] = field(default_factory=list)


@dataclass
class ListPlace:
    """A place that holds lists: `source` gives a list of JSON, `parts` is the name of its table below this one."""

    path: Path
    parts: tuple[str, ...]
    source: str


@dataclass
class Reading:
    """How to read objects: the structure for from_json (none where nothing is typed), columns and lists."""

    structure: dict[str, Any]
    leaves: list[Leaf]
    lists: list[ListPlace]


def kind_of(structure: Any) -> str:
    """Kind of a value by its structure."""
    if isinstance(structure, dict):
        return "object"
    return "list" if isinstance(structure, list) else _KINDS[structure]


class Shapes:
    """The structures of the objects of one table.

    `limit` is the greatest length of a name, `levels` the nesting that is still unfolded: what lies deeper stays one
    JSON value. `whole` says of a path that an object or list there stays one too. `reserved` are keys of the first
    level that are read elsewhere.
    """

    def __init__(
        self,
        structures: Iterable[str],
        limit: int,
        levels: int,
        reserved: frozenset[str],
        whole: Callable[[Path], bool],
    ) -> None:
        self.limit = limit
        self.levels = levels
        self.reserved = reserved
        self._whole = whole
        self.root = Node({"object"})
        self.yields: dict[Path, list[str]] = {}
        for text in structures:
            structure = orjson.loads(text)
            if not isinstance(structure, dict):
                continue  # an object without keys
            self._add(self.root, structure, ())
            self._find_collisions(text, structure)

    def stays_whole(self, path: Path) -> bool:
        """True where an object or list at this path is one JSON value."""
        return len(path) > self.levels or self._whole(path)

    def column(self, path: Path) -> str:
        """Name of the column of a place."""
        names = tuple(naming.path(key, self.limit) for key in path)
        return naming.joined(names, self.limit) if len(names) > 1 else names[0]

    def _add(self, node: Node, structure: dict[str, Any], path: Path) -> None:
        for key, value in structure.items():
            if not path and key in self.reserved:
                continue
            here = (*path, key)
            child = node.children.setdefault(key, Node())
            kind = kind_of(value)
            if kind in {"object", "list"} and self.stays_whole(here):
                child.kinds.add("json")
            else:
                child.kinds.add(kind)
                if isinstance(value, dict):
                    self._add(child, value, here)

    def _find_collisions(self, text: str, structure: dict[str, Any]) -> None:
        """Note where two keys of one object get the same column: the one that dlt would come to last keeps it."""
        owners: dict[str, Path] = {}
        waiting: list[tuple[dict[str, Any], Path]] = [(structure, ())]
        while waiting:
            level, path = waiting.pop()
            for key, value in level.items():
                here = (*path, key)
                if not path and key in self.reserved:
                    continue
                kind = kind_of(value)
                if kind in {"object", "list"} and not self.stays_whole(here):
                    if isinstance(value, dict):
                        waiting.append((value, here))
                    continue
                loser = owners.get(column := self.column(here))
                if loser is not None:
                    self.yields.setdefault(loser, []).append(text)
                owners[column] = here

    def reading(self, mixed: set[Path]) -> Reading:
        """How to read the objects. `mixed` are places that are not what their structure says (see tables.py)."""
        return _Reader(self, mixed).read()


class _Reader:
    def __init__(self, shapes: Shapes, mixed: set[Path]) -> None:
        self.shapes = shapes
        self.mixed = mixed
        self.leaves: list[Leaf] = []
        self.lists: list[ListPlace] = []

    def read(self) -> Reading:
        root = self.shapes.root
        structure: dict[str, Any] = {}
        if _is_struct(root):
            structure = self._struct(root, (), "object")
        else:
            self._json_object(root, (), "data", "")
        return Reading(structure, self.leaves, self.lists)

    def _struct(self, node: Node, path: Path, expression: str) -> dict[str, Any]:
        structure: dict[str, Any] = {}
        for key, child in node.children.items():
            here = (*path, key)
            place = f"{expression}.{quoted(key)}"
            kinds = child.kinds - {"null"}
            if len(kinds) > 1 or "json" in kinds or here in self.mixed or not _is_struct(child):
                structure[key] = "JSON"
                self._json(child, here, place, "")
            elif kinds == {"object"}:
                below = self._struct(child, here, place)
                if below:
                    structure[key] = below
            elif kinds == {"list"}:
                structure[key] = ["JSON"]
                self._list(here, place)
            elif kinds:
                (kind,) = kinds
                structure[key] = _READ_AS[kind]
                self._leaf(here, {kind}, place, typed=True)
        return structure

    def _json(self, node: Node, path: Path, base: str, pointer: str) -> None:
        value = f"json_extract({base}, {literal(pointer)})" if pointer else base
        kinds = node.kinds - {"null", "object", "list"}
        if kinds:
            self._leaf(path, kinds, value, typed=False)
        if "list" in node.kinds:
            self._list(path, f"case when json_type({value}) = 'ARRAY' then from_json({value}, '[\"JSON\"]') end")
            if node.children:
                # A pointer would count into lists as well.
                base, pointer = f"case when json_type({value}) = 'OBJECT' then {value} end", ""
        self._json_object(node, path, base, pointer)

    def _json_object(self, node: Node, path: Path, base: str, pointer: str) -> None:
        for key, child in node.children.items():
            step = key.replace("~", "~0").replace("/", "~1")
            self._json(child, (*path, key), base, f"{pointer}/{step}")

    def _leaf(self, path: Path, kinds: set[str], source: str, *, typed: bool) -> None:
        column = self.shapes.column(path)
        self.leaves.append(Leaf(path, column, kinds, source, typed, self.shapes.yields.get(path, [])))

    def _list(self, path: Path, source: str) -> None:
        parts = tuple(naming.path(key, self.shapes.limit) for key in path)
        self.lists.append(ListPlace(path, parts, source))


def _is_struct(node: Node) -> bool:
    """False where the keys of an object cannot be fields of one struct: empty, or equal but for their case."""
    folded = {key.casefold() for key in node.children}
    return "" not in node.children and len(folded) == len(node.children)


def quoted(name: str) -> str:
    """A name as SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL literal: only for keys and structures, which cannot be bound as parts of expressions."""
    return "'" + text.replace("'", "''") + "'"


def by_column(leaves: list[Leaf]) -> Iterator[tuple[str, list[int]]]:
    """Columns with the numbers of their leaves, in order of appearance."""
    found: dict[str, list[int]] = {}
    for number, leaf in enumerate(leaves):
        found.setdefault(leaf.column, []).append(number)
    yield from found.items()
