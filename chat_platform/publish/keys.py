"""Which pseudonym keys the warehouse was filled with; a change of keys is noticed, and made on demand."""

from collections.abc import Iterator
from datetime import datetime

from chat_platform.errors import SettingsError
from chat_platform.lake.manifest import now_utc
from chat_platform.privacy.pseudonym import key_check, moving, set_key, set_published_key
from chat_platform.unpack.shapes import quoted
from chat_platform.warehouse.connection import Warehouse
from chat_platform.warehouse.schema import tables

_TABLE = "ops.pseudonym_keys"
# Published columns that hold nothing but pseudonyms.
_COLUMNS = frozenset({"user_id", "phone_key"})
_SETTING = "CHAT_PLATFORM_PSEUDONYM_KEY"


def use_keys(warehouse: Warehouse) -> None:
    """Make `published_key` known to the connection, and note the newest key where none is noted yet.

    Raises SettingsError where the warehouse was filled with another key, or has not been moved to the newest one.
    """
    keys = warehouse.settings.keys
    noted = _noted(warehouse)
    if noted is None:
        if len(keys) > 1 and _is_filled(warehouse):
            raise SettingsError(_not_moved(1, len(keys)))
        if keys:
            _note(warehouse, len(keys), key_check(keys[-1]), now_utc().replace(tzinfo=None))
    else:
        version, check, built_at = noted
        _require_same(version, check, keys)
        if version < len(keys) or built_at is None:
            raise SettingsError(_not_moved(version, len(keys)))
    set_published_key(warehouse.connection, keys)


def move_keys(warehouse: Warehouse) -> int:
    """Move every published pseudonym to the newest key, in one transaction; the version that it has.

    The models that hang on them have to be built anew, then `models_are_built`. Moving again changes nothing.
    """
    keys = warehouse.settings.keys
    if not keys:
        raise SettingsError(f"{_SETTING} is not set: there is no key to move to.")
    noted = _noted(warehouse)
    version = 1 if noted is None else noted[0]
    if noted is not None:
        _require_same(version, noted[1], keys)
    for number, key in enumerate(keys[1:], start=2):
        set_key(warehouse.connection, key, number)
    if version < len(keys):
        with warehouse.transaction():
            for table, column, condition in _places(warehouse):
                moved = moving(column, version, len(keys))
                warehouse.execute(f"update {table} set {column} = {moved} where {column} is not null{condition}")
            for name, known in tables().items():
                if "key_version" in known.column_names and name != _TABLE:
                    warehouse.execute(
                        f"update {warehouse.name(name)} set key_version = $1 where key_version is not null", [len(keys)]
                    )
            warehouse.execute(f"delete from {warehouse.name(_TABLE)}")
            _note(warehouse, len(keys), key_check(keys[-1]), None)
    return len(keys)


def models_are_built(warehouse: Warehouse) -> None:
    """Note that nothing stands under an earlier key any more."""
    warehouse.execute(f"update {warehouse.name(_TABLE)} set built_at = $1", [now_utc().replace(tzinfo=None)])


def _noted(warehouse: Warehouse) -> tuple[int, str, datetime | None] | None:
    return warehouse.execute(
        f"select key_version, key_check, built_at from {warehouse.name(_TABLE)} order by key_version desc limit 1"
    ).fetchone()


def _note(warehouse: Warehouse, version: int, check: str, built_at: datetime | None) -> None:
    warehouse.execute(
        f"insert into {warehouse.name(_TABLE)} (key_version, key_check, built_at) values ($1, $2, $3)",
        [version, check, built_at],
    )


def _require_same(version: int, check: str, keys: tuple[str, ...]) -> None:
    if version > max(1, len(keys)) or (keys and key_check(keys[version - 1]) != check):
        raise SettingsError(
            f"{_SETTING} and {_SETTING}S_BEFORE are not the keys that the warehouse was filled with: its pseudonyms "
            f"are of version {version}, under another key. Set the keys that were in use, the oldest first."
        )


def _not_moved(version: int, newest: int) -> str:
    return (
        f"The pseudonyms in the warehouse are of key version {version}, the newest key is version {newest}. "
        "Move them first: chat-platform rotate"
    )


def _is_filled(warehouse: Warehouse) -> bool:
    return warehouse.execute(f"select 1 from {warehouse.name('ops.loads')} limit 1").fetchone() is not None


def _places(warehouse: Warehouse) -> Iterator[tuple[str, str, str]]:
    """Table, column and further condition of everything that holds published pseudonyms."""
    for name, table in tables().items():
        for column in table.column_names:
            if column in _COLUMNS:
                yield warehouse.name(name), column, ""
    yield warehouse.name("event.shown_ids"), "shown_id", " and (kind = 'user' or shown_id <> given_id)"
    schema = warehouse.settings.schema_name("event")
    columns = warehouse.native_rows(
        "select table_name from information_schema.columns "
        f"where table_schema = '{schema}' and table_name = 'event' and column_name = 'sender_key'"
    )
    if warehouse.execute(f"select count(*) from {columns}").fetchone() != (0,):
        yield f"{quoted(schema)}.{quoted('event')}", "sender_key", " and sender_key <> sender_id"
