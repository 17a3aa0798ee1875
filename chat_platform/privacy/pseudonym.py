"""HMAC-SHA256 pseudonyms, computed inside DuckDB.

The key enters a connection as two bound, padded blocks (RFC 2104); no statement, log or error holds it.
The macro `pseudonym` of lake/sql/macros.sql does the rest.
"""

import hashlib

import duckdb

_BLOCK = 64


def set_key(connection: duckdb.DuckDBPyConnection, key: str) -> None:
    """Make `pseudonym()` of this connection use `key`."""
    secret = key.encode()
    if len(secret) > _BLOCK:
        secret = hashlib.sha256(secret).digest()
    secret = secret.ljust(_BLOCK, b"\0")
    for name, pad in (("inner_pad", 0x36), ("outer_pad", 0x5C)):
        connection.execute(f"set variable {name} = $1::blob", [bytes(byte ^ pad for byte in secret)])
