"""The made-up Rasa feed comes through input and raw tables with the counts that its generator wrote down."""

from datetime import date
from pathlib import Path

from unpack.rasa_builder import finish, rows

from chat_platform.lake.ingest import ingest
from chat_platform.publish.rasa import publish
from chat_platform.sample.rasa import generate_rasa
from chat_platform.settings import Settings
from chat_platform.warehouse.connection import open_warehouse


def test_the_tables_hold_what_the_generator_made(settings: Settings) -> None:
    truth = generate_rasa(settings.landing / "rasa", events=4000, seed=3, defect_rate=0.05)
    assert min(truth.redelivered, truth.rejected, truth.blank, truth.senders) > 5
    manifest = ingest(settings, "rasa").manifest
    assert manifest is not None
    assert (manifest.lines_read, manifest.blank, manifest.rejected, manifest.typed) == (
        truth.lines, truth.blank, truth.rejected, truth.accepted,
    )  # fmt: skip
    done = publish(settings, "run")
    finish(settings)
    assert done is not None
    assert done.senders == truth.senders
    events = rows(settings, "event")
    assert len(events) == truth.accepted
    with open_warehouse(settings) as warehouse:
        counts = dict(
            warehouse.execute(
                "select event, sum(most) from (select event, content_hash, max(n) as most from ("
                "select event, content_hash, coalesce(delivery, _dlt_id), count(*) as n from demo_event.event "
                "group by all) group by all) group by event"
            ).fetchall()
        )
        (session_starts,) = warehouse.execute("select count(*) from demo_event.event_session_started").fetchone() or (
            0,
        )
    # Equal events on several lines are one; what the feed repeats was delivered again.
    assert counts == truth.events
    assert len({row["model_id"] for row in events}) == 3
    assert {row["environment"] for row in events} == {"production", "staging"}
    assert truth.sessions <= session_starts <= truth.sessions + truth.redelivered


def test_the_same_arguments_give_the_same_files(tmp_path: Path) -> None:
    def files(name: str, seed: int) -> dict[str, bytes]:
        generate_rasa(tmp_path / name, events=500, seed=seed, first_date=date(2026, 3, 1))
        return {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}

    assert files("a", 1) == files("b", 1)
    assert files("c", 2) != files("a", 1)
