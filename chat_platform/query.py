"""Questions to the last complete publish; nothing here can write."""

import math
from decimal import Decimal
from typing import Any

import duckdb

from chat_platform.errors import ChatPlatformError
from chat_platform.settings import Settings
from chat_platform.warehouse.connection import open_published


def read_rows(settings: Settings, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Names of the columns and rows of one reading statement. Raises ChatPlatformError where it is refused."""
    with open_published(settings) as connection:
        # Neither files nor extensions nor other databases are within reach of the statement.
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        try:
            statements = connection.extract_statements(sql)
            if len(statements) != 1:
                raise ChatPlatformError(f"Give one SQL statement; these are {len(statements)}.")
            result = connection.execute(statements[0])
        except duckdb.Error as error:
            # The statement is the caller's own, so what is wrong with it may be told.
            raise ChatPlatformError(f"The statement is refused: {str(error).splitlines()[0]}") from None
        names = [column[0] for column in result.description or []]
        return names, result.fetchall()


def distinct_names(names: list[str]) -> list[str]:
    """The names of columns, those that stand there again numbered: `a, a` → `a, a_2`."""
    made: list[str] = []
    for name in names:
        number, own = 1, name
        while own in made or (number > 1 and own in names):
            number += 1
            own = f"{name}_{number}"
        made.append(own)
    return made


def json_value(value: Any) -> Any:
    """A value as JSON can hold it without loss: decimals as numbers where those are exact, else as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() and Decimal(repr(float(value))) == value else str(value)
    return value
