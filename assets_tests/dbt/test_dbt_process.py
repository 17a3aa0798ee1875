"""What the platform's dbt leaves out changes nothing that anybody reads."""

import subprocess
import sys

# In a process of its own: what is left out there is left out to its end.
SCRIPT = """
import io
from dbt.compilation import InjectedCTE, inject_ctes_into_sql
from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.logger import LoggerConfig
from dbt_common.events.types import Note
from chat_platform.dbt.process import _leave_out

STATEMENTS = [
    "select 1",
    "with a as (select 1) select * from a",
    "-- with\\n/* with */ with a as (select 'with' as b) select * from a",
    "with recursive a as (select 1 union all select n + 1 from a) select * from a",
    "select (with c as (select 1) select * from c) as d",
    "select coalesce((with c as (select 1) select * from c), (select 2)) from (with d as (select 3) select * from d)",
    "(with c as (select 1) select * from c) union all select 2",
    "  \\n  select case when a then b end from (select 1)",
]
CTES = [InjectedCTE(id="e", sql=" e as (\\n    select 'with' from x\\n)"), InjectedCTE(id="f", sql=" f as (select 2)")]

def injected():
    return [inject_ctes_into_sql(statement, CTES) for statement in STATEMENTS]

def logged(level):
    out = io.StringIO()
    manager = EventManager()
    manager.add_logger(LoggerConfig(name=f"{level}-{leaves_out}", level=level, output_stream=out))
    manager.fire_event(Note(msg="a detail"), level=EventLevel.DEBUG)
    manager.fire_event(e=Note(msg="a fact"), level=EventLevel.INFO)
    return [line.split("  ", 1)[1] for line in out.getvalue().splitlines()]

leaves_out = False
before = injected(), logged(EventLevel.INFO), logged(EventLevel.DEBUG)
assert before[1:] == (["a fact"], ["a detail", "a fact"]), before[1:]
_leave_out()
leaves_out = True
assert (injected(), logged(EventLevel.INFO), logged(EventLevel.DEBUG)) == before
assert all(" e as" in statement for statement in before[0])
print("the same")
"""


def test_statements_and_logs_are_those_of_dbt() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "the same\n", done.stderr
