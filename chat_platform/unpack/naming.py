"""Names of tables and columns from keys, as dlt makes them (rasa spec, section 2).

Snake case in lower case, `__` between the levels, long names shortened around a tag. Names only: nothing here looks at
data, so the cost grows with the number of different keys and not with the number of events.
"""

import base64
import hashlib
import re
from functools import cache

SEPARATOR = "__"
EMPTY = "_empty"
# Of a shortened name the tag has this many bytes of hash: ones that are equal by chance are one in a million.
_TAG_BYTES = 4
_ASCII_SIGNS = str.maketrans("+-*@|", "x_xal")
_NOT_WORD = re.compile(r"[^a-zA-Z\d_]+")
_WORD_IN_CAPITALS = re.compile(r"([^_])([A-Z][a-z]+)")
_CAPITAL_AFTER_SMALL = re.compile(r"([a-z0-9])([A-Z])")
_UNDERSCORES = re.compile(r"__+")


@cache
def identifier(key: str, limit: int) -> str:
    """One level of a name. `limit` is the greatest length of a name in characters (all of them ASCII but digits)."""
    name = _NOT_WORD.sub("_", key.strip().translate(_ASCII_SIGNS))
    name = _WORD_IN_CAPITALS.sub(r"\1_\2", name)
    name = _CAPITAL_AFTER_SMALL.sub(r"\1_\2", name).lower()
    if re.match(r"\d", name):
        name = "_" + name
    kept = name.rstrip("_")
    # An underscore at the end would run into the separator.
    name = _UNDERSCORES.sub("_", kept + "x" * (len(name) - len(kept)))
    return shortened(name, key.strip(), limit)


@cache
def path(key: str, limit: int) -> str:
    """Name of a key; one that holds the separator is a path by itself. A key without a character is `_empty`."""
    parts = [identifier(part, limit) for part in key.split(SEPARATOR) if part.strip()]
    return shortened(SEPARATOR.join(parts), key, limit) if parts else EMPTY


def joined(parts: tuple[str, ...], limit: int) -> str:
    """Name of a nested place from the names of its levels."""
    name = SEPARATOR.join(parts)
    return shortened(name, name, limit)


def shortened(name: str, origin: str, limit: int) -> str:
    """`name`, or its beginning and end around a tag made from `origin` where it is longer than `limit`."""
    if len(name) <= limit:
        return name
    digest = hashlib.shake_128(origin.encode()).digest(_TAG_BYTES)
    tag = base64.b64encode(digest).decode().rstrip("=").replace("/", "a").replace("+", "b").lower()
    room = limit - len(tag)
    return name[: room - room // 2] + tag + name[len(name) - room // 2 :]
