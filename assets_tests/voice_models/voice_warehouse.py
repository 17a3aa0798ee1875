"""Tables of the voice source, made small and without the platform, and dbt beside them, alone.

`typed` reads events the plain way: one event at a time, in Python, as voice spec section 1 says. It shares no code with
the platform and gives the rows that the platform has to publish.
"""

import atexit
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import duckdb

from chat_platform.dbt.project import PROJECT_DIR
from chat_platform.warehouse.schema import tables

ZONE = ZoneInfo("America/Sao_Paulo")
LINK = Path(tempfile.gettempdir()) / f"voice-warehouse-{os.getpid()}"
atexit.register(LINK.unlink, missing_ok=True)
Event = dict[str, Any]
Row = dict[str, Any]
TERMINAL = {
    "AgentSolvedRequest": "solved",
    "AgentTransferedCustomer": "transferred",
    "CustomerAbandonedAgent": "abandoned",
}


def local_date(instant: datetime) -> Any:
    """Date of an instant in the zone of the feed."""
    return instant.astimezone(ZONE).date()


def _phone_key(digits: str | None) -> str | None:
    digits = "".join(c for c in digits or "" if c.isdigit())
    if len(digits) in {12, 13} and digits.startswith("55"):
        digits = digits[2:]
    return hashlib.sha256(b"test" + digits.encode()).hexdigest() if digits else None


def _get(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def phone_of(event: Event) -> str | None:
    """Key of the phone that an event names."""
    identifiers = _get(event, "context", "customer", "identifiers") or []
    return _phone_key(identifiers[0].get("value")) if identifiers else None


def _score(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value)).quantize(Decimal("1e-6"))


def accepted(lines: Iterable[str]) -> list[Event]:
    """Events of lines that are one: `when` an instant, `key` the duplicate key; of equal keys the first stays."""
    found: dict[str, Event] = {}
    for line in lines:
        try:
            event = json.loads(line)
            when = datetime.fromisoformat(event["when"].replace("Z", "+00:00")).astimezone(UTC)
            parts = (event["id"], event["eventType"], event["correlationId"], when.isoformat())
        except (ValueError, TypeError, KeyError):
            continue
        key = hashlib.sha256("|".join(parts).encode()).hexdigest()
        found.setdefault(key, {**event, "when": when, "key": key})
    return list(found.values())


