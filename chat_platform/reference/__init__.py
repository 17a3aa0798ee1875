"""Tables that people read and edit: sites and what they are for, the routing rule, prices."""

from importlib import resources

import pandas as pd
import pyarrow as pa


def _table(name: str, types: dict[str, str] | None = None) -> pd.DataFrame:
    with resources.files(__package__).joinpath(f"{name}.csv").open(encoding="utf-8") as stream:
        return pd.read_csv(stream, dtype=types or "string", keep_default_na=False)


def domain_classifications() -> pa.Table:
    """One row per site, with the columns of the table of the same name; times are UTC."""
    frame = _table("domain_classifications")
    frame["is_active"] = frame["is_active"].str.lower() == "true"
    for name in ("created_timestamp", "updated_timestamp"):
        frame[name] = pd.to_datetime(frame[name], format="ISO8601")
    return pa.Table.from_pandas(frame, preserve_index=False)


def browser_actions() -> pa.Table:
    """One row per step_type of a browser tool, with its name in words."""
    return pa.Table.from_pandas(_table("browser_actions"), preserve_index=False)


def model_prices() -> pa.Table:
    """One row per model and search_context_size: US dollars per million tokens and per request."""
    frame = _table("model_prices")
    for name in ("input_per_million_usd", "output_per_million_usd", "per_request_usd"):
        frame[name] = pd.to_numeric(frame[name])
    return pa.Table.from_pandas(frame, preserve_index=False)


def tool_routing() -> pa.Table:
    """One row per rule: tool_type, step_type (* for any), classification_target."""
    return pa.Table.from_pandas(_table("tool_routing"), preserve_index=False)
