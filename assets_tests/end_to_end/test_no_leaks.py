"""What the sample feed plants must not be found outside the restricted areas: not in a table, a log or an output.

Restricted are landing, the refused lines of the lake, and for e-mail and phone numbers the text columns of the lake.
"""

import gzip
import json
import re
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from homes import TEST_KEY, Home
from search import contents, files_of, found_in
from voice.voice_builder import event as call_event
from voice.voice_builder import line

from chat_platform.lake.ingest import ingest
from chat_platform.sample.chat import Truth

# Kinds that even the lake must not hold: they are read from headers, or not at all.
NEVER_KEPT = ("token", "user_id", "visitor_id")


def below(home: Home, *places: str) -> list[Path]:
    roots = [home.root / place for place in places]
    return [path for path in files_of(home) if any(path.is_relative_to(root) for root in roots)]


@pytest.fixture(scope="module")
def planted(truth: Truth) -> list[str]:
    assert set(truth.secrets) == {"email", "phone", "token", "user_id", "visitor_id"}
    assert all(len(values) >= 5 for values in truth.secrets.values())
    return [value for values in truth.secrets.values() for value in values]


def test_the_search_finds_what_is_planted(sample: Home, planted: list[str], tmp_path: Path) -> None:
    assert set(found_in(below(sample, "landing"), planted)) == set(planted)
    secret = planted[0]
    rows = [f"text {number} {secret if number == 900 else ''}" for number in range(2000)]
    (tmp_path / "a.zst").write_bytes(zstandard.compress("\n".join(rows).encode()))
    pq.write_table(pa.table({"nested": [[{"deep": row.encode()}] for row in rows]}), tmp_path / "b.parquet")
    with duckdb.connect(str(tmp_path / "c.duckdb")) as connection:
        connection.register("given", pa.table({"word": rows}))
        connection.execute("create schema other; create table other.words as select * from given; checkpoint")
    with closing(sqlite3.connect(tmp_path / "d.db")) as storage:
        storage.execute("create table runs (body blob)")
        storage.execute("insert into runs values (?)", [zlib.compress("\n".join(rows).encode())])
        storage.commit()
    for path in sorted(tmp_path.iterdir()):
        assert found_in([path], [secret]) == {secret: path.name}
    shutil.rmtree(tmp_path)


def test_nothing_outside_the_restricted_areas(sample: Home, planted: list[str]) -> None:
    restricted = below(sample, "landing", "lake/rejects", "lake/chat")
    others = [path for path in files_of(sample) if path not in restricted]
    names = {path.name for path in others}
    # The search has to have seen what it is about.
    assert {"warehouse.duckdb", "warehouse.duckdb.working", "cli-stdout.txt", "cli-stderr.txt", "dbt.log"} <= names
    assert {"index.db", "runs.db"} & names, "storage of Dagster"
    assert any(path.is_relative_to(sample.root / "dagster") and path.suffix == ".db" for path in others)
    assert any(path.parent.name == "_loads" for path in others)
    assert (sample.root / "cli-stdout.txt").stat().st_size > 1000
    assert found_in(others, planted) == {}


def test_every_table_is_searched(sample: Home) -> None:
    blocks = set(contents(sample.root / "warehouse.duckdb"))
    for table in ("demo_chat.chat_sessions", "demo_event._loads", "demo_ops.run_scope", "demo_semantic.users"):
        assert table.encode() in blocks
    queries = sample.value("select count(*) from demo_chat.chat_sessions where user_query like '%[email]%'")
    numbers = sample.value("select count(*) from demo_chat.chat_sessions where user_query like '%[number]%'")
    addresses = sample.value("select count(*) from demo_chat.web_automations where action_url like '%[email]%'")
    assert min(queries, numbers) > 0, "what was planted has come as far as the tables, masked"
    assert addresses > 0, "as are addresses of pages"