def typed(events: Iterable[Event]) -> dict[str, list[Row]]:
    """Rows of the tables, without place columns."""
    rows: dict[str, list[Row]] = {name: [] for name in TABLES}
    by_call: dict[str, list[Event]] = {}
    for event in sorted(events, key=lambda event: (event["when"], event["key"])):
        by_call.setdefault(event["correlationId"], []).append(event)
    for call, members in by_call.items():
        phones = {event["key"]: phone_of(event) for event in members}
        starts = [event for event in members if event["eventType"] == "CustomerInitiatedCall"]
        ends = [event for event in members if event["eventType"] == "CustomerCallEnded"]
        own = [phones[e["key"]] for e in starts or members if phones[e["key"]]]
        start_phone = next((phones[e["key"]] for e in starts if phones[e["key"]]), None)
        agents = [event for event in members if event["eventType"] == "AgentTalkedCustomer"]
        rejections, last_intent = 0, None
        for event in members:
            kind, context = event["eventType"], event.get("context") or {}
            nlp = _get(context, "customer", "nlp") or {}
            base = {
                "event_key": event["key"],
                "event_id": event["id"],
                "call_id": call,
                "event_timestamp": event["when"],
                "event_date": local_date(event["when"]),
                "through": event.get("through"),
                "version": 1,
                "repaired": False,
            }
            intent = nlp.get("intent")
            rows["events"].append(
                {
                    **base, "event_type": kind, "content_hash": "x", "phone_key": phones[event["key"]],
                    "reason": _get(context, "customer", "reason"),
                }
            )  # fmt: skip
            if kind in {"AgentTalkedCustomer", "CustomerTalkedAgent"}:
                agent = kind == "AgentTalkedCustomer"
                top = _get(nlp, "realResponse", "topScoringIntent") or {}
                rows["turns"].append(
                    {
                        **base, "speaker": "agent" if agent else "customer",
                        "dialog_type": _get(context, "agent", "dialogType"),
                        "script_point": _get(context, "agent", "scriptPoint"), "intent": intent,
                        "intent_score": _score(nlp.get("score")),
                        "top_intent": top.get("intent"),
                        "text": _get(context, "agent", "text") if agent else _get(context, "customer", "capturedText"),
                    }
                )  # fmt: skip
                rejections += _get(context, "agent", "dialogType") == "REJ" and agent
                last_intent = intent if intent is not None else last_intent
            elif kind == "AgentCalledAPI":
                api = context.get("api") or {}
                rows["api_calls"].append(
                    {
                        **base, "api_name": api.get("apiName") or api.get("apiAlias") or context.get("apiAlias"),
                        "http_status": api.get("httpStatus"), "elapsed_ms": api.get("executionElapsedTime"),
                    }
                )  # fmt: skip
            elif kind == "AgentSolvedRequest":
                rows["solutions"].append(
                    {
                        **base, "phone_key": phones[event["key"]] or start_phone,
                        "last_solution": _get(context, "agent", "solution", "lastSolution"),
                    }
                )  # fmt: skip
            elif kind == "AgentTransferedCustomer":
                rows["transfers"].append(
                    {**base, "intent": intent, "rejections_before": rejections, "last_intent_before": last_intent}
                )
            elif kind == "CustomerAnsweredSurvey":
                rows["surveys"].append(
                    {
                        **base, "electronic_score": _get(context, "survey", "electronicScore"),
                        "human_score": _get(context, "survey", "humanScore"),
                    }
                )  # fmt: skip
        count = {kind: sum(event["eventType"] == kind for event in members) for kind in KINDS}
        start, end = (starts or [None])[0], (ends or [None])[0]
        terminal = next((e["eventType"] for e in reversed(members) if e["eventType"] in TERMINAL), None)
        reason = _get(end, "context", "customer", "reason")
        said = TERMINAL.get(reason) or TERMINAL.get(terminal or "")
        seconds = (end["when"] - start["when"]).total_seconds() if start and end else None
        rows["calls"].append(
            {
                "call_id": call,
                "started_at": start and start["when"],
                "ended_at": end and end["when"],
                "event_date": local_date((start or members[0])["when"]),
                "has_start": start is not None,
                "phone_key": own[0] if own else None,
                "outcome": said or ("unknown" if end else "open"),
                "end_reason": reason,
                "terminal_event": terminal,
                "passed_through_robot": bool(start and agents),
                "is_transferred": count["AgentTransferedCustomer"] > 0,
                "duration_seconds": seconds if seconds is not None and seconds >= 0 else None,
                "is_negative_duration": seconds is not None and seconds < 0,
                "agent_turns": len(agents),
                "customer_turns": count["CustomerTalkedAgent"],
                "transfer_events": count["AgentTransferedCustomer"],
                "solved_events": count["AgentSolvedRequest"],
                "abandoned_events": count["CustomerAbandonedAgent"],
                "end_events": len(ends),
                "start_events": len(starts),
                "last_script_point": _get(agents[-1] if agents else None, "context", "agent", "scriptPoint"),
                "last_dialog_type": _get(agents[-1] if agents else None, "context", "agent", "dialogType"),
                "first_event_at": members[0]["when"],
                "last_event_at": members[-1]["when"],
            }
        )
    return rows


KINDS = (
    "AgentTransferedCustomer", "AgentSolvedRequest", "CustomerAbandonedAgent", "CustomerTalkedAgent",
)  # fmt: skip


TABLES = {
    table.name: dict(table.columns)
    for table in tables().values()
    if table.layer == "voice" and "call_id" in table.column_names
}
OTHERS = {
    name: dict(table.columns)
    for name, table in tables().items()
    if table.layer in {"voice", "ops", "event", "kpi"} and table.name not in TABLES
}


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
    return str(value)


