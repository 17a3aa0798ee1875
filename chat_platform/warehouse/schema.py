"""Tables that the platform writes, read from the dbt source files: one definition for both sides."""

from dataclasses import dataclass
from functools import cache

import yaml

from chat_platform.settings import PROJECT_ROOT

_SOURCES = PROJECT_ROOT / "dbt_project" / "models" / "sources"


@dataclass(frozen=True)
class Table:
    """One table: layer (the schema is `{prefix}_{layer}`), name, and columns as (name, type) in order."""

    layer: str
    name: str
    columns: tuple[tuple[str, str], ...]
    keys: tuple[str, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns in order."""
        return tuple(name for name, _ in self.columns)


@cache
def tables() -> dict[str, Table]:
    """All tables by `layer.name`."""
    found = {}
    for path in sorted(_SOURCES.glob("*.yml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        for source in document["sources"]:
            for entry in source["tables"]:
                columns = tuple((column["name"], column["data_type"]) for column in entry["columns"])
                names = [name for name, _ in columns]
                looked_up = ("session_id", "conversation_id", "load_id", "call_id", "phone_key")
                keys = tuple(key for key in looked_up if key in names) + tuple(entry.get("meta", {}).get("indexes", ()))
                table = Table(source["name"], entry["name"], columns, keys)
                found[f"{table.layer}.{table.name}"] = table
    return found
