"""The one interface to the warehouse: a DuckDB worker with the warehouse attached. Only here a driver is known."""
