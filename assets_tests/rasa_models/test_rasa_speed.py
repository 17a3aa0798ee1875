"""An increment costs what it touches, not what there is."""

import random
import time

import pytest
from rasa_feed import conversation, deliveries
from rasa_reference import Delivery
from rasa_warehouse import RasaWarehouse


def seconds_of_an_increment(warehouse: RasaWarehouse, senders: int) -> float:
    """The quickest of three increments, each with late events of 1 % of the senders."""
    warehouse.fill("acme", deliveries(random.Random(5), senders=senders, loads=1))
    warehouse.complete("acme", "load-0")
    warehouse.run("seed", prefix="acme")
    warehouse.run("run", prefix="acme")
    taken = []
    for number in range(3):
        rng = random.Random(number)
        late = [
            event for who in rng.sample(range(senders), senders // 100) for event in conversation(rng, f"s{who:05}")[:5]
        ]
        warehouse.fill("acme", [Delivery(f"late-{number}", tuple(late), is_tracker=False, name="lines")])
        warehouse.complete("acme", f"late-{number}")
        started = time.monotonic()
        warehouse.run("run", prefix="acme")
        taken.append(time.monotonic() - started)
    return min(taken)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_an_increment_on_ten_times_the_history_takes_no_more_than_half_as_long_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    once = seconds_of_an_increment(RasaWarehouse(tmp_path_factory.mktemp("once")), 2_000)
    ten_times = seconds_of_an_increment(RasaWarehouse(tmp_path_factory.mktemp("ten")), 20_000)
    assert ten_times <= 1.5 * once, (once, ten_times)
