"""From files to figures: what the platform publishes, with dbt on top of it."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from homes import Home
from test_voice_feeds import near
from test_voice_figures import Figures, assert_first_load, assert_second_load
from voice.voice_builder import FIRST_DATE, GOLDEN, finish, load
from voice_reference import count
from voice_warehouse import VoiceWarehouse, accepted


class Published(VoiceWarehouse):
    """The working file of a home."""

    def __init__(self, home: Home) -> None:
        super().__init__(home.root)
        self.file = home.root / "warehouse.duckdb.working"
        self.home = home

    def rows(self, table: str, prefix: str = "demo") -> list[dict[str, object]]:
        return super().rows(table, prefix)

    def build(self, *arguments: str) -> None:
        """dbt on this home; then the scope is done."""
        done = self.home.dbt(*arguments)
        assert done.returncode == 0, done.stdout[-4000:]
        finish(self.home.settings)


def read(name: str) -> bytes:
    return (GOLDEN / f"{name}.jsonl").read_bytes()


# What depends on other calls of the phone, which may lie on other dates, or on how far the feed has come.
OF_OTHER_CALLS = ("recalls", "fcr", "solved_without", "contained_without")


def check_cells_and_lines(warehouse: Published) -> None:
    """Every date: the lines of the calls that have events on it, found by file and number, give its figures again."""
    landing = warehouse.home.root / "landing"
    tried = 0
    for found in warehouse.rows("voice_daily"):
        with duckdb.connect(str(warehouse.file)) as connection:
            rows = connection.execute(
                "select e.source_file, f.sha256, e.line_number from demo_voice.events as e "
                "inner join demo_semantic.sessions as s on s.source = 'voice' and e.call_id = s.conversation_id "
                "inner join demo_ops.load_files as f on e.load_id = f.load_id and e.source_file = f.source_file "
                "where e.call_id in (select call_id from demo_voice.events where event_date = $1)",
                [found["date"]],
            ).fetchall()
        lines = []
        for name, digest, number in rows:
            data = (landing / name).read_bytes()
            assert hashlib.sha256(data).hexdigest() == digest
            lines.append(data.decode().splitlines()[number - 1])
        events = accepted(lines)
        assert len(events) == len(lines)
        for column, value in count(events)["daily"][found["date"]].items():
            if not column.startswith(OF_OTHER_CALLS) and not column.endswith("_is_final"):
                assert near(found[column], value), (found["date"], column, found[column], value)
                tried += value is not None
    assert tried > 20


def test_the_worked_example_from_its_files(new_home: Callable[..., Home], expected: Figures) -> None:
    home = new_home(sources="voice", first_date=FIRST_DATE)
    settings = home.settings
    load(settings, "survey.jsonl", read("survey"), finished=False)
    load(settings, "events.jsonl", read("events"), finished=False)
    warehouse = Published(home)
    warehouse.build("build", "--exclude-resource-type", "unit_test")
    assert_first_load(warehouse, expected)
    load(settings, "late.jsonl", read("events_late"), finished=False)
    warehouse.build("run")
    assert_second_load(warehouse, expected)
    check_cells_and_lines(warehouse)
    with duckdb.connect(str(warehouse.file)) as connection:
        dates = connection.execute("select cast(event_date as varchar) from demo_ops.scope_dates").fetchall()
    assert dates == [("2018-06-14",)]


@pytest.mark.long
def test_the_real_feed(new_home: Callable[..., Home], shared: Path) -> None:
    home = new_home(sources="voice")
    for path in sorted((shared / "real" / "voice" / "calls").glob("*.jsonl*")):
        load(home.settings, path.name, path.read_bytes(), finished=False)
    warehouse = Published(home)
    warehouse.build("build", "--resource-type", "model", "--resource-type", "seed")
    (whole,) = warehouse.rows("voice_overall")
    assert (whole["initiated_calls"], whole["api_calls"], whole["transfer_pct"]) == (200, 1024, 24.0)
