"""What a run rebuilds, as dbt reads it: the rows of one source in `ops.run_scope`.

Several sources are published in one run, one after the other; each joins what the others have named.
"""

from datetime import date

from chat_platform.warehouse.connection import Warehouse

# What stays until dbt has rebuilt it; other kinds are of one run.
_LASTING = "('conversation', 'call', 'date')"


class Scope:
    """The rows of `ops.run_scope` that are about one source."""

    def __init__(self, warehouse: Warehouse, source: str, run_id: str, mode: str) -> None:
        self.warehouse = warehouse
        self.source = source
        self.run_id = run_id
        self.mode = mode
        self.table = warehouse.name("ops.run_scope")

    def open(self) -> None:
        """Forget what is finished; what an earlier run named and did not finish is kept and joined."""
        finished = self.warehouse.execute(f"select count(*) from {self.table} where kind = 'done'").fetchone() != (0,)
        if finished:
            self.warehouse.native(f"delete from {self.table}")
        else:
            self.warehouse.native(f"delete from {self.table} where source = '{self.source}' and kind not in {_LASTING}")
        self.warehouse.execute(f"update {self.table} set run_id = $1, mode = $2", [self.run_id, self.mode])

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
        """The dates of the scope."""
        rows = self.warehouse.execute(f"select value from {self.values('date')} order by value").fetchall()
        return tuple(date.fromisoformat(value) for (value,) in rows)

    def count(self, kind: str) -> int:
        """Number of values of a kind."""
        (count,) = self.warehouse.execute(f"select count(*) from {self.values(kind)}").fetchone() or (0,)
        return int(count)
