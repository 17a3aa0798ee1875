"""The sample feed, delivered in two loads, against what its generator knows about it."""

from collections import Counter
from typing import Any

import pytest
from homes import Home

from chat_platform.sample.chat import TABLES, Truth


def counted(home: Home, sql: str) -> dict[Any, int]:
    return dict(home.query(sql))


def test_lines(sample: Home, truth: Truth) -> None:
    ((loads, lines, blank, rejected, duplicates, superseded, accepted),) = sample.query(
        "select count(*), sum(lines_read), sum(blank), sum(rejected), sum(duplicates), sum(superseded), sum(accepted) "
        "from demo_ops.loads"
    )
    assert loads == 2
    assert lines == truth.lines
    assert blank == truth.blank
    assert rejected == truth.rejected_total
    assert duplicates == truth.duplicates
    assert superseded == truth.superseded
    assert accepted == truth.accepted
    assert min(truth.blank, truth.rejected_total, truth.duplicates, truth.superseded) > 5


def test_refused_lines_by_reason(sample: Home, truth: Truth) -> None:
    found = counted(
        sample, "select reason, sum(lines)::int from demo_ops.load_issues where severity = 'rejected' group by 1"
    )
    assert found == truth.rejected


def test_files(sample: Home, truth: Truth) -> None:
    found = counted(sample, "select source_file, lines_read from demo_ops.load_files")
    assert found == {f"chat/{file.path}": file.lines for file in truth.files}


def test_each_load_keeps_all_its_lines(sample: Home) -> None:
    for load_id, lines, rest, accepted, superseded in sample.query(
        "select load_id, lines_read, blank + rejected + duplicates + superseded + accepted, accepted, superseded "
        "from demo_ops.loads"
    ):
        assert lines == rest
        of_load = f"where load_id = '{load_id}'"
        assert sample.value(f"select count(*) from demo_chat.chat_sessions {of_load}") == accepted > 0
        assert sample.value(f"select count(*) from demo_semantic.interactions {of_load}") == accepted
        assert sample.value(f"select count(*) from demo_ops.superseded_messages {of_load}") == superseded > 0
        assert sample.value(f"select sum(lines_read) from demo_ops.load_files {of_load}") == lines


@pytest.mark.parametrize("table", TABLES)
def test_rows_by_table_and_date(sample: Home, truth: Truth, table: str) -> None:
    found = sample.query(f"select event_date, count(*) from demo_chat.{table} group by 1")
    assert {day.isoformat(): rows for day, rows in found} == truth.tables[table]


def test_steps(sample: Home, truth: Truth) -> None:
    assert counted(sample, "select tool_type, count(*) from demo_chat.tool_usage group by 1") == truth.tool_types
    assert sample.value("select sum(typeless_steps) from demo_chat.chat_sessions") == truth.typeless_steps
    assert sample.value("select sum(typed_steps) from demo_chat.chat_sessions") == truth.rows("tool_usage")
    unrouted = "select count(*) from demo_chat.tool_usage where classification_target is null"
    assert sample.value(unrouted) == truth.unrouted_steps > 0
    found = counted(sample, "select coalesce(domain_name, ''), count(*) from demo_chat.web_automations group by 1")
    assert found == truth.domains


def test_statuses(sample: Home, truth: Truth) -> None:
    by_status = "select task_completion_status, count(*) from demo_chat.chat_sessions"
    assert counted(sample, f"{by_status} group by 1") == truth.statuses
    assert counted(sample, f"{by_status} where agent_steps > 0 group by 1") == truth.agent_statuses
    reasons = "select task_completion_reason, count(*) from demo_chat.chat_sessions where not has_response group by 1"
    assert counted(sample, reasons) == truth.no_response_reasons


def test_conversations_and_users(sample: Home, truth: Truth) -> None:
    assert sample.value("select count(user_query) from demo_chat.chat_sessions") == truth.queries
    assert sample.value("select count(*) from demo_chat.query_classifications") == truth.queries
    assert sample.value("select count(distinct thread_id) from demo_chat.chat_sessions") == truth.threads
    over_midnight = (
        "select count(*) from (select thread_id from demo_chat.chat_sessions where thread_id is not null "
        "group by thread_id having count(distinct event_date) > 1) as threads"
    )
    assert sample.value(over_midnight) == truth.threads_over_midnight > 0
    assert sample.value("select count(*) from demo_semantic.conversations") == truth.conversations
    assert sample.value("select count(*) from demo_semantic.sessions") == truth.conversations
    assert sample.value("select count(user_id) from demo_chat.chat_sessions") == truth.messages_with_user
    assert sample.value("select count(distinct user_id) from demo_chat.chat_sessions") == truth.known_users
    assert sample.value("select count(*) from demo_semantic.users") == truth.known_users


def test_a_session_lies_on_the_date_on_which_it_starts(sample: Home) -> None:
    first = {
        conversation: (day, messages)
        for conversation, day, messages in sample.query(
            "select conversation_id, min(event_date), count(*) from demo_chat.chat_sessions group by 1"
        )
    }
    sessions = sample.query("select conversation_id, event_date, interactions_count from demo_semantic.sessions")
    assert {conversation: (day, messages) for conversation, day, messages in sessions} == first


def test_cost(sample: Home, truth: Truth) -> None:
    for source in ("demo_chat.usage_metrics", "demo_kpi.message_costs"):
        assert float(sample.value(f"select sum(total_cost) from {source}")) == pytest.approx(truth.total_cost, abs=1e-6)
    by_dimension = sample.query(
        "select dimension, sum(numerator) from demo_kpi.daily where kpi = 'total_cost' group by 1"
    )
    assert len(by_dimension) == 6
    for dimension, cost in by_dimension:
        assert float(cost) == pytest.approx(truth.total_cost, abs=1e-9), dimension


def test_the_lake_holds_every_typed_line(sample: Home, truth: Truth) -> None:
    import pyarrow.parquet as pq

    files = Counter(path.parent.name for path in (sample.root / "lake" / "chat").glob("event_date=*/*.parquet"))
    assert len(files) == len(truth.tables["chat_sessions"])
    rows = sum(pq.ParquetFile(path).metadata.num_rows for path in (sample.root / "lake" / "chat").rglob("*.parquet"))
    assert rows == truth.accepted + truth.duplicates + truth.superseded
