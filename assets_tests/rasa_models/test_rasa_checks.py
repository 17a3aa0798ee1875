"""The checks that look over the semantic tables of Rasa: they pass on what was built, and only then."""

import random
from pathlib import Path

from rasa_feed import deliveries
from rasa_warehouse import RasaWarehouse


def test_messages_stand_once_and_unit_tests_pass(tmp_path: Path) -> None:
    warehouse = RasaWarehouse(tmp_path)
    warehouse.fill("acme", deliveries(random.Random(4), senders=20, loads=1))
    warehouse.complete("acme", "load-0")
    told = warehouse.run("build", prefix="acme")
    assert "PASS rasa_messages_stand_once" in told
    assert "PASS int_rasa__ordered_events::rasa_deliveries_of_one_event_are_one" in told
    assert "PASS int_rasa__stories::rasa_stories_end_as_the_worst_that_happened" in told
    warehouse.execute(
        "delete from acme_semantic.bot_messages where id = (select min(id) from acme_semantic.bot_messages)"
    )
    done = warehouse.dbt("test", "--select", "rasa_messages_stand_once", prefix="acme")
    assert done.returncode == 1
    assert "Got 1 result" in done.stdout
