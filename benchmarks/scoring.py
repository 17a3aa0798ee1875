"""(g) What the classifier costs: queries per second, and its share of the way from landing to the chat tables."""

import shutil

from benchmarks.inputs import Workplace
from benchmarks.process import Sample, alternate, run_program
from benchmarks.report import Bar, Section


def measure(place: Workplace) -> Section:
    """Landing → chat tables with scores. Training is apart: it happens when its data or code changed."""
    feed = place.feed(place.messages)
    trained = place.fresh("trained")
    training = run_program("train", feed.landing, trained)

    def scored() -> Sample:
        home = place.fresh("home")
        shutil.copytree(trained / "models", home / "models")
        return run_program("scored-tables", feed.landing, home)

    found = alternate({"platform": scored}, place.repeats)["platform"]
    for name in ("home", "trained"):
        place.fresh(name)
    run = sorted(found.runs, key=lambda item: float(item.facts["scoring"]))[len(found.runs) // 2]
    seconds, cpu, queries = (run.facts[key] for key in ("scoring", "scoring_cpu", "queries"))
    return Section(
        "g",
        "Scoring",
        f"{queries:,} distinct queries of {feed.facts['accepted']:,} messages, both targets. Training took "
        f"{training.wall:.1f} s, once.",
        ("", "seconds", "CPU seconds", "share of the whole", "queries/s"),
        [
            ["landing → chat tables with scores", f"{run.wall:.2f}", f"{run.cpu:.2f}", "", ""],
            [
                "of it scoring", f"{seconds:.2f}", f"{cpu:.2f}", f"{seconds / run.wall:.0%}",
                f"{queries / seconds:,.0f}",
            ],
        ],
        bars=[Bar("platform without scoring", run.wall - seconds), Bar("platform: scoring", seconds)],
    )  # fmt: skip
