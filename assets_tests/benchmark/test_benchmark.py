"""The benchmark on few messages: its programs do the same work, and a limit that is broken is called so."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.inputs import Workplace
from benchmarks.process import BenchmarkError, Sample, Samples, run_command, run_program
from benchmarks.report import Bar, Limit, Run, Section, page
from chat_platform.settings import PROJECT_ROOT


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return Workplace(tmp_path_factory.mktemp("bench"), messages=2_000, repeats=1)


def test_a_feed_is_made_once_and_says_what_is_in_it(place: Workplace) -> None:
    feed = place.feed(2_000)
    made = sorted((feed.landing / "chat").iterdir())
    times = [path.stat().st_mtime_ns for path in made]
    assert place.feed(2_000) == feed
    assert [path.stat().st_mtime_ns for path in made] == times
    assert feed.facts["bytes"] == sum(path.stat().st_size for path in made)
    steps = 0
    for path in made:
        for line in path.read_bytes().split(b"\n"):
            try:
                choice = json.loads(line)["response_body"]["choices"][0]
            except (ValueError, TypeError, KeyError):
                continue
            steps += len(choice["message"]["reasoning_steps"])
    # Duplicates and refused lines carry steps too; the books count those of the messages that stay.
    assert feed.facts["steps"] <= steps <= 1.05 * feed.facts["steps"]


def test_platform_and_bare_programs_give_the_same_rows(place: Workplace) -> None:
    feed = place.feed(2_000)
    ours = run_program("tables", feed.landing, place.fresh("home")).facts["rows"]
    bare = run_program("bare-tables", feed.landing, place.fresh("bare.duckdb")).facts["rows"]
    made = feed.facts["rows"]
    assert {table: ours[table] for table in made} == made
    assert {table: bare[table] for table in made if table != "chat_sessions"} == {
        table: rows for table, rows in made.items() if table != "chat_sessions"
    }
    assert ours["query_classifications"] == bare["query_classifications"] == feed.facts["queries"]
    # The script takes lines that the platform refuses, as a time sent as text.
    assert made["chat_sessions"] <= bare["chat_sessions"] <= made["chat_sessions"] + feed.facts["rejected"]


def test_bare_statements_keep_every_good_line(place: Workplace) -> None:
    feed = place.feed(2_000)
    good = feed.facts["lines"] - feed.facts["blank"] - feed.facts["rejected"]
    for name in ("bare-lake", "bare-lake-by-lines"):
        rows = run_program(name, feed.landing, place.fresh(name)).facts["rows"]
        assert good <= rows <= good + feed.facts["rejected"], name


def test_memory_and_time_are_those_of_the_process() -> None:
    code = "import time; block = bytearray(300_000_000); time.sleep(0.3); print('{\"done\": 1}')"
    sample = run_command([sys.executable, "-c", code])
    assert sample.facts == {"done": 1}
    assert 0.3 <= sample.wall < 20
    assert sample.peak > 300_000_000


def test_the_benchmark_itself_is_too_small_to_be_counted() -> None:
    # A process begins with the memory of the one that starts it: what is imported there weighs on every figure.
    code = (
        "import sys, benchmarks.__main__, benchmarks.process as p; "
        "print('{\"peak\": %d}' % p.run_command([sys.executable, '-c', 'pass']).peak)"
    )
    assert run_command([sys.executable, "-c", code]).facts["peak"] < 150_000_000


def test_a_program_that_fails_has_no_time() -> None:
    with pytest.raises(BenchmarkError, match="ended with 3"):
        run_command([sys.executable, "-c", "raise SystemExit(3)"])


def test_the_page_says_what_falls_short() -> None:
    limits = [
        Limit("a", "time", 2.01, 2.0), Limit("a", "faster", 4.0, 4.0, at_least=True), Limit("b", "slow", 31, 30, "s"),
    ]  # fmt: skip
    section = Section("a", "Title", "Text.", ("x", "y"), [("row", 1)], limits, [Bar("platform", 1.0)])
    text = page("# Introduction", [section], Run(2_000, 1, load=0.0), "benchmark.svg")
    verdicts = re.findall(r"\| (a|b) \| (\w+) \| [^|]+ \| [^|]+ \| (\**[\w ]+\**) \|", text)
    assert verdicts == [
        ("a", "time", "**falls short**"), ("a", "faster", "holds"), ("b", "slow", "**falls short**"),
    ]  # fmt: skip
    assert "Other work was running" not in text
    assert "Other work was running" in page("# Introduction", [section], Run(2_000, 1, load=99.0), "benchmark.svg")


def test_figures_are_medians_and_the_greatest_peak() -> None:
    samples = Samples(tuple(Sample(wall, wall, peak, 0.0) for wall, peak in ((3.0, 7), (1.0, 9), (2.0, 8))))
    assert (samples.wall, samples.cpu, samples.peak, samples.spread) == (2.0, 2.0, 9, "1.0 to 3.0")


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_make_bench_writes_page_and_chart(tmp_path: Path) -> None:
    for package in ("chdb", "dlt", "matplotlib"):
        pytest.importorskip(package, reason="installed by make bench")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--messages", "2000", "--repeats", "1", "--out", str(tmp_path)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    text = (tmp_path / "benchmark.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\w)\.", text, re.MULTILINE) == list("abcdefghij")
    assert (tmp_path / "benchmark.svg").read_text(encoding="utf-8").startswith("<?xml")
