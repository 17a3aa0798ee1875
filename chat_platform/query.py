"""Questions to the last complete publish; nothing here can write."""

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
