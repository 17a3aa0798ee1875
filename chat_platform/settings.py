"""One typed object with every setting, read from environment variables CHAT_PLATFORM_*.

Nothing else in the package reads the environment. A wrong, unknown or missing value is a SettingsError
that names the variable, what it got and what would be right; all problems are reported at once.
"""

import difflib
import json
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from chat_platform.contracts import voice
from chat_platform.errors import SettingsError

ENV_PREFIX = "CHAT_PLATFORM_"
PROJECT_ROOT = Path(__file__).resolve().parents[1]
MIN_KEY_LENGTH = 16
MAX_PORT = 65535
# What the platform can read, each in a folder of its name below landing.
SOURCES = ("chat", "rasa", "voice")
DEFAULT_HOME = Path(".chat_platform")
# Where the demo keeps the key that it makes; read where no key is set.
KEY_FILE = "pseudonym.key"
# Handed by the platform to the dbt process that it starts; by hand they are set for dbt alone. None is a setting.
INTERNAL_VARIABLES = frozenset({"CHAT_PLATFORM_DUCKDB_FILE", "CHAT_PLATFORM_DBT_TARGET", "CHAT_PLATFORM_LOCKS"})

# Readings of the voice indicators that the source document leaves open, the recommended one first (voice spec, section
# 2). dbt_project/macros/voice.sql knows the same ones.
VOICE_READINGS = {
    "tma": ("local_start_day", "local_end_day", "utc_start_day", "open_until_now"),
    "interactions": ("answered_calls", "all_starts", "turns"),
    "recalls": ("inclusive", "exclusive", "customers", "forward"),
    "transfer": ("started_calls", "events", "answered_calls"),
    "api": ("local_event_day", "utc_event_day"),
    "idk": ("union", "intersection", "sum", "union_without_silence"),
    "disambiguation": ("distinct", "literal_sum", "des_only"),
    "fcr": ("forward_24h", "calendar_day", "trailing_24h", "no_callback"),
    "survey": ("call_facts", "answers"),
}


def _prefix(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,29}", value):
        raise ValueError("use lower-case letters, digits and _, beginning with a letter, at most 30, for example demo")
    return value


def _time_zone(value: str) -> str:
    # Both name no place: one is whatever the machine has, the other none.
    if value in {"localtime", "Factory"} or value not in available_timezones():
        close = difflib.get_close_matches(value, available_timezones(), n=1)
        raise ValueError(f"use an IANA time zone name, for example {close[0] if close else 'UTC'}")
    return value


def _sources(value: Any) -> tuple[str, ...]:
    names = [name.strip() for name in value.split(",")] if isinstance(value, str) else list(value)
    if not names or len(set(names)) < len(names) or not set(names) <= set(SOURCES):
        raise ValueError(f"use one or more of {', '.join(SOURCES)}, with commas between them, each once")
    return tuple(name for name in SOURCES if name in names)


def _first_date(value: Any) -> date:
    with suppress(ValueError):
        value = date.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(value, date) or not date(1970, 1, 1) <= value <= datetime.now(UTC).date():
        raise ValueError("use a date between 1970-01-01 and today, for example 2024-01-01")
    return value


def _absolute(value: Path) -> Path:
    try:
        return value.expanduser().absolute()
    except RuntimeError:
        raise ValueError("nobody here has this name; write the folder in full instead of ~name") from None


def _local_folder(value: Path) -> Path:
    if re.match(r"[a-z0-9+]+:/", str(value), re.IGNORECASE):
        raise ValueError("use a local folder")
    value = _absolute(value)
    if value.exists() and not value.is_dir():
        raise ValueError("this is a file; use a folder (it is made when missing)")
    return value


