"""Calls mapped from recorded runs of an agent: no line is lost, and the counts are those of the file."""

import gzip
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from voice.voice_builder import conserved, query, value

from chat_platform.lake.ingest import ingest
from chat_platform.publish.voice import publish
from chat_platform.settings import Settings


@pytest.fixture
def calls(shared: Path) -> Path:
    path = shared / "real" / "voice" / "calls" / "vda_events.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"{path} is missing: real input lies beside the checkout, not in it")
    return path


def test_recorded_calls(calls: Path, make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    (settings.landing / "voice").mkdir()
    shutil.copy(calls, settings.landing / "voice")
    ingest(settings, "voice")
    publish(settings, "run")
    conserved(settings)
    lines = gzip.decompress(calls.read_bytes()).splitlines()
    items = [json.loads(line) for line in lines]
    assert query(settings, "select lines_read, rejected, accepted from ops.loads") == [(len(lines), 0, len(lines))]
    found = dict(query(settings, "select event_type, count(*) from voice.events group by 1"))
    assert found == Counter(item["eventType"] for item in items)
    ((started, transferred),) = query(
        settings, "select count(*) filter (where has_start), count(*) filter (where is_transferred) from voice.calls"
    )
    assert (started, round(100 * transferred / started, 1)) == (200, 24.0)
    assert value(settings, "select count(*) from voice.api_calls where api_name is not null") == 1024
    over = sum(
        len((item["context"]["agent"]["text"] or "").encode()) > 100
        for item in items
        if item["eventType"] == "AgentTalkedCustomer"
    )
    warned = "select count(*) from voice.warnings where warning = 'over_max_bytes' and field = 'context.agent.text'"
    assert value(settings, warned) == over
