"""Small pieces of the voice source: events, delivering, publishing without dbt, dumps."""

import copy
import json
import uuid
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from homes import LINEAGE, Dump

from chat_platform.lake.ingest import ingest
from chat_platform.lake.manifest import Manifest, read_manifests
from chat_platform.publish.voice import VOICE_TABLES, Publication, publish
from chat_platform.settings import Settings
from chat_platform.warehouse.connection import open_warehouse

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "voice"
FIRST_DATE = "2018-01-01"
PHONE = "11968322333"
Event = dict[str, Any]
_CONTEXTS: dict[str, Event] = {
    "CustomerInitiatedCall": {"customer": {"capturedText": "start_conversation", "listenedDataUsage": False}},
    "AgentTalkedCustomer": {
        "agent": {"text": "Olá", "command": "<Response/>", "dialogType": "DES", "scriptPoint": "12"},
        "customer": {"capturedText": "oi", "cleansedText": "oi", "nlp": {"intent": "INTERNET", "score": 0.5}},
    },
    "CustomerTalkedAgent": {
        "customer": {
            "capturedText": "oi",
            "cleansedText": "oi",
            "nlp": {
                "intent": "INTERNET",
                "score": 0.5,
                "realResponse": {
                    "topScoringIntent": {"intent": "INTERNET", "score": 0.5},
                    "intents": [{"intent": "INTERNET", "score": 0.5}],
                },
            },
        }
    },
    "AgentTransferedCustomer": {"agent": {"text": "Um instante", "command": "<Response/>", "dialogType": "DES"}},
    "AgentSolvedRequest": {
        "agent": {"solution": {"lastSolution": "Consumo", "previousSolutions": ["Outra"]}},
        "customer": {"capturedText": "oi", "cleansedText": "oi", "nlp": {"intent": "INTERNET", "score": 0.5}},
    },
    "CustomerAbandonedAgent": {"customer": {"capturedText": "call_disconnected_by_the_customer"}},
    "CustomerCallEnded": {"customer": {"reason": "AgentSolvedRequest"}},
    "AgentCalledAPI": {
        "api": {
            "apiName": "LUIS", "uri": "https://luis.example/q", "headers": "", "body": "{}", "httpStatus": 200,
            "executionElapsedTime": 12,
        }
    },
    "CustomerAnsweredSurvey": {"survey": {"scale": "0-10", "electronicScore": 9, "humanScore": None}},
}  # fmt: skip


