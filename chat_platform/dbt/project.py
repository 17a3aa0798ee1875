"""Where the dbt project is, the environment that points it at the warehouse of the settings, and its manifest."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg2 import ProgrammingError, extensions  # type: ignore[import-untyped]

from chat_platform.dbt.process import LOCKS_VARIABLE
from chat_platform.errors import ChatPlatformError
from chat_platform.locks import locked
from chat_platform.settings import ENV_PREFIX, PROJECT_ROOT, Settings

PROJECT_DIR = PROJECT_ROOT / "dbt_project"
# Beside the interpreter, where pip puts it; works without an activated environment.
EXECUTABLE = Path(sys.executable).with_name("chat-platform-dbt")
# Each call of dbt leaves a folder of 5 MB with its log and artifacts; the latest are of use when something failed.
KEPT_INVOCATIONS = 10


def target_folder(settings: Settings) -> Path:
    """Where dbt keeps its manifest and parse cache for these settings."""
    return settings.home / "dbt"


def dbt_environment(settings: Settings) -> dict[str, str]:
    """Variables that make dbt use the warehouse of the settings. Raises ChatPlatformError for a wrong address."""
    values = {
        "CHAT_PLATFORM_PREFIX": settings.prefix,
        "CHAT_PLATFORM_SOURCES": ",".join(settings.sources),
        "CHAT_PLATFORM_CHAT_TIME_ZONE": settings.chat_time_zone,
        "CHAT_PLATFORM_RASA_TIME_ZONE": settings.rasa_time_zone,
        "CHAT_PLATFORM_VOICE_TIME_ZONE": settings.voice_time_zone,
        **_rules(settings),
        "CHAT_PLATFORM_DBT_TARGET": "postgres" if settings.is_postgres else "duckdb",
        "DBT_TARGET_PATH": str(target_folder(settings)),
        "DBT_LOG_PATH": str(target_folder(settings)),
        "DBT_PROFILES_DIR": str(PROJECT_DIR),
        # What was run stands in the folder of the call; set it to debug to see how dbt comes to it.
        "DBT_LOG_LEVEL_FILE": os.environ.get("DBT_LOG_LEVEL_FILE", "info"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        LOCKS_VARIABLE: str(settings.locks),
    }
    if settings.is_postgres:
        try:
            given: dict[str, str] = extensions.parse_dsn(settings.warehouse)
        except ProgrammingError:
            # Its words quote the address, password and all.
            raise ChatPlatformError(f"{settings.warehouse_label} has a part that Postgres does not know.") from None
        values |= {
            "PG_HOST": given.get("host", "localhost"),
            "PG_PORT": given.get("port", "5432"),
            "PG_USER": given.get("user", "postgres"),
            "PG_PASSWORD": given.get("password", ""),
            "PG_DATABASE": given["dbname"],
            **{f"PG_{name.upper()}": given.get(name, "") for name in ("sslmode", "sslrootcert", "sslcert", "sslkey")},
        }
    else:
        values["CHAT_PLATFORM_DUCKDB_FILE"] = str(settings.working_file)
    return values


def _rules(settings: Settings) -> dict[str, str]:
    """What numbers depend on beside the data, by the names of its settings; empty where nothing is set."""
    rules = {
        "voice_readings": settings.voice_readings,
        "voice_late_days": settings.voice_late_days,
        "voice_lost_hours": settings.voice_lost_hours,
        "voice_short_call_seconds": settings.voice_short_call_seconds,
        "rasa_user_id": settings.rasa_user_id,
        "rasa_external_session_id": settings.rasa_external_session_id,
        "rasa_session_gap_minutes": settings.rasa_session_gap_minutes or "",
        "rasa_low_confidence": settings.rasa_low_confidence,
        "rasa_story_start": ",".join(settings.rasa_story_start or ()),
        "rasa_frustrated": ",".join(settings.rasa_frustrated or ()),
        "rasa_happy": ",".join(settings.rasa_happy or ()),
        "rasa_dispute": ",".join(settings.rasa_dispute or ()),
        "rasa_handoff": ",".join(settings.rasa_handoff or ()),
    }
    return {f"{ENV_PREFIX}{name.upper()}": str(value) for name, value in rules.items()}


@contextmanager
def environment(settings: Settings) -> Iterator[None]:
    """The environment of this process as dbt needs it: Dagster hands it on and reads part of it itself."""
    before = dict(os.environ)
    os.environ.update(dbt_environment(settings))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _fingerprint(settings: Settings) -> str:
    # Not where the warehouse is, nor its password: what dbt parses does not depend on them.
    parsed = {name: value for name, value in dbt_environment(settings).items() if name.startswith("CHAT_PLATFORM_")}
    parsed.pop("CHAT_PLATFORM_DUCKDB_FILE", None)
    digest = hashlib.sha256(repr(sorted(parsed.items())).encode())
    for path in sorted(PROJECT_DIR.rglob("*")):
        if path.suffix in {".sql", ".yml", ".csv"} and "target" not in path.relative_to(PROJECT_DIR).parts:
            digest.update(path.relative_to(PROJECT_DIR).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def ensure_manifest(settings: Settings) -> Path:
    """manifest.json of the project as it is now; parsed anew only after a change. Raises ChatPlatformError."""
    folder = target_folder(settings)
    _drop_old_invocations(folder)
    manifest, mark = folder / "manifest.json", folder / "fingerprint"
    fingerprint = _fingerprint(settings)
    with locked(settings.locks, "dbt_manifest"):
        if manifest.is_file() and mark.is_file() and mark.read_text(encoding="utf-8") == fingerprint:
            return manifest
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [str(EXECUTABLE), "parse", "--quiet"],
            cwd=PROJECT_DIR,
            env={**os.environ, **dbt_environment(settings)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ChatPlatformError(f"The dbt project cannot be parsed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        mark.write_text(fingerprint, encoding="utf-8")
        return manifest


def read_manifest(settings: Settings) -> dict[str, Any]:
    """The manifest; each test of one source table names that table as what it tests.

    dbt leaves that out for sources. A test that reads the scope as well would then be a check of nothing.
    """
    manifest: dict[str, Any] = json.loads(ensure_manifest(settings).read_bytes())
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and node.get("attached_node") is None:
            sources = [parent for parent in node["depends_on"]["nodes"] if parent in manifest["sources"]]
            if len(sources) == 1 and node.get("test_metadata"):
                node["attached_node"] = sources[0]
    return manifest


def _drop_old_invocations(folder: Path) -> None:
    # By the last line of the log: what runs at this moment is among the latest.
    left = sorted((log.stat().st_mtime_ns, log.parent) for log in folder.glob("*/dbt.log"))
    for _, invocation in left[:-KEPT_INVOCATIONS]:
        shutil.rmtree(invocation, ignore_errors=True)
