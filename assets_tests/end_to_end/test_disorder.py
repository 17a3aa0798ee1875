"""Whatever the order, the split and the repetition of deliveries, and whatever dates are made anew in between: in the
end all tables are those of one full refresh.
"""

import random
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from homes import FEED, Home, assert_same

FIRST, DAYS = FEED["first_date"], FEED["days"]


def deliveries(rnd: random.Random, lines: list[bytes], files: int) -> list[bytes]:
    """The lines in any order, cut into files, some of them delivered again in later ones."""
    shuffled = rnd.sample(lines, len(lines))
    cuts = sorted(rnd.sample(range(1, len(lines)), files - 1))
    parts = [shuffled[start:end] for start, end in zip([0, *cuts], [*cuts, len(lines)], strict=True)]
    for number in range(1, len(parts)):
        earlier = [line for part in parts[:number] for line in part]
        parts[number] += rnd.sample(earlier, min(len(earlier), rnd.randint(0, 40)))
        rnd.shuffle(parts[number])
    return [b"\n".join(part) + b"\n" for part in parts]


def some_dates(rnd: random.Random) -> tuple[date, date]:
    """A range of dates of the feed, or reaching over its edges."""
    first = FIRST + timedelta(days=rnd.randint(-1, DAYS - 1))
    return first, first + timedelta(days=rnd.randint(0, 2))


# Files and backfills of a case; a backfill comes after any of the publishes, the last one included.
CASES = [
    (1, 2, 1),
    (2, 2, 1),
    (3, 2, 0),
    *(pytest.param((seed, 2 + seed % 3, 1 + seed % 2), marks=pytest.mark.long) for seed in range(4, 46)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"seed{case[0]}")
def test_any_order_any_split_any_repetition(
    case: tuple[int, int, int], new_home: Callable[..., Home], refreshed: Home, lines: list[bytes]
) -> None:
    seed, files, backfills = case
    home, rnd = new_home(), random.Random(seed)
    after = [rnd.randrange(files) for _ in range(backfills)]
    for number, data in enumerate(deliveries(rnd, lines, files)):
        home.write(f"{rnd.randint(0, 999):03d}-{number}.jsonl", data)
        home.publish()
        for _ in range(after.count(number)):
            home.backfill(*some_dates(rnd))
    assert_same(home.dump(), refreshed.dump())
    ((read, rest),) = home.query(
        "select sum(lines_read), sum(blank + rejected + duplicates + superseded + accepted) from demo_ops.loads"
    )
    assert read == rest >= len(lines)
    messages = home.value("select count(*) from demo_chat.chat_sessions")
    assert home.value("select sum(accepted) from demo_ops.loads") == messages
    lost = home.value("select count(*) from demo_ops.superseded_messages")
    assert home.value("select sum(superseded) from demo_ops.loads") == lost > 0


@pytest.mark.parametrize("seed", [101, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(102, 112))])
def test_a_new_warehouse_from_the_same_lake(
    seed: int, new_home: Callable[..., Home], refreshed: Home, lines: list[bytes]
) -> None:
    """Only the lake is needed to make everything anew, counts of the loads included."""
    home = new_home()
    rnd = random.Random(seed)
    for number, data in enumerate(deliveries(rnd, lines, 3)):
        home.write(f"{number}.jsonl", data)
        home.publish_without_dbt()
    counts = "select * exclude (ingested_at) from demo_ops.loads order by load_sequence"
    before = home.query(counts, working=True)
    (home.root / "warehouse.duckdb.working").unlink()
    shutil.rmtree(home.root / "landing")
    (home.root / "landing" / "chat").mkdir(parents=True)
    home.publish()
    assert_same(home.dump(), refreshed.dump())
    assert home.query(counts) == before


def test_a_message_that_wins_later_moves_between_threads_and_dates(new_home: Callable[..., Home]) -> None:
    """The version that stays lies in another thread and on a later date: no trace is left of where it was."""
    import json

    def message(number: int, seconds: float, thread: str, **more: Any) -> bytes:
        body = {
            "@timestamp": 1_774_700_000 + seconds,
            "timestamp": "2026-03-28T12:13:20Z",
            "thread_id": thread,
            "request_body": {"messages": [{"role": "user", "content": f"question {number}"}]},
            "response_body": {
                "id": f"id-{number}",
                "choices": [{"finish_reason": "stop", "message": {"content": "a"}}],
                **more,
            },
        }
        return json.dumps(body).encode() + b"\n"

    home = new_home()
    home.write("1.jsonl", message(1, 0, "a") + message(2, 10, "a") + message(3, 90_010, "b"))
    home.publish()
    sessions = (
        "select session_id, event_date::text, interactions_count::int, first_model_id from demo_semantic.sessions "
        "order by 1"
    )
    messages = (
        "select event_date::text, dimension, dimension_value, numerator::int from demo_kpi.daily "
        "where kpi = 'messages' and dimension in ('all', 'thread') order by 1, 2, 3"
    )
    assert home.query(sessions) == [("a", "2026-03-28", 2, None), ("b", "2026-03-29", 1, None)]
    home.write("2.jsonl", message(1, 90_000, "b", model="newer"))
    home.publish()
    assert home.query(sessions) == [("a", "2026-03-28", 1, None), ("b", "2026-03-29", 2, "newer")]
    assert home.query(messages) == [
        ("2026-03-28", "all", "all", 1),
        ("2026-03-28", "thread", "a", 1),
        ("2026-03-29", "all", "all", 2),
        ("2026-03-29", "thread", "b", 2),
    ]
    for table in ("chat.chat_sessions", "semantic.interactions", "semantic.user_messages", "kpi.message_costs"):
        assert home.value(f"select count(*) from demo_{table}") == 3
    assert home.value("select count(*) from demo_ops.superseded_messages") == 1


@pytest.mark.long
def test_a_backfill_of_dates_without_messages_changes_nothing(refreshed: Home, tmp_path: Path) -> None:
    home = refreshed.copy_to(tmp_path / "home")
    before = home.dump()
    home.backfill(FIRST - timedelta(days=40), FIRST - timedelta(days=38))
    assert_same(home.dump(), before)
