"""A home with both sources: one run takes both through, and either alone."""

from collections.abc import Callable

from homes import Home

from chat_platform.sample.rasa import generate_rasa
from chat_platform.status import read_status


def test_one_run_publishes_chat_and_rasa(new_home: Callable[..., Home]) -> None:
    home = new_home()
    truth = generate_rasa(home.root / "landing" / "rasa", events=600, seed=2)
    home.publish()
    assert home.query("select schema_name, status from demo_event._loads order by status") == [
        ("rasa", 0), ("rasa", 1),
    ]  # fmt: skip
    assert home.value("select count(*) from demo_event.event") == truth.accepted
    assert home.value("select count(*) from demo_event.event_user") >= truth.events["user"]
    home.generate(messages=60, seed=1)
    home.publish()
    assert home.query("select schema_name, count(*) from demo_event._loads group by 1 order by 1") == [
        ("chat", 2), ("rasa", 2),
    ]  # fmt: skip
    assert home.value("select count(*) from demo_event.event") == truth.accepted
    status = read_status(home.settings)
    assert status.pending_loads == []
    assert {row["source"] for row in status.loads} == {"chat", "rasa"}
