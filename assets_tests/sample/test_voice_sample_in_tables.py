"""The made-up calls through the platform: what stands in the tables is what the generator says it made."""

from collections.abc import Callable
from typing import Any

from chat_platform.lake.ingest import ingest
from chat_platform.publish.voice import publish
from chat_platform.sample.voice import generate_voice
from chat_platform.settings import Settings
from chat_platform.warehouse.connection import open_warehouse


def test_the_tables_hold_what_the_generator_made(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    truth = generate_voice(settings.landing / "voice", events=8_000, seed=11, defect_rate=0.03)
    manifest = ingest(settings, "voice").manifest
    assert manifest is not None
    assert (manifest.lines_read, manifest.blank, manifest.rejected) == (truth.lines, truth.blank, truth.rejected)
    assert publish(settings, "test") is not None
    with open_warehouse(settings) as warehouse:

        def counted(sql: str) -> Any:
            return dict(warehouse.execute(sql).fetchall())

        assert counted("select event_type, count(*) from demo_voice.events group by 1") == truth.by_type
        assert counted("select api_name, count(*) from demo_voice.api_calls group by 1") == truth.api_calls
        outcomes = counted("select outcome, count(*) from demo_voice.calls where has_start group by 1")
        assert outcomes == truth.outcomes
        assert warehouse.execute(
            "select count(*) filter (where has_start), count(*) filter (where passed_through_robot), "
            "count(*) filter (where has_start and is_transferred) from demo_voice.calls"
        ).fetchone() == (truth.started, truth.answered, truth.transferred)
        assert warehouse.execute("select accepted, duplicates from demo_ops.loads").fetchone() == (
            truth.events,
            truth.redelivered,
        )
        # Three ways to write a number, one person each.
        (people,) = warehouse.execute("select count(distinct phone_key) from demo_voice.calls").fetchone() or (0,)
        assert 0.3 * truth.calls < people < 0.8 * truth.calls
