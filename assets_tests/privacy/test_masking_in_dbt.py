"""The masking macro of the dbt models is the platform's own, on every warehouse."""

import re
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest

from chat_platform.dbt.project import PROJECT_DIR
from chat_platform.sql import load_sql

TEXTS = [
    "ana@example.com", "write to <josé@exemplo.com.br>, please", "o'brien@example.com or ana%40example.com",
    "用户@例子.中国", "+55 11 91234-5678", "+55 (11) 91234-5678", "(11) 91234-5678", "call 11 91234-5678 now",
    "4111 1111 1111 1111", "4111\u00a01111\u00a01111\u00a01111", "123.456.789-09", "12.345.678/0001-90", "12345678",
    "01 23 45 67 89", "91234\u20101234", "https://user:pass@host/path?token=abc&x=1",
    "Authorization: Bearer abcdefgh12345",
    'api_key": "s3cret"', "2026-01-05 10:00", "version 1.2.3 of 2025", "a plain sentence about 100 apples", "",
    "1 1 9 8 7 6 5 4 3 2 1", "https://a.example/?q=%2811%29%2091234%205678", "11 987 654 321 or 11+91234+5678",
    "password=hunter2 and SECRET=x", "tel:+4915112345678, 2nd", "é 91234-1234 é",
    "cpf123.456.789-09", "é98765-4321_x", "x_11 98765-4321_x", "a_4111 1111 1111 1111b", "11%2091234%2D5678",
    "11_98765_4321", "ab12cd_34ef, key=1",
]  # fmt: skip


def rendered(target: str) -> str:
    """The macro's SQL for a column named `text`."""
    source = (PROJECT_DIR / "macros" / "mask.sql").read_text(encoding="utf-8")
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)
    module: Any = environment.from_string(source, globals={"target": {"type": target}}).module
    return str(module.mask("text"))


def squeezed(sql: str) -> str:
    """Without comments and space, texts that are put together made one."""
    sql = re.sub(r"--[^\n]*", "", sql)
    return re.sub(r"\s+", "", re.sub(r"'\s*\|\|\s*'", "", sql)).lower()


def test_the_rules_are_the_same() -> None:
    macros = load_sql("chat_platform.publish", "macros")
    (own,) = re.findall(r"macro mask\(text\) as\s+(case.*?end);", macros, flags=re.DOTALL)
    (tells,) = re.findall(r"macro may_tell\(text\) as\s+(.*?);", macros, flags=re.DOTALL)
    assert squeezed(rendered("duckdb")) == squeezed(own.replace("may_tell(text)", tells))


@pytest.fixture
def expected() -> list[str]:
    with duckdb.connect() as connection:
        connection.execute(load_sql("chat_platform.publish", "macros"))
        masked = [connection.execute("select mask($1)", [text]).fetchone() for text in TEXTS]
    found = [str(row[0]) for row in masked if row is not None]
    assert sum(old != new for old, new in zip(TEXTS, found, strict=True)) > 15
    return found


def test_postgres_masks_the_same(postgres: str, expected: list[str], tmp_path: Path) -> None:
    import psycopg2

    statement = f"select {rendered('postgres')} from (select %s::text as text) as texts".replace("%", "%%")
    connection = psycopg2.connect(postgres)
    with connection.cursor() as cursor:
        found = []
        for text in TEXTS:
            cursor.execute(statement.replace("%%s::text", "%s::text"), [text])
            found.append(cursor.fetchone()[0])
    connection.close()
    assert found == expected