def _warehouse(value: str) -> str:
    if value.startswith(("postgresql://", "postgres://")):
        parts = urlsplit(value)
        address = re.fullmatch(r"(?:.*@)?(?:\[[^\]]*\]|[^:]*)(?::([0-9]*))?", parts.netloc)
        if "@" in parts.path or address is None or int(address[1] or 1) > MAX_PORT:
            raise ValueError("the port is a number up to 65535; in a password write / ? # @ : as %2F %3F %23 %40 %3A")
        if not parts.path.strip("/"):
            raise ValueError("name the database too: postgresql://user:password@host:5432/database")
        return value
    if "://" in value:
        raise ValueError("use a path ending in .duckdb, or postgresql://user:password@host:5432/database")
    path = _absolute(Path(value))
    if path.is_dir():
        raise ValueError("this is a folder; use the path of a file, for example warehouse.duckdb inside it")
    if path.suffix not in {".duckdb", ".db"}:
        raise ValueError("use a path ending in .duckdb, or postgresql://user:password@host:5432/database")
    return str(path)


def _tracker_store(value: SecretStr) -> SecretStr:
    address = value.get_secret_value()
    if not address.startswith(("postgresql://", "postgres://")):
        raise ValueError("use postgresql://user:password@host:5432/database; a store in a file goes into landing/rasa")
    _warehouse(address)
    return value


def _pairs(value: str) -> dict[str, str]:
    """`a=b, c=d` as pairs; of each name one."""
    found: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in value.split(","))):
        name, _, other = (part.strip() for part in item.partition("="))
        if name in found:
            raise ValueError(f"{name} stands twice; one can be chosen")
        found[name] = other
    return found


def _joined(pairs: dict[str, str]) -> str:
    return ",".join(f"{name}={other}" for name, other in sorted(pairs.items()))


def _voice_readings(value: str) -> str:
    chosen = _pairs(value)
    for indicator, reading in chosen.items():
        if indicator not in VOICE_READINGS:
            raise ValueError(
                f"{indicator!r} is no indicator with several readings; those are {', '.join(VOICE_READINGS)}"
            )
        if reading not in VOICE_READINGS[indicator]:
            raise ValueError(
                f"{indicator} has the readings {', '.join(VOICE_READINGS[indicator])}; write for example "
                f"{indicator}={VOICE_READINGS[indicator][1]}"
            )
    return _joined(chosen)


def _voice_aliases(value: str) -> str:
    chosen = _pairs(value)
    for alias, name in chosen.items():
        if not alias or name not in voice.EVENT_TYPES or alias in {*voice.EVENT_TYPES, *voice.ALIASES}:
            raise ValueError(
                f"write another name of an event and the one it stands for, for example RobotSolved={voice.SOLVED}; "
                f"events are {', '.join(voice.EVENT_TYPES)}"
            )
    return _joined(chosen)


