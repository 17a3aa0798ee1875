"""Settings: every wrong value is told at once, with its variable and what would be right, and no secret."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from lake.chat_builder import deliver, message, take

from chat_platform.dbt.project import dbt_environment
from chat_platform.errors import ChatPlatformError, SettingsError
from chat_platform.lake.ingest import ingest
from chat_platform.settings import KEY_FILE, Settings, load_settings, make_home_key

PREFIX = "CHAT_PLATFORM_"
SECRET = "s3cr3t-w0rd"


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings({PREFIX + name: value for name, value in environ.items()})
    assert isinstance(caught.value, ChatPlatformError)
    assert caught.value.__cause__ is None or SECRET not in str(caught.value.__cause__)
    return str(caught.value).splitlines()


TOMORROW = (datetime.now(UTC).date() + timedelta(days=1)).isoformat()


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("PREFIX", "Demo", "lower-case"),
        ("PREFIX", "1demo", "beginning with a letter"),
        ("PREFIX", "a" * 31, "at most 30"),
        ("PREFIX", "demo;drop", "lower-case"),
        ("CHAT_TIME_ZONE", "America/Sao_Paolo", "America/Sao_Paulo"),
        ("CHAT_TIME_ZONE", "+03:00", "IANA"),
        ("VOICE_TIME_ZONE", "localtime", "IANA"),
        ("RASA_TIME_ZONE", "Factory", "IANA"),
        ("VOICE_REPAIR_MISSING_COMMAS", "ja", "use true or false"),
        ("FIRST_DATE", "yesterday", "between 1970-01-01 and today"),
        ("FIRST_DATE", "2024-13-01", "between 1970-01-01 and today"),
        ("FIRST_DATE", "1969-12-31", "between 1970-01-01 and today"),
        ("FIRST_DATE", "1700000000", "2024-01-01"),
        ("FIRST_DATE", TOMORROW, "between 1970-01-01 and today"),
        ("VOICE_EVENT_ALIASES", "RobotSolved=Solved", "RobotSolved=AgentSolvedRequest"),
        ("VOICE_EVENT_ALIASES", "AgentSolvedRequest=CustomerCallEnded", "write another name of an event"),
        ("VOICE_EVENT_ALIASES", "A=CustomerCallEnded,A=AgentCalledAPI", "stands twice"),
        ("VOICE_READINGS", "tma=end_day", "local_start_day, local_end_day, utc_start_day, open_until_now"),
        ("VOICE_READINGS", "tma", "tma=local_end_day"),
        ("VOICE_READINGS", "fcl=calendar_day", "those are tma, interactions, recalls, transfer, api, idk"),
        ("VOICE_READINGS", "idk=sum,idk=union", "stands twice"),
        ("VOICE_LATE_DAYS", "-1", "greater than or equal to 0"),
        ("VOICE_LOST_HOURS", "100", "less than or equal to 48"),
        ("VOICE_SHORT_CALL_SECONDS", "short", "valid integer"),
        ("WAREHOUSE", "warehouse.sqlite", ".duckdb"),
        ("HOME", "~nobody-of-this-name/home", "in full"),
    ],
)
def test_a_wrong_value_names_variable_value_and_advice(name: str, value: str, advice: str) -> None:
    (line,) = problems({name: value})
    assert line.startswith(f"{PREFIX}{name}: got '{value}'; ")
    assert advice in line.split("; ", 1)[1]


@pytest.mark.parametrize(("typed", "minutes"), [("off", None), ("OFF", None), ("60", 60)])
def test_a_gap_may_be_off(typed: str, minutes: int | None) -> None:
    assert load_settings({f"{PREFIX}RASA_SESSION_GAP_MINUTES": typed}).rasa_session_gap_minutes == minutes


@pytest.mark.parametrize("name", ["HOME", "LANDING", "LAKE", "DAGSTER_HOME"])
def test_a_folder_setting_refuses_a_file_and_an_address(name: str, tmp_path: Path) -> None:
    file = tmp_path / "a file"
    file.touch()
    (line,) = problems({name: str(file)})
    assert line.startswith(f"{PREFIX}{name}: got '{file}'; ")
    assert "use a folder" in line
    (line,) = problems({name: "s3://bucket/prefix"})
    assert line.startswith(f"{PREFIX}{name}: ")
    assert "local folder" in line


def test_a_folder_in_place_of_the_warehouse_file(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "warehouse.duckdb"
    folder.mkdir(parents=True)
    for environ in ({"HOME": str(tmp_path / "home")}, {"WAREHOUSE": str(folder)}):
        (line,) = problems(environ)
        assert line.startswith(f"{PREFIX}WAREHOUSE: got '{folder}'; ")
        assert "folder" in line
        assert "path of a file" in line


def test_all_problems_are_told_at_once() -> None:
    lines = problems({"PREFIX": "X", "CHAT_TIME_ZONE": "Mars", "FIRST_DATE": "x", "LANDIN": "y", "WAREHOUSE": "z"})
    named = {line.split(":")[0].split(" ")[0] for line in lines}
    assert named == {PREFIX + name for name in ("PREFIX", "CHAT_TIME_ZONE", "FIRST_DATE", "LANDIN", "WAREHOUSE")}
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("name", "meant"),
    [("LANDIN", "LANDING"), ("WAREHOUSE_URL", "WAREHOUSE"), ("PSEUDONYM_KEYS", "PSEUDONYM_KEY"), ("TIME_ZONE", None)],
)
def test_an_unknown_variable_is_an_error_with_a_suggestion(name: str, meant: str | None) -> None:
    (line,) = problems({name: SECRET})
    assert line.startswith(f"{PREFIX}{name} is not a setting; did you mean {PREFIX}")
    assert meant is None or line.endswith(f"{PREFIX}{meant}?")
    assert SECRET not in line


def test_an_unknown_variable_like_no_other_lists_the_known_ones() -> None:
    (line,) = problems({"QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ": "1"})
    for name in Settings.model_fields:
        assert PREFIX + name.upper() in line


def test_variables_of_others_and_empty_ones_are_left_alone(tmp_path: Path) -> None:
    environ = {"HOME": "/root", "DBT_TARGET": "x", f"{PREFIX}HOME": str(tmp_path), f"{PREFIX}PREFIX": ""}
    assert load_settings(environ).prefix == "demo"


def test_the_key_is_never_shown() -> None:
    lines = problems({"PSEUDONYM_KEY": SECRET, "PREFIX": "X"})
    assert len(lines) == 2
    assert SECRET not in "".join(lines)
    assert any("16 characters" in line for line in lines)
    settings = load_settings({f"{PREFIX}PSEUDONYM_KEY": SECRET * 2})
    for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert SECRET not in shown
    assert settings.require_key("it") == SECRET * 2


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{SECRET}@host:5432/db",
        f"postgres://user:{SECRET}@host/db",
        f"postgresql://user:{SECRET}@[::1]:5432/db",
        f"postgresql:///db?host=/tmp/socket&user=me&password={SECRET}",
        f"postgresql://host/db?password={SECRET}",
    ],
)
def test_the_label_of_a_postgres_warehouse_has_no_password(url: str) -> None:
    settings = load_settings({f"{PREFIX}WAREHOUSE": url})
    assert settings.is_postgres
    assert settings.warehouse == url
    assert SECRET not in settings.warehouse_label
    assert "user" not in settings.warehouse_label
    assert settings.warehouse_label.endswith("/db")


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{SECRET}@host:5432",
        f"postgresql://user:{SECRET}@host:port/db",
        f"postgresql://user:{SECRET}@host:99999/db",
        f"postgresql://user:{SECRET}/x@host/db",
        f"postgresql://user:1/{SECRET}@host/db",
        f"postgresql://user:1#{SECRET}@host/db",
        f"postgres:/user:{SECRET}@host/db",
        f"mysql://user:{SECRET}@host/db",
        f"host=h dbname=d password={SECRET}",
        f"user:{SECRET}@host/db",
    ],
)
def test_a_wrong_address_of_a_warehouse_is_not_repeated(url: str) -> None:
    (line,) = problems({"WAREHOUSE": url})
    assert line.startswith(f"{PREFIX}WAREHOUSE: got (hidden); ")
    assert SECRET not in line


def test_everything_lies_below_home_by_default(tmp_path: Path) -> None:
    settings = load_settings({f"{PREFIX}HOME": str(tmp_path / "h")})
    assert settings.landing == tmp_path / "h" / "landing"
    assert settings.lake == tmp_path / "h" / "lake"
    assert settings.warehouse_file == tmp_path / "h" / "warehouse.duckdb"
    assert settings.dagster_home == tmp_path / "h" / "dagster"
    assert settings.models == tmp_path / "h" / "models"
    assert not (tmp_path / "h").exists()
    moved = load_settings({f"{PREFIX}HOME": str(tmp_path / "h"), f"{PREFIX}LAKE": str(tmp_path / "elsewhere")})
    assert (moved.lake, moved.landing) == (tmp_path / "elsewhere", tmp_path / "h" / "landing")


def test_a_relative_and_a_tilde_home_become_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings({f"{PREFIX}HOME": "here"}).landing == tmp_path / "here" / "landing"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings({f"{PREFIX}HOME": "~/there"}).lake == tmp_path / "there" / "lake"
    (tmp_path / "file").touch()
    (line,) = problems({"HOME": "~/file"})
    assert "use a folder" in line


def test_the_key_of_a_home_is_found_by_its_short_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    make_home_key(tmp_path / "there")
    assert load_settings({f"{PREFIX}HOME": "~/there"}).keys == load_settings({}, home=tmp_path / "there").keys != ()
    (tmp_path / "there" / KEY_FILE).write_bytes(b"\xff" * 5)
    (line,) = problems({"HOME": "~/there"})
    assert line.startswith(f"{PREFIX}PSEUDONYM_KEY: got (hidden); ")
    (line,) = problems({"PSEUDONYM_KEY": " " * 40})
    assert "use at least 16 characters" in line


def test_defaults_of_the_rest() -> None:
    settings = load_settings({})
    assert (settings.prefix, settings.chat_time_zone, settings.first_date) == ("demo", "UTC", date(2015, 1, 1))
    assert settings.schema_name("kpi") == "demo_kpi"
    assert settings.time_zone("chat") == "UTC"


def test_without_a_key_nothing_is_written(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(pseudonym_key=None)
    deliver(settings, "a.jsonl", [message()])
    with pytest.raises(SettingsError) as caught:
        ingest(settings, "chat")
    assert f"{PREFIX}PSEUDONYM_KEY" in str(caught.value)
    assert "export" in str(caught.value)
    assert not settings.lake.exists()


def test_another_key_than_before_is_refused(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    first = take(settings, "a.jsonl", [message()])
    deliver(settings, "b.jsonl", [message("r-2")])
    other = make_settings(pseudonym_key="another key of good length")
    with pytest.raises(SettingsError, match="earlier key") as caught:
        ingest(other, "chat")
    assert "another key of good length" not in str(caught.value)
    second = ingest(settings, "chat").manifest
    assert second is not None
    assert (first.sequence, second.sequence) == (1, 2)


def test_rules_of_a_bot_reach_dbt_by_their_names() -> None:
    given = {
        "RASA_USER_ID": "metadata__user_id",
        "RASA_SESSION_GAP_MINUTES": "60",
        "RASA_LOW_CONFIDENCE": "0.75",
        "RASA_HAPPY": "thankyou, great",
    }
    environment = dbt_environment(load_settings({PREFIX + name: value for name, value in given.items()}))
    told = {name: environment[PREFIX + name] for name in given}
    assert told == {**given, "RASA_HAPPY": "thankyou,great"}
    # What is not set is empty, and dbt takes its own default or the seed.
    assert (environment[f"{PREFIX}RASA_HANDOFF"], environment[f"{PREFIX}RASA_EXTERNAL_SESSION_ID"]) == ("", "sender_id")


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("RASA_USER_ID", "metadata.user", "metadata__user_id"),
        ("RASA_USER_ID", "x'; drop table event", "metadata__user_id"),
        ("RASA_SESSION_GAP_MINUTES", "0", "greater than or equal to 1"),
        ("RASA_LOW_CONFIDENCE", "60", "less than or equal to 1"),
        ("RASA_DISPUTE", "raise dispute", "commas"),
    ],
)
def test_a_wrong_rule_of_a_bot_is_named(name: str, value: str, advice: str) -> None:
    (line,) = problems({name: value})
    assert line.startswith(f"{PREFIX}{name}: got {value!r}; ")
    assert advice in line
