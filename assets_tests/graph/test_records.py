"""Dagster's records as the platform keeps them."""

import subprocess
import sys
import time
from collections.abc import Callable

from dagster._core.utils import make_new_run_id
from homes import TEST_KEY

from chat_platform.instance import open_instance
from chat_platform.settings import Settings

WRITER = """
import sys
from chat_platform.instance import open_instance
from chat_platform.settings import load_settings

with open_instance(load_settings({}, home=sys.argv[1], pseudonym_key=sys.argv[3])) as instance:
    for number in range(3):
        instance.report_engine_event(f"event {number}", run_id=sys.argv[2], job_name="publish")
    # The writer is still there when the follower has to know.
    sys.stdin.read()
"""


def test_who_follows_a_run_is_told_while_another_process_writes(make_settings: Callable[..., Settings]) -> None:
    settings, run_id, told = make_settings(), make_new_run_id(), list[str]()
    wanted = ["first", "event 0", "event 1", "event 2"]
    with open_instance(settings) as instance:
        instance.report_engine_event("first", run_id=run_id, job_name="publish")
        instance.all_logs(run_id)
        instance.watch_event_logs(run_id, None, lambda entry, _: told.append(str(entry.message)))
        arguments = [sys.executable, "-c", WRITER, str(settings.home), run_id, TEST_KEY]
        with subprocess.Popen(arguments, stdin=subprocess.PIPE) as writer:
            for _ in range(200):
                if told == wanted:
                    break
                time.sleep(0.1)
            writer.kill()
    assert told == wanted


def test_records_that_were_wiped_begin_anew(make_settings: Callable[..., Settings]) -> None:
    settings, run_id = make_settings(), make_new_run_id()
    with open_instance(settings) as instance:
        instance.report_engine_event("before", run_id=run_id, job_name="publish")
        instance.event_log_storage.wipe()
        instance.report_engine_event("after", run_id=run_id, job_name="publish")
        assert [entry.message for entry in instance.all_logs(run_id)] == ["after"]
    with open_instance(settings) as instance:
        assert [entry.message for entry in instance.all_logs(run_id)] == ["after"]


def test_closed_records_are_whole_files(make_settings: Callable[..., Settings]) -> None:
    settings, run_id = make_settings(), make_new_run_id()
    with open_instance(settings) as instance:
        instance.report_engine_event("said", run_id=run_id, job_name="publish")
        assert list(settings.dagster_home.rglob(f"{run_id}.db-wal"))
    assert list(settings.dagster_home.rglob(f"{run_id}.db"))
    assert not list(settings.dagster_home.rglob("*.db-wal"))
