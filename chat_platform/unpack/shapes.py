"""What a set of JSON objects holds: from the distinct structures that occur to the columns and lists to read.

A structure is what DuckDB's `json_structure` says of one object. Many events share few structures, so the work here
grows with the variety of the data and not with its amount.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from chat_platform.unpack import naming

Path = tuple[str, ...]
# Kinds of value by what json_structure calls them. JSON stands for an object without keys; inside of lists, which are
# taken apart element by element, it is never asked.
_KINDS = {
    "VARCHAR": "text",
    "UBIGINT": "bigint",
    "BIGINT": "bigint",
    "HUGEINT": "bigint",
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
    # Where lists stand: what their elements are, and whether there is more in them than values and flat objects.
    elements: "Node | None" = None
    has_depth: bool = False


@dataclass
class Leaf:
    """A place that gives a column.

    `source` is typed where every value there is of one kind, else JSON; digits are numbers as they are written.
    """

    path: Path
    column: str
    kinds: set[str]
    source: str
    form: Literal["typed", "json", "digits"]
    # Structures in which another place takes the column.
    yields_in: list[str] = field(default_factory=list)


@dataclass
class ListPlace:
    """A place that holds lists: `parts` is the name of its table below this one.

    `source` gives a list of JSON, or of typed elements where these are values or flat objects; `reading` is for those.
    """

    path: Path
    parts: tuple[str, ...]
    source: str
    reading: "Reading | None" = None


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
                elif isinstance(value, list):
                    _add_elements(child, value[0])

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
                element, reading = self._flat_elements(child)
                structure[key] = [element]
                self._list(here, place, reading)
            elif kinds:
                (kind,) = kinds
                structure[key] = _READ_AS[kind]
                self._leaf(here, {kind}, place, "typed")
        return structure

    def _flat_elements(self, node: Node) -> tuple[Any, Reading | None]:
        """What from_json reads an element as, and how to read on from there; JSON, and none, where it has depth."""
        kinds = node.elements.kinds - {"null"} if node.elements is not None else set()
        if node.elements is None or node.has_depth or not kinds:
            return "JSON", None
        if kinds != {"object"}:
            leaf = _element_leaf("value", "value", kinds, "element")
            if leaf is None:
                return "JSON", None
            return "BOOLEAN" if kinds == {"bool"} else "VARCHAR", Reading({}, [leaf], [])
        structure: dict[str, str] = {}
        leaves: list[Leaf] = []
        for key, child in node.elements.children.items():
            below = child.kinds - {"null"}
            leaf = _element_leaf(key, self.shapes.column((key,)), below, f"element.{quoted(key)}")
            if below and leaf is None:
                return "JSON", None
            if leaf is not None:
                leaves.append(leaf)
                structure[key] = "BOOLEAN" if leaf.kinds == {"bool"} else "VARCHAR"
        names = {self.shapes.column((key,)) for key in node.elements.children}
        if not leaves or not _is_struct(node.elements) or len(names) < len(node.elements.children):
            return "JSON", None
        return structure, Reading({}, leaves, [])

    def _json(self, node: Node, path: Path, base: str, pointer: str) -> None:
        value = f"json_extract({base}, {literal(pointer)})" if pointer else base
        kinds = node.kinds - {"null", "object", "list"}
        if kinds:
            self._leaf(path, kinds, value, "json")
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

    def _leaf(self, path: Path, kinds: set[str], source: str, form: Literal["typed", "json"]) -> None:
        column = self.shapes.column(path)
        self.leaves.append(Leaf(path, column, kinds, source, form, self.shapes.yields.get(path, [])))

    def _list(self, path: Path, source: str, reading: Reading | None = None) -> None:
        parts = tuple(naming.path(key, self.shapes.limit) for key in path)
        self.lists.append(ListPlace(path, parts, source, reading))


def _add_elements(node: Node, structure: Any) -> None:
    """Note what the elements of a list are; their structures come as one, where whole numbers may hide in doubles."""
    node.elements = node.elements or Node()
    if isinstance(structure, dict):
        node.elements.kinds.add("object")
        for key, value in structure.items():
            child = node.elements.children.setdefault(key, Node())
            if isinstance(value, dict | list) or value == "JSON":
                node.has_depth = True
            else:
                child.kinds.add(_KINDS[value])
    elif isinstance(structure, list) or structure == "JSON":
        node.has_depth = True
    else:
        node.elements.kinds.add(_KINDS[structure])


def _element_leaf(key: str, column: str, kinds: set[str], source: str) -> Leaf | None:
    """A place in the elements of lists; none where values of several kinds stand there, or nothing."""
    if kinds and kinds <= {"bigint", "double"}:
        return Leaf((key,), column, kinds, source, "digits")
    return Leaf((key,), column, kinds, source, "typed") if kinds in ({"text"}, {"bool"}) else None


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
