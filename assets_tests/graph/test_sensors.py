"""Sensors, asked by hand on a real instance."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from homes import Home

from chat_platform.instance import open_instance
from chat_platform.lake.ingest import ingest
from chat_platform.landing.files import LandingFile
from chat_platform.locks import locked
from chat_platform.sensors import build_sensors

LINE = json.dumps({"@timestamp": 1_774_699_200, "request_body": {"query": "q"}, "response_body": ""}).encode() + b"\n"
RunStatus = dg.DagsterRunStatus


@pytest.fixture
def home(new_home: Callable[..., Home]) -> Home:
    return new_home()


@pytest.fixture
def instance(home: Home) -> Iterator[dg.DagsterInstance]:
    with open_instance(home.settings) as opened:
        yield opened


def ask(home: Home, name: str, instance: dg.DagsterInstance) -> list[dg.RunRequest] | str:
    """What a sensor wants: run requests, or the reason for none."""
    (sensor,) = (one for one in build_sensors(home.settings) if one.name == name)
    answer = sensor(dg.build_sensor_context(instance=instance))
    if isinstance(answer, dg.SkipReason):
        return answer.skip_message or ""
    assert isinstance(answer, dg.SensorResult)
    return list(answer.run_requests or [])


def requests(home: Home, name: str, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    answer = ask(home, name, instance)
    assert not isinstance(answer, str), answer
    return answer


def note_run(instance: dg.DagsterInstance, request: dg.RunRequest, status: RunStatus) -> str:
    """A run for the request, as the daemon would have made it, in the given state."""
    run = dg.DagsterRun(job_name="publish", run_id=dg._core.utils.make_new_run_id(), tags=request.tags)
    instance.add_run(run.with_status(status))
    return run.run_id


def test_new_files_want_one_run_for_one_set_of_files(home: Home, instance: dg.DagsterInstance) -> None:
    assert isinstance(ask(home, "new_files", instance), str)
    home.write("a.jsonl", LINE)
    (first,) = requests(home, "new_files", instance)
    (again,) = requests(home, "new_files", instance)
    assert first.run_key == again.run_key
    home.write("b.jsonl", LINE)
    (more,) = requests(home, "new_files", instance)
    assert more.run_key != first.run_key


def test_known_files_want_no_run_and_rewritten_ones_do(home: Home, instance: dg.DagsterInstance) -> None:
    path = home.write("a.jsonl", LINE)
    (first,) = requests(home, "new_files", instance)
    ingest(home.settings, "chat")
    assert isinstance(ask(home, "new_files", instance), str)
    os.utime(path, ns=(1, 1))
    assert isinstance(ask(home, "new_files", instance), str), "touched, not rewritten"
    home.write("a.jsonl", LINE * 2)
    (rewritten,) = requests(home, "new_files", instance)
    assert rewritten.run_key != first.run_key


def test_what_is_no_delivery_wants_no_run(home: Home, instance: dg.DagsterInstance) -> None:
    home.write("a.jsonl.part", LINE)
    home.write("notes.txt", b"hello")
    (home.root / "landing" / "chats").mkdir()
    (home.root / "landing" / "chats" / "a.jsonl").write_bytes(LINE)
    assert isinstance(ask(home, "new_files", instance), str)
    assert isinstance(ask(home, "pending_loads", instance), str)


def test_pending_loads_are_tried_three_times(home: Home, instance: dg.DagsterInstance) -> None:
    home.write("a.jsonl", LINE)
    assert isinstance(ask(home, "pending_loads", instance), str), "files are the other sensor's"
    home.interrupted_publish()
    keys = []
    for _ in range(3):
        (request,) = requests(home, "pending_loads", instance)
        keys.append(request.run_key)
        note_run(instance, request, RunStatus.FAILURE)
    assert len(set(keys)) == 3, "a run key is used once only"
    reason = ask(home, "pending_loads", instance)
    assert isinstance(reason, str)
    assert "3" in reason
    # Something else to do: the count begins again.
    home.write("b.jsonl", LINE.replace(b'"q"', b'"another"'))
    ingest(home.settings, "chat")
    (request,) = requests(home, "pending_loads", instance)
    assert request.run_key not in keys


@pytest.mark.parametrize("status", [RunStatus.NOT_STARTED, RunStatus.STARTING, RunStatus.STARTED])
def test_no_second_run_while_one_is_at_it(
    home: Home, instance: dg.DagsterInstance, status: RunStatus, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write("a.jsonl", LINE)
    ingest(home.settings, "chat")
    home.write("b.jsonl", LINE)
    (request,) = requests(home, "pending_loads", instance)
    assert requests(home, "new_files", instance)
    # Nor are new files read meanwhile.
    monkeypatch.setattr(LandingFile, "sha256", lambda _: pytest.fail("a file was read"))
    with locked(home.settings.locks, "run"):
        run_id = note_run(instance, request, status)
        for name in ("pending_loads", "new_files"):
            reason = ask(home, name, instance)
            assert isinstance(reason, str)
            assert run_id in reason


@pytest.mark.parametrize("later", [3600, -86400], ids=["an_hour_later", "clock_went_back_a_day"])
def test_a_killed_run_does_not_silence_the_repair(
    later: float, home: Home, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write("a.jsonl", LINE)
    ingest(home.settings, "chat")
    (request,) = requests(home, "pending_loads", instance)
    run_id = note_run(instance, request, RunStatus.STARTED)
    # Long enough ago that it would have its lock.
    import chat_platform.sensors as module

    now = module.time.time()
    monkeypatch.setattr(module.time, "time", lambda: now + later)
    (again,) = requests(home, "pending_loads", instance)
    assert again.run_key != request.run_key
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status is RunStatus.FAILURE


def test_published_loads_want_no_run(half: Home, tmp_path: Path) -> None:
    home = half.copy_to(tmp_path / "home")
    with open_instance(home.settings) as instance:
        assert isinstance(ask(home, "new_files", instance), str)
        assert isinstance(ask(home, "pending_loads", instance), str)
        home.write("late.jsonl", LINE)
        assert len(requests(home, "new_files", instance)) == 1


def test_sensors_and_schedule_run_unless_somebody_stops_them(home: Home) -> None:
    from chat_platform.schedules import build_schedules

    assert all(sensor.default_status is dg.DefaultSensorStatus.RUNNING for sensor in build_sensors(home.settings))
    schedules = build_schedules()
    assert [schedule.name for schedule in schedules] == ["nightly_publish", "nightly_expiry"]
    assert all(schedule.default_status is dg.DefaultScheduleStatus.RUNNING for schedule in schedules)