def test_the_lake_keeps_no_header(sample: Home, truth: Truth) -> None:
    kept = below(sample, "lake/chat")
    assert kept
    values = [value for kind in NEVER_KEPT for value in truth.secrets[kind]]
    assert found_in(kept, values) == {}
    # Text as it came is what the lake is restricted for: the search does see it there.
    assert found_in(kept, truth.secrets["email"])


def test_only_the_line_itself_of_a_refused_line_holds_text(
    new_home: Callable[..., Home], planted: list[str], tmp_path: Path
) -> None:
    """Lines that are refused for every reason, each full of what must not be told."""
    home = new_home()
    secret = " ".join(planted)
    good = json.dumps({"@timestamp": 1_774_700_000, "request_body": {"query": "q", secret: secret}, secret: secret})
    bad = [
        good[:-9],
        f'["{secret}"]',
        good.replace("1774700000", json.dumps(secret)),
        good.replace("1774700000", "17747000000000"),
        good.replace('"request_body": {', f'"request_body": "{secret}", "other": {{'),
        good[:-1] + f', "{secret}": 1}}',
        good.replace('"q"', "[" * 1200 + f'"{secret}"' + "]" * 1200),
        good[:-1] + ',"x": NaN}',
    ]
    data = "\n".join([good, *bad]).encode() + b"\n\xff" + good.encode() + b"\n" + good.encode()[: len(good) // 2]
    home.write("bad.jsonl", data)
    home.write("bad.jsonl.gz", gzip.compress(data)[:-30])
    done = ingest(home.settings, "chat")
    assert done.manifest is not None
    assert done.manifest.rejected >= 2 * len(bad)
    assert len({issue.reason for issue in done.manifest.issues}) >= 7
    refused = below(home, "lake/rejects")
    assert set(found_in(refused, planted)) == set(planted), "refused lines are kept as they came"
    others = [path for path in files_of(home) if path not in [*refused, *below(home, "landing")]]
    assert any(path.parent.name == "_loads" for path in others)
    assert found_in(others, planted) == {}
    for path in refused:
        pq.write_table(pq.read_table(path).drop_columns(["raw_line"]), tmp_path / path.name)
    assert found_in(tmp_path.glob("*.parquet"), planted) == {}


def test_the_pseudonym_key_is_nowhere(sample: Home) -> None:
    assert found_in(files_of(sample), [TEST_KEY]) == {}


def test_lake_and_refused_lines_are_for_their_owner(sample: Home) -> None:
    assert (sample.root / "lake").stat().st_mode & 0o077 == 0


class Planter:
    """Puts a mobile number, an e-mail address and a CPF of its own into every text of an event."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}

    def text(self, place: str, given: str = "") -> str:
        number = len(self.secrets)
        for secret in (f"119{70_000_000 + number}", f"ana{number}@example.com", f"{100 + number}.982.247-25"):
            self.secrets[secret] = place
            given += f"_{secret}" if secret.isdecimal() else f" {secret}"
        return given

    def planted(self, item: Any, place: str, kept: frozenset[str]) -> Any:
        """A copy with something in each text, but under the keys that are kept, which say what the event is."""
        if isinstance(item, dict):
            return {k: v if k in kept else self.planted(v, f"{place}.{k}", kept) for k, v in item.items()}
        if isinstance(item, list):
            return [self.planted(value, place, kept) for value in item]
        return self.text(place, item) if isinstance(item, str) else item


def rasa_feed(planter: Planter) -> list[dict[str, Any]]:
    """An event of each kind that models read, and one that none knows, in one conversation; a second one by number."""
    metadata = {"model_id": "m", "rasa_environment": "production", "session_id": "s", "utter_action": "utter_hi"}
    parse = {"intent": {"name": "inform", "confidence": 0.9}, "text": "hi", "message_id": "m",
             "entities": [{"entity": "phone", "value": "hi"}], "intent_ranking": [{"name": "inform"}]}  # fmt: skip
    user = {"text": "hi", "parse_data": parse, "input_channel": "rest", "message_id": "m"}
    kinds: list[dict[str, Any]] = [
        {"event": "action", "name": "action", "policy": "RulePolicy", "action_text": "hi"},
        {"event": "session_started"},
        {"event": "user", **user, "parse_data": parse | {"intent": {"name": "view_bill_details", "confidence": 0.4}}},
        {"event": "active_loop", "name": "form"},
        {"event": "slot", "name": "requested_slot", "value": "amount"},
        {"event": "bot", "text": "hi", "data": {"buttons": [{"title": "hi"}]}},
        {"event": "user", **user},
        {"event": "slot", "name": "amount", "value": {"of": ["one", {"two": "three"}]}},
        {"event": "slot", "name": "name", "value": "one"},
        {"event": "flow_started", "flow_id": "flow", "step_id": "step"},
        {"event": "flow_completed", "flow_id": "flow", "step_id": "step"},
        {"event": "something_new", "text": "hi", "of": ["one"]},
    ]  # fmt: skip
    kept = frozenset({"event", "session_id"})
    feed = []
    for sender in ("web-1", "+5511960000001"):
        for number, kind in enumerate(kinds):
            # Each begins with an intent that the stories know, so that these have something to tell.
            own = kept | {"intent"} if number == 2 else kept
            made = planter.planted({**kind, "metadata": metadata}, f"rasa.{kind['event']}", own)
            feed.append({"sender_id": sender, "timestamp": 1_767_862_800.0 + number, **made})
    planter.secrets["5511960000001"] = "rasa.sender_id"
    return feed


# What names or types an event of a call, and the phone, which is a pseudonym from the first step on.
OF_CALLS = frozenset({"id", "eventType", "version", "when", "through", "correlationId", "identifiers"})


def call_feed(planter: Planter) -> list[dict[str, Any]]:
    """A call with an event of each kind that has a table, and one of a kind that none knows; numbers as numbers too."""
    kinds = (
        "CustomerInitiatedCall", "AgentTalkedCustomer", "CustomerTalkedAgent", "AgentTransferedCustomer",
        "AgentSolvedRequest", "CustomerAbandonedAgent", "CustomerCallEnded", "AgentCalledAPI", "CustomerAnsweredSurvey",
    )  # fmt: skip
    planter.secrets["11968322333"] = "voice.identifiers"
    feed = [planter.planted(call_event(kind, 1, n), f"voice.{kind}", OF_CALLS) for n, kind in enumerate(kinds)]
    own = {"note": "hi", "of": [{"to": "hi"}]}
    feed.append(planter.planted(call_event("RobotWrote", 1, 9, **own), "voice.custom", OF_CALLS))
    feed[-1]["to"] = feed[7]["context"]["api"]["executionElapsedTime"] = 11968322333
    return feed


@pytest.mark.long
def test_nothing_that_rasa_and_voice_say_is_published(new_home: Callable[..., Home]) -> None:
    """Every text of every kind of event: in no published table, log or output; and a leak names its field."""
    home = new_home(sources="rasa,voice", first_date="2018-01-01")
    planter = Planter()
    for source, feed in (("rasa", rasa_feed(planter)), ("voice", call_feed(planter))):
        home.write(f"../{source}/all.jsonl", b"".join(line(item) + b"\n" for item in feed))
    assert len(planter.secrets) > 200
    home.publish()
    assert home.query("select count(*) from demo_semantic.sessions group by source order by source") == [(2,), (1,)]
    written = below(home, "landing", "lake")
    assert set(found_in(written, planter.secrets)) == set(planter.secrets), "the search sees what was delivered"
    published = repr(home.dump(("semantic", "kpi", "ops", "voice")))
    assert len(re.findall(r"\[number\]", published)) > 100
    leaks = {f"{place}: {secret}" for secret, place in planter.secrets.items() if secret in published}
    assert leaks == set()
    warehouse = [path for path in files_of(home) if ".duckdb" in path.name]
    others = [path for path in files_of(home) if path not in [*written, *warehouse]]
    assert {"dbt.log", "index.db"} <= {path.name for path in others}
    assert found_in(others, planter.secrets) == {}
