"""The scope of a run (`ops.run_scope`): what the tables of a source changed, and dbt has to rebuild.

All sources of a run write into the one table. It stays until dbt has ended: what an interrupted run named and did
not finish is kept and joined by the next one.
"""

from datetime import date

from chat_platform.settings import Settings
from chat_platform.warehouse.connection import Warehouse, open_warehouse

# What stays until dbt has rebuilt it; other kinds are notes of one run.
_LASTING = "('conversation', 'call', 'date')"


def _finished(table: str) -> str:
    return f"source in (select source from {table} where kind = 'done')"


def is_open(warehouse: Warehouse) -> bool:
    """True where a run has changed tables of an active source and dbt has not rebuilt all that hangs on them."""
    table = warehouse.name("ops.run_scope")
    active = ", ".join(f"'{source}'" for source in warehouse.settings.sources)
    found = warehouse.execute(
        f"select count(*) from {table} where kind in {_LASTING} and source in ({active}) and not {_finished(table)}"
    ).fetchone()
    return found != (0,)


def finish(settings: Settings, run_id: str) -> None:
    """Note that dbt has rebuilt all in the scope of the active sources; else the next run rebuilds it as well."""
    with open_warehouse(settings) as warehouse:
        for source in settings.sources:
            warehouse.execute(
                f"insert into {warehouse.name('ops.run_scope')} (run_id, mode, source, kind, value) "
                "values ($1, 'finished', $2, 'done', $1)",
                [run_id, source],
            )


class Scope:
    """The rows of `ops.run_scope` that are about one source."""

    def __init__(self, warehouse: Warehouse, source: str, run_id: str, mode: str) -> None:
        self.warehouse = warehouse
        self.source = source
        self.run_id = run_id
        self.mode = mode
        self.table = warehouse.name("ops.run_scope")

    def open(self) -> None:
        """Forget what is finished and the notes of this source; join what an earlier run has left unfinished."""
        self.warehouse.native(f"delete from {self.table} where {_finished(self.table)}")
        self.clear(f"kind not in {_LASTING}")
        self.warehouse.execute(f"update {self.table} set run_id = $1, mode = $2", [self.run_id, self.mode])

    def clear(self, condition: str) -> None:
        """Drop the rows of this source for which `condition` holds."""
        self.warehouse.native(f"delete from {self.table} where source = '{self.source}' and {condition}")

    def values(self, kind: str) -> str:
        """Subquery of the values of a kind."""
        return f"(select value from {self.table} where source = '{self.source}' and kind = '{kind}')"

    def add(self, kind: str, select: str) -> None:
        """Add what `select` gives as `value`, each once."""
        self.warehouse.execute(
            f"insert into {self.table} (run_id, mode, source, kind, value) "
            f"select $1, $2, $3, $4, value from ({select}) where value not in {self.values(kind)}",
            [self.run_id, self.mode, self.source, kind],
        )

    def dates(self) -> tuple[date, ...]:
        """The dates of the scope, in order."""
        rows = self.warehouse.execute(f"select value from {self.values('date')} order by value").fetchall()
        return tuple(date.fromisoformat(value) for (value,) in rows)

    def count(self, kind: str) -> int:
        """Number of values of a kind."""
        (count,) = self.warehouse.execute(f"select count(*) from {self.values(kind)}").fetchone() or (0,)
        return int(count)
