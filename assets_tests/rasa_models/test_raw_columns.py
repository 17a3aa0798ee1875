"""How values of the raw tables are read: the same on every warehouse, whatever its session is set to."""

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import duckdb
import jinja2
import pytest

from chat_platform.dbt.project import PROJECT_DIR

NUMBERS = {
    "0.5": 0.5, "5": 5.0, "-1.25e-3": -0.00125, "1E2": 100.0, "7.": 7.0, "9" * 50: float("9" * 50),
    "": None, "high": None, "0,5": None, "1e999": None, "9" * 400: None, "NaN": None, "1 2": None, "5\n": None,
}  # fmt: skip


def rendered(target: str, call: str) -> str:
    """SQL of a call of a macro."""
    macros = "".join((PROJECT_DIR / "macros" / f"{name}.sql").read_text("utf-8") for name in ("mask", "raw_columns"))
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)
    return environment.from_string(f"{macros}{{{{ {call} }}}}").render(target={"type": target}).strip()


@pytest.fixture(params=["duckdb", "postgres"])
def ask(request: pytest.FixtureRequest) -> Callable[..., list[Any]]:
    """Values of a macro's SQL for the column `value` of some texts, cast to a type; the session is in Sao Paulo."""

    def asked(call: str, texts: Sequence[str], kind: str = "varchar") -> list[Any]:
        select = f"select {rendered(request.param, call)} from (select cast(:given as {kind}) as value) as given"
        if request.param == "duckdb":
            with closing(duckdb.connect()) as connection:
                connection.execute("set timezone = 'America/Sao_Paulo'")
                return [connection.execute(select.replace(":given", "?"), [text]).fetchall()[0][0] for text in texts]
        import psycopg2

        with closing(psycopg2.connect(request.getfixturevalue("postgres"))) as server, server.cursor() as cursor:
            cursor.execute("set time zone 'America/Sao_Paulo'")
            found = []
            for text in texts:
                cursor.execute(select.replace("%", "%%").replace(":given", "%s"), [text])
                found.append(cursor.fetchone()[0])
            return found

    return asked


def test_text_that_is_a_number_is_read_as_one(ask: Callable[..., list[Any]]) -> None:
    assert dict(zip(NUMBERS, ask("number_in_text('value')", list(NUMBERS)), strict=True)) == NUMBERS


def test_a_moment_is_one_text_in_whatever_zone(ask: Callable[..., list[Any]]) -> None:
    moments = ["2026-01-05 10:00:00+00", "2026-01-05 07:00:00.25-03"]
    assert ask("column_text('value', 'TIMESTAMP WITH TIME ZONE')", moments, "timestamp with time zone") == [
        "2026-01-05 10:00:00+00",
        "2026-01-05 10:00:00.25+00",
    ]
