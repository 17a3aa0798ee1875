"""A whole run of the platform with calls beside messages: one publish, its partitions, and a backfill."""

from collections.abc import Callable
from datetime import date

import dagster as dg
import duckdb
import pytest
from homes import Home, assert_same
from voice.voice_builder import GOLDEN

from chat_platform.instance import open_instance
from chat_platform.status import read_status


@pytest.mark.long
def test_calls_are_published_and_made_anew(new_home: Callable[..., Home]) -> None:
    home = new_home(sources="voice")
    folder = home.root / "landing" / "voice"
    folder.mkdir()
    for name in ("events.jsonl", "survey.jsonl"):
        (folder / name).write_bytes((GOLDEN / name).read_bytes())
    home.publish()
    assert home.value("select count(*) from demo_voice.events") == 61 + 6
    assert home.value("select max(status) from demo_event._loads where schema_name = 'voice'") == 1
    assert [row["reason"] for row in read_status(home.settings).refused]
    with open_instance(home.settings) as instance:
        for view in ("voice_daily", "voice_api_daily", "voice_survey_daily"):
            dates = {day.isoformat() for (day,) in home.query(f"select distinct date from demo_kpi.{view}")}
            assert dates, view
            assert dates <= instance.get_materialized_partitions(dg.AssetKey(["kpi", view])), view
    before = home.dump(("voice",))
    home.backfill(date(2018, 6, 13), date(2018, 6, 14))
    assert_same(home.dump(("voice",)), before)
    rows = {row["table"]: row["rows"] for row in read_status(home.settings).tables}
    for table in ("voice/custom_events", "voice/warnings"):
        assert rows[table] == home.value(f"select count(*) from demo_{table.replace('/', '.')}") > 0
    # What stands is compared with what was accepted over all of history, whatever the last run touched.
    with duckdb.connect(str(home.root / "warehouse.duckdb.working")) as connection:
        connection.execute(
            """
            delete from demo_ops.run_scope;
            delete from demo_ops.scope_dates;
            insert into demo_voice.events select * from demo_voice.events order by event_key limit 5;
            delete from demo_voice.calls where event_date = date '2018-06-13';
            """
        )
    told = home.dbt("test", "--select", "voice_loads_stand_in_tables", "voice_events_stand_in_tables").stdout
    assert "PASS=0 WARN=0 ERROR=2" in told