def identifier(*names: object) -> str:
    """A UUID of these names."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, repr(names)))


def event(kind: str = "AgentTalkedCustomer", call: object = 1, second: int = 0, **parts: Any) -> Event:
    """A faultless event of a call, `second` seconds after 2018-06-13 12:00 UTC; `parts` replace its fields."""
    context = copy.deepcopy(_CONTEXTS.get(kind, {"customer": {}}))
    if "customer" in context or kind == "AgentTransferedCustomer":
        context.setdefault("customer", {})["identifiers"] = [{"key": "phone", "value": PHONE}]
    hours, rest = divmod(second, 3600)
    days, hours = divmod(12 + hours, 24)
    base = {
        "id": identifier(kind, call, second),
        "eventType": kind,
        "version": 1,
        "when": f"2018-06-{13 + days:02}T{hours:02}:{rest // 60:02}:{rest % 60:02}.000Z",
        "through": "vda-vivo",
        "correlationId": identifier(call),
        "context": context,
    }
    return {**base, **parts}


def changed(base: Event, path: str, value: Any) -> Event:
    """A copy of the event with another value at a path such as context.agent.text."""
    made = copy.deepcopy(base)
    *steps, last = path.split(".")
    place = made
    for step in steps:
        place = place.setdefault(step, {})
    place[last] = value
    return made


def without(base: Event, path: str) -> Event:
    """A copy of the event without a field."""
    made = copy.deepcopy(base)
    *steps, last = path.split(".")
    place = made
    for step in steps:
        place = place[step]
    del place[last]
    return made


def line(item: Any) -> bytes:
    """A line of a file: bytes as they are, the rest as JSON."""
    return item if isinstance(item, bytes) else json.dumps(item, ensure_ascii=False).encode()


def deliver(settings: Settings, name: str, items: Iterable[Any] | bytes) -> None:
    """A file in landing: bytes as they are, or one item a line."""
    path = settings.landing / "voice" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(items if isinstance(items, bytes) else b"".join(line(item) + b"\n" for item in items))


def take(settings: Settings, name: str, items: Iterable[Any] | bytes) -> Manifest:
    """Deliver and load."""
    deliver(settings, name, items)
    done = ingest(settings, "voice")
    assert done.manifest is not None, done.notices
    return done.manifest


def load(settings: Settings, name: str, items: Iterable[Any] | bytes, *, finished: bool = True) -> Publication:
    """Deliver, load and publish; `finished` as if dbt had run."""
    take(settings, name, items)
    done = publish(settings, "run")
    assert done is not None
    if finished:
        finish(settings)
    return done


def finish(settings: Settings) -> None:
    """What dbt does at its end: status 1, and the mark that the scope is done."""
    with open_warehouse(settings) as warehouse:
        loads = warehouse.name("event._loads")
        warehouse.execute(
            f"insert into {loads} select load_id, schema_name, 1, inserted_at, schema_version_hash from {loads} "
            f"where status = 0 and load_id not in (select load_id from {loads} where status = 1)"
        )
        warehouse.execute(
            f"insert into {warehouse.name('ops.run_scope')} (run_id, mode, source, kind, value) "
            "values ('run', 'finished', 'voice', 'done', 'run')"
        )


def query(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a statement; `voice.` and `ops.` stand for the schemas."""
    with open_warehouse(settings) as warehouse:
        named = sql.replace("voice.", f"{settings.schema_name('voice')}.")
        return warehouse.execute(named.replace("ops.", f"{settings.schema_name('ops')}.")).fetchall()


def value(settings: Settings, sql: str) -> Any:
    """The one value of a statement."""
    ((found,),) = query(settings, sql)
    return found


def warnings_of(settings: Settings) -> list[tuple[str, str | None]]:
    """Findings of all events and calls, as (code, field), sorted."""
    found = query(settings, "select warning, field from voice.warnings")
    return sorted(((code, field) for code, field in found), key=repr)


def dump(settings: Settings) -> Dump:
    """All rows of all voice tables, sorted, without what depends on the order of arrival."""
    found: Dump = {}
    with open_warehouse(settings) as warehouse:
        for table in VOICE_TABLES:
            rows = warehouse.execute(f"select * from {warehouse.name(f'voice.{table}')}")
            names = [column[0] for column in rows.description or []]
            kept = [place for place, name in enumerate(names) if name not in LINEAGE]
            found[table] = sorted((tuple(_plain(row[place]) for place in kept) for row in rows.fetchall()), key=repr)
    return found


def _plain(item: Any) -> Any:
    return item.normalize() + 0 if isinstance(item, Decimal) else item


def refused(settings: Settings) -> list[tuple[str, bytes]]:
    """Reasons and lines, without their ends, of all rejects of the lake, in the order of the lines."""
    files = [str(settings.lake / path) for item in read_manifests(settings.lake, "voice") for path in item.rejects]
    if not files:
        return []
    rows = duckdb.execute(
        "select reason, raw_line from read_parquet($1) order by load_id, source_file, line_number", [files]
    ).fetchall()
    return [(reason, raw.rstrip(b"\n")) for reason, raw in rows]


def conserved(settings: Settings) -> None:
    """No load has lost or made a line, and what counts as accepted stands in the tables."""
    loads = query(
        settings,
        "select load_id, lines_read, blank, rejected, duplicates, superseded, accepted from ops.loads",
    )
    standing = dict(query(settings, "select load_id, count(*) from voice.events group by 1"))
    assert loads
    for load_id, lines_read, *parts in loads:
        assert lines_read == sum(parts), (load_id, lines_read, parts)
        assert min(parts) >= 0
        assert standing.pop(load_id, 0) == parts[-1], load_id
    assert not standing
