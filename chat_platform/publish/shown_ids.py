"""Ids of Rasa users and sessions that stand in a column of raw events, and what is shown in their place.

Which column names the user is a setting (rasa spec, section 4). The raw tables keep the id as it was sent; what is
built on them shows a pseudonym (voice spec, section 4), which dbt cannot make, since it does not know the key.
"""

from chat_platform.privacy.pseudonym import set_key
from chat_platform.settings import SENDER_ID, Settings
from chat_platform.sql import load_sql
from chat_platform.unpack.shapes import quoted
from chat_platform.unpack.tables import Unpacker

# Where dbt looks for ids: stg_rasa__named_users.
_TABLES = ("event_user", "event_session_started", "event_action")
_TABLE = "event.shown_ids"


def columns_of(settings: Settings) -> dict[str, str]:
    """Kind of an id (user, session) and its column, for each that is not the sender."""
    named = {"user": settings.rasa_user_id, "session": settings.rasa_external_session_id}
    return {kind: column for kind, column in named.items() if column != SENDER_ID}


def note_shown_ids(unpacker: Unpacker, load_ids: str | None) -> None:
    """Note how ids are shown that are not noted yet, of the loads that a subquery gives; None for all of them.

    A column that has just been set is read whole.
    """
    warehouse, settings = unpacker.warehouse, unpacker.warehouse.settings
    columns = columns_of(settings)
    if not columns:
        return
    warehouse.execute(load_sql("chat_platform.lake", "macros"))
    set_key(warehouse.connection, settings.require_key("the column of the setting CHAT_PLATFORM_RASA_USER_ID"))
    table = warehouse.name(_TABLE)
    for kind, column in columns.items():
        known = warehouse.execute(
            f"select 1 from {table} where kind = $1 and column_name = $2 limit 1", [kind, column]
        ).fetchone()
        said = _said(unpacker, column, load_ids if known else None)
        if said is None:
            continue
        # The sender's rule for sessions: most of their ids say nothing about anybody.
        shown = "pseudonym(given_id)" if kind == "user" else "opaque(given_id)"
        is_secret = "true" if kind == "user" else f"{shown} <> given_id"
        warehouse.execute(
            f"""
            insert into {table} (kind, column_name, given_id, shown_id)
            select $1, $2, given_id, case when {is_secret} then published_key({shown}) else given_id end
            from {warehouse.native_rows(said)}
            where given_id not in (select given_id from {table} where kind = $1 and column_name = $2)
            """,
            [kind, column],
        )


def note_shown_ids_anew(unpacker: Unpacker) -> None:
    """The same from nothing: what no raw table says any more goes."""
    unpacker.warehouse.native(f"delete from {unpacker.warehouse.name(_TABLE)}")
    note_shown_ids(unpacker, None)


def _said(unpacker: Unpacker, column: str, load_ids: str | None) -> str | None:
    """Query of the distinct ids that stand in a column or its variants; None where there is no such column.

    Run by the warehouse, and spelled as dbt spells it (macro raw_text): both have to read the same text.
    """
    parts = []
    for table in _TABLES:
        known = unpacker.catalogue.get(table, {})
        found = sorted(name for name in known if name == column or name.startswith(f"{column}__v_"))
        if found:
            texts = [_text(quoted(name), known[name]) for name in found]
            value = texts[0] if len(texts) == 1 else f"coalesce({', '.join(texts)})"
            loads = f" where _dlt_load_id in {load_ids}" if load_ids else ""
            parts.append(f"select cast({value} as varchar(1024)) as given_id from {unpacker.name(table)}{loads}")
    if not parts:
        return None
    return f"select distinct given_id from ({' union all '.join(parts)}) as said where given_id is not null"


def _text(column: str, kind: str) -> str:
    if kind == "double":
        return (
            f"case when {column} = floor({column}) and abs({column}) < 1e15 "
            f"then cast(cast({column} as bigint) as varchar(65535)) "
            f"else cast(cast({column} as double precision) as varchar(65535)) end"
        )
    return f"cast({column} as varchar(65535))"
