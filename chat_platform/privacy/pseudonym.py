"""HMAC-SHA256 pseudonyms, computed inside DuckDB.

A key enters a connection as two bound, padded blocks (RFC 2104); no statement, log or error holds it.

The lake always uses the first key. What is published is under the newest: the pseudonym of version 1 is
HMAC(key 1, id), that of version n is HMAC(key n, pseudonym of version n - 1). So a pseudonym can be moved to a new key
without knowing whose it is, and all of them are moved at once: no link breaks (docs/privacy.md).
"""

import hashlib
import hmac
from collections.abc import Sequence

import duckdb

_BLOCK = 64


def set_key(connection: duckdb.DuckDBPyConnection, key: str, version: int = 1) -> None:
    """Make `pseudonym()` of this connection use `key`; of a later version, only the statements of `moving`."""
    secret = key.encode()
    if len(secret) > _BLOCK:
        secret = hashlib.sha256(secret).digest()
    secret = secret.ljust(_BLOCK, b"\0")
    suffix = "" if version == 1 else f"_{version}"
    for name, pad in (("inner_pad", 0x36), ("outer_pad", 0x5C)):
        connection.execute(f"set variable {name}{suffix} = $1::blob", [bytes(byte ^ pad for byte in secret)])


def key_check(key: str) -> str:
    """Mark by which two keys can be told apart; says nothing else about the key."""
    return hmac.new(key.encode(), b"chat-platform key check", hashlib.sha256).hexdigest()[:16]


def moving(expression: str, version: int, to_version: int) -> str:
    """SQL that takes a pseudonym from one version of the key to a later one."""
    for number in range(version + 1, to_version + 1):
        expression = (
            f"sha256(getvariable('outer_pad_{number}') "
            f"|| unhex(sha256(getvariable('inner_pad_{number}') || encode({expression}))))"
        )
    return expression


def set_published_key(connection: duckdb.DuckDBPyConnection, keys: Sequence[str]) -> None:
    """Create the macro `published_key` (lake pseudonym → the one that is published) and `published_key_version()`."""
    for version, key in enumerate(keys[1:], start=2):
        set_key(connection, key, version)
    newest = max(1, len(keys))
    connection.execute(f"create or replace temp macro published_key(key) as {moving('key', 1, newest)}")
    connection.execute(f"create or replace temp macro published_key_version() as {newest}")