def _raw_column(value: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", value):
        raise ValueError(
            "use the name of a column of event_user, event_action or event_session_started, "
            "for example metadata__user_id"
        )
    return value


def _names(value: Any) -> tuple[str, ...]:
    names = [name.strip() for name in value.split(",")] if isinstance(value, str) else list(value)
    if not all(re.fullmatch(r"[^\s'\"]{1,256}", name) for name in names):
        raise ValueError("use names with commas between them, without spaces and quotes, for example thankyou,great")
    return tuple(names)


def _yes_or_no(value: Any) -> Any:
    if isinstance(value, str) and value.lower() not in {"true", "false", "1", "0", "yes", "no", "on", "off"}:
        raise ValueError("use true or false")
    return value


def _or_off(value: Any) -> Any:
    return None if isinstance(value, str) and value.lower() == "off" else value


def _key(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value().strip()) < MIN_KEY_LENGTH:
        raise ValueError(f"use at least {MIN_KEY_LENGTH} characters, for example: openssl rand -hex 32")
    return value


def _earlier_keys(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    with suppress(ValueError):
        keys = json.loads(value)
        if isinstance(keys, list) and all(isinstance(key, str) and len(key) >= MIN_KEY_LENGTH for key in keys):
            return keys
    raise ValueError(
        f"use a JSON list of the keys before this one, the oldest first, each of at least {MIN_KEY_LENGTH} characters, "
        'for example ["first key in full", "second key in full"]'
    )


Folder = Annotated[Path, AfterValidator(_local_folder)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
RawColumn = Annotated[str, AfterValidator(_raw_column)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
# The column of raw events that every sender has.
SENDER_ID = "sender_id"


class Settings(BaseModel):
    """All settings. Build it with `load_settings()`, or with keyword arguments in tests."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Folder = Field(DEFAULT_HOME, validate_default=True)
    landing: Folder = Path()
    lake: Folder = Path()
    warehouse: Annotated[str, AfterValidator(_warehouse)] = ""
    dagster_home: Folder = Path()
    prefix: Annotated[str, AfterValidator(_prefix)] = "demo"
    sources: Annotated[tuple[str, ...], BeforeValidator(_sources)] = SOURCES
    chat_time_zone: TimeZone = "UTC"
    rasa_time_zone: TimeZone = "UTC"
    voice_time_zone: TimeZone = "America/Sao_Paulo"
    voice_repair_missing_commas: Annotated[bool, BeforeValidator(_yes_or_no)] = False
    voice_event_aliases: Annotated[str, AfterValidator(_voice_aliases)] = ""
    voice_readings: Annotated[str, AfterValidator(_voice_readings)] = ""
    voice_late_days: Annotated[int, Field(ge=0, le=365)] = 3
    voice_lost_hours: Annotated[int, Field(ge=1, le=48)] = 24
    voice_short_call_seconds: Annotated[int, Field(ge=1, le=3600)] = 10
    first_date: Annotated[date, BeforeValidator(_first_date)] = date(2015, 1, 1)
    pseudonym_key: Annotated[SecretStr, AfterValidator(_key)] | None = None
    pseudonym_keys_before: Annotated[tuple[SecretStr, ...], BeforeValidator(_earlier_keys)] = ()
    retention_days: Annotated[int, Field(ge=1, le=36500)] = 30
    rasa_user_id: RawColumn = SENDER_ID
    rasa_external_session_id: RawColumn = SENDER_ID
    rasa_session_gap_minutes: Annotated[Annotated[int, Field(ge=1, le=525_600)] | None, BeforeValidator(_or_off)] = None
    rasa_low_confidence: Annotated[float, Field(gt=0, le=1)] = 0.6
    rasa_story_start: Names | None = None
    rasa_frustrated: Names | None = None
    rasa_happy: Names | None = None
    rasa_dispute: Names | None = None
    rasa_handoff: Names | None = None
    rasa_tracker_store: Annotated[SecretStr, AfterValidator(_tracker_store)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _below_home(cls, values: Any) -> Any:
        home = Path(str(values.get("home", DEFAULT_HOME)))
        defaults = {
            "landing": home / "landing",
            "lake": home / "lake",
            "warehouse": str(home / "warehouse.duckdb"),
            "dagster_home": home / "dagster",
        }
        return {**defaults, **values}

    @property
    def is_postgres(self) -> bool:
        """True where the warehouse is a Postgres database, False where it is a DuckDB file."""
        return self.warehouse.startswith(("postgresql://", "postgres://"))

    @property
    def warehouse_file(self) -> Path:
        """DuckDB file that people read: always one complete publish."""
        return Path(self.warehouse)

    @property
    def working_file(self) -> Path:
        """DuckDB file that runs write; copied over `warehouse_file` at the end of each publish."""
        return Path(self.warehouse + ".working")

    @property
    def warehouse_label(self) -> str:
        """The warehouse for people to read: a path, or the URL without user and password."""
        if not self.is_postgres:
            return self.warehouse
        parts = urlsplit(self.warehouse)
        host = parts.hostname or "".join(parse_qs(parts.query).get("host", [])) or "local socket"
        return f"postgresql://{host}:{parts.port or 5432}{parts.path}"

    @property
    def models(self) -> Path:
        """Folder of the trained classifiers."""
        return self.home / "models"

    @property
    def locks(self) -> Path:
        """Folder of lock files; the kernel frees a lock when its process dies."""
        return self.home / "locks"

    def time_zone(self, source: str) -> str:
        """IANA time zone in which the calendar dates of a source are counted."""
        return {"chat": self.chat_time_zone, "rasa": self.rasa_time_zone, "voice": self.voice_time_zone}[source]

    def schema_name(self, layer: str) -> str:
        """Name of a warehouse schema, `{prefix}_{layer}`."""
        return f"{self.prefix}_{layer}"

    @property
    def keys(self) -> tuple[str, ...]:
        """The pseudonym keys, the oldest first: the key of version n is the n-th. Empty where none is set."""
        if self.pseudonym_key is None:
            return ()
        return tuple(key.get_secret_value() for key in (*self.pseudonym_keys_before, self.pseudonym_key))

    def require_key(self, what: str) -> str:
        """The first pseudonym key, which the lake uses; SettingsError where none is set, before anything is written."""
        if self.pseudonym_key is None:
            raise SettingsError(
                f"{ENV_PREFIX}PSEUDONYM_KEY is not set, and {what} holds personal data that may only be kept "
                "under a pseudonym. Set it to a secret of at least 16 characters and keep it: with another key "
                "the same user gets another pseudonym. For example: "
                f"export {ENV_PREFIX}PSEUDONYM_KEY=$(openssl rand -hex 32)"
            )
        return self.keys[0]


def _problem(error: Any) -> str:
    name = str(error["loc"][0]) if error["loc"] else "settings"
    # A warehouse that is written wrongly may hold a password all the same.
    hidden = name.startswith(("pseudonym_key", "rasa_tracker_store")) or re.search(
        "://|@|password", str(error["input"]), re.IGNORECASE
    )
    got = "(hidden)" if hidden else repr(str(error["input"]))
    advice = error["msg"].removeprefix("Value error, ")
    return f"{ENV_PREFIX}{name.upper()}: got {got}; {advice}"


def make_home_key(home: Path) -> None:
    """Make a pseudonym key for this home and keep it there, for its owner only."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / KEY_FILE
    path.touch(mode=0o600)
    path.write_text(secrets.token_hex(32), encoding="ascii")


def _key_of_home(home: str | Path) -> str | None:
    """The key that was made for a home, if one was."""
    # A home that cannot be is told of where it is checked.
    with suppress(ValueError):
        path = _absolute(Path(home)) / KEY_FILE
        if path.is_file():
            return path.read_text(encoding="utf-8", errors="replace").strip()
    return None


def load_settings(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Settings from the environment, with `overrides` on top.

    Raises SettingsError that lists every wrong value and every CHAT_PLATFORM_ variable that does not exist.
    """
    environ = os.environ if environ is None else environ
    known = {ENV_PREFIX + name.upper() for name in Settings.model_fields}
    problems: list[str] = []
    values: dict[str, Any] = {}
    for variable, value in environ.items():
        if not variable.startswith(ENV_PREFIX) or variable in INTERNAL_VARIABLES:
            continue
        if variable in known:
            if value != "":
                values[variable.removeprefix(ENV_PREFIX).lower()] = value
        else:
            close = difflib.get_close_matches(variable, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; known are {', '.join(sorted(known))}"
            problems.append(f"{variable} is not a setting{hint}")
    given = {**values, **overrides}
    if "pseudonym_key" not in given and (key := _key_of_home(given.get("home", DEFAULT_HOME))):
        given["pseudonym_key"] = key
    try:
        settings = Settings(**given)
    except ValidationError as error:
        wrong = error.errors()
        # What lies below a wrong home is wrong with it; that is one problem, not five.
        one = any(item["loc"] == ("home",) for item in wrong)
        problems += [_problem(item) for item in wrong if item["loc"][0] in given or not one]
    if problems:
        raise SettingsError("\n".join(problems))
    return settings