class VoiceWarehouse:
    """A DuckDB file or a Postgres database with the voice tables in `{prefix}_voice`."""

    def __init__(self, folder: Path, postgres: str | None = None) -> None:
        self.folder = folder
        self.file = folder / "warehouse.duckdb"
        self.postgres = postgres
        folder.mkdir(parents=True, exist_ok=True)

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement; its rows."""
        if self.postgres is None:
            with closing(duckdb.connect(str(self.file))) as connection:
                return list(connection.execute(statement).fetchall())
        import psycopg2

        with closing(psycopg2.connect(self.postgres)) as server:
            server.autocommit = True
            with server.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall()) if cursor.description else []

    def write(self, prefix: str, rows: Mapping[str, list[Row]]) -> None:
        """Replace the calls of the rows, and name them in the scope, as a publish does."""
        calls = [row["call_id"] for row in rows["calls"]]
        scope = [
            {"run_id": "test", "mode": "publish", "source": "voice", "kind": "call", "value": call} for call in calls
        ]
        self._create(prefix)
        self.execute(f"delete from {prefix}_ops.run_scope")
        self._insert(f"{prefix}_ops.run_scope", OTHERS["ops.run_scope"], scope)
        for table in TABLES:
            self.execute(
                f"delete from {prefix}_voice.{table} where call_id in (select value from {prefix}_ops.run_scope)"
            )
            place = {"load_id": "load", "source_file": "voice/x.jsonl", "line_number": 1}
            self._insert(f"{prefix}_voice.{table}", TABLES[table], [{**place, **row} for row in rows.get(table, [])])

    def _create(self, prefix: str) -> None:
        for schema in ("voice", "ops", "event", "kpi"):
            self.execute(f"create schema if not exists {prefix}_{schema}")
        for table, columns in {**{f"voice.{name}": columns for name, columns in TABLES.items()}, **OTHERS}.items():
            spelled = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            self.execute(f"create table if not exists {prefix}_{table} ({spelled})")

    def _insert(self, table: str, columns: Mapping[str, str], rows: list[Row]) -> None:
        if not rows:
            return
        # DuckDB reads the rows from a file, for Postgres too: quick, and no value is put into a statement
        path = self.folder / "rows.json"
        path.write_text("\n".join(json.dumps(row, default=_json) for row in rows), encoding="utf-8")
        read = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
        with closing(duckdb.connect() if self.postgres else duckdb.connect(str(self.file))) as connection:
            if self.postgres is not None:
                from duckdb_extensions import import_extension

                import_extension("postgres_scanner")
                connection.execute("load postgres_scanner")
                connection.execute(f"attach '{self.postgres}' as server (type postgres)")
                table = f"server.{table}"
            connection.execute(f"insert into {table} select * from read_json('{path}', columns={{{read}}})")

    def environment(self, **settings: str) -> dict[str, str]:
        """Environment of dbt alone: where the warehouse is, and nothing of the platform."""
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("CHAT_PLATFORM_", "DBT_", "PG_"))
        }
        own = {
            "CHAT_PLATFORM_SOURCES": "voice",
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "target"),
            "PYTHONWARNINGS": "ignore",
            **{f"CHAT_PLATFORM_{name.upper()}": value for name, value in settings.items()},
        }
        if self.postgres is None:
            return {**kept, **own, "CHAT_PLATFORM_DUCKDB_FILE": str(self._linked() / self.file.name)}
        parts = urlsplit(self.postgres)
        host = dict(item.split("=", 1) for item in parts.query.split("&") if item).get("host", parts.hostname or "")
        return {
            **kept,
            **own,
            "CHAT_PLATFORM_DBT_TARGET": "postgres",
            "PG_HOST": host.replace("%2F", "/"),
            "PG_PORT": str(parts.port or 5432),
            "PG_USER": parts.username or "postgres",
            "PG_PASSWORD": parts.password or "",
            "PG_DATABASE": parts.path.strip("/"),
        }

    def _linked(self) -> Path:
        """The folder by a name that all have in turn: where the path of the database changes, dbt parses anew."""
        LINK.unlink(missing_ok=True)
        LINK.symlink_to(self.folder)
        return LINK

    def dbt(self, *arguments: str, prefix: str = "bot", **settings: str) -> subprocess.CompletedProcess[str]:
        """dbt in a process of its own. `settings`: voice_readings and the like."""
        return subprocess.run(
            [
                str(Path(sys.executable).with_name("dbt")), *arguments, "--profiles-dir", ".",
                "--vars", json.dumps({"source_schema_prefix": prefix}),
            ],
            env=self.environment(**settings),
            cwd=PROJECT_DIR,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )  # fmt: skip

    def run(self, *arguments: str, prefix: str = "bot", **settings: str) -> str:
        """The same, and it succeeds; what dbt said."""
        done = self.dbt(*arguments, prefix=prefix, **settings)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout

    def rows(self, table: str, prefix: str = "bot") -> list[Row]:
        """Rows of a KPI table as dictionaries."""
        names = [
            name
            for (name,) in self.execute(
                "select column_name from information_schema.columns "
                f"where table_schema = '{prefix}_kpi' and table_name = '{table}' order by ordinal_position"
            )
        ]
        spelled = ", ".join(f'"{name}"' for name in names)
        return [
            dict(zip(names, row, strict=True)) for row in self.execute(f"select {spelled} from {prefix}_kpi.{table}")
        ]
