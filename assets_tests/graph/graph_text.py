"""The graph as text, for people to see in a diff what has changed.

python assets_tests/graph/graph_text.py > assets_tests/graph/graph.txt
"""

import sys
import tempfile
from pathlib import Path

import dagster as dg

from chat_platform.definitions import build_defs
from chat_platform.settings import load_settings


def describe(definitions: dg.Definitions) -> str:
    """Assets with group, partitions, what they depend on and their checks; jobs, sensors and schedules."""
    graph = definitions.resolve_asset_graph()
    out = []
    for key in sorted(graph.get_all_asset_keys(), key=lambda key: key.path):
        node = graph.get(key)
        kind = "by date" if node.partitions_def else "whole"
        out.append(f"{key.to_user_string()}  [{node.group_name}, {kind}{', external' if node.is_external else ''}]")
        out += [f"  < {parent}" for parent in sorted(parent.to_user_string() for parent in node.parent_keys)]
        out += [f"  ? {check}" for check in sorted(check.name for check in node.check_keys)]
    out.append("")
    jobs = {job.name: job for job in definitions.resolve_all_job_defs() if not job.name.startswith("__")}
    for name in sorted(jobs):
        out.append(f"job {name}")
        out += [f"  {step}" for step in _steps(jobs[name])]
    for sensor in sorted(definitions.sensors or [], key=lambda sensor: sensor.name):
        out.append(f"sensor {sensor.name} → {sensor.job_name}, every {sensor.minimum_interval_seconds} s")
    for schedule in sorted(definitions.schedules or [], key=lambda schedule: schedule.name):
        out.append(f"schedule {schedule.name} → {schedule.job_name}, {schedule.cron_schedule}")
    return "\n".join(out) + "\n"


def _steps(job: dg.JobDefinition) -> list[str]:
    return sorted(node.name for node in job.graph.nodes)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(describe(build_defs(load_settings({}, home=Path(folder)))))
