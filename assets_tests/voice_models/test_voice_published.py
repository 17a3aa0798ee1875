"""From files to figures: what the platform publishes, with dbt on top of it."""

from collections.abc import Callable
from pathlib import Path

import duckdb
from homes import Home
from test_voice_figures import Figures, assert_first_load, assert_second_load
from voice.voice_builder import FIRST_DATE, GOLDEN, finish, load
from voice_warehouse import VoiceWarehouse


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
    with duckdb.connect(str(warehouse.file)) as connection:
        dates = connection.execute("select cast(event_date as varchar) from demo_ops.scope_dates").fetchall()
    assert dates == [("2018-06-14",)]


def test_the_real_feed(new_home: Callable[..., Home], shared: Path) -> None:
    home = new_home(sources="voice")
    for path in sorted((shared / "real" / "voice" / "calls").glob("*.jsonl*")):
        load(home.settings, path.name, path.read_bytes(), finished=False)
    warehouse = Published(home)
    warehouse.build("run")
    (whole,) = warehouse.rows("voice_overall")
    assert (whole["initiated_calls"], whole["api_calls"], whole["transfer_pct"]) == (200, 1024, 24.0)
