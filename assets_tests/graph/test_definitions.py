"""What Dagster shows: loads on its own, hangs together, and changes only where somebody meant it to."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
import yaml
from graph_text import describe
from homes import Home

from chat_platform.dbt.project import PROJECT_DIR, read_manifest
from chat_platform.definitions import build_defs
from chat_platform.settings import PROJECT_ROOT


@pytest.fixture
def definitions(new_home: Callable[..., Home]) -> dg.Definitions:
    return build_defs(new_home(sources="chat,rasa,voice").settings)


def test_the_graph_is_the_one_in_the_file(definitions: dg.Definitions) -> None:
    written = Path(__file__).with_name("graph.txt").read_text(encoding="utf-8")
    assert describe(definitions) == written, (
        "meant? python assets_tests/graph/graph_text.py > assets_tests/graph/graph.txt"
    )


def test_every_test_of_what_a_model_reads_is_a_check(
    definitions: dg.Definitions, new_home: Callable[..., Home]
) -> None:
    """One that Dagster cannot tell the asset of is run and shown nowhere."""
    manifest = read_manifest(new_home("other", sources="chat,rasa,voice").settings)
    nodes = manifest["nodes"].values()
    read = {parent for node in nodes if node["resource_type"] == "model" for parent in node["depends_on"]["nodes"]}
    tests = {
        node["name"]
        for node in nodes
        if node["resource_type"] == "test"
        and (set(node["depends_on"]["nodes"]) - set(manifest["sources"])) | read
        and not (set(node["depends_on"]["nodes"]) & set(manifest["sources"])) - read
    }
    assert {"voice_calls_are_sound", "sessions_are_sound"} <= tests
    assert {key.name for key in definitions.resolve_asset_graph().asset_check_keys} >= tests


def test_definitions_are_loadable(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_the_target_of_the_workspace_loads_in_a_fresh_interpreter(new_home: Callable[..., Home]) -> None:
    (target,) = yaml.safe_load((PROJECT_ROOT / "workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    module = target["python_module"]
    code = (
        "import importlib, sys, dagster as dg\n"
        f"made = getattr(importlib.import_module({module['module_name']!r}), {module['attribute']!r})\n"
        "defs = made() if callable(made) else made\n"
        "dg.Definitions.validate_loadable(defs)\n"
        "print(len(list(defs.resolve_all_asset_keys())))\n"
    )
    home = new_home(sources="chat,rasa,voice")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**home.environment, "PYTHONHASHSEED": "3"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=home.root,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30
    assert not (home.root / "warehouse.duckdb.working").exists(), "loading opens no warehouse"


def test_every_table_that_dbt_reads_has_an_asset_that_writes_it(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    sources = [
        dg.AssetKey([source["name"], table["name"]])
        for path in (PROJECT_DIR / "models" / "sources").glob("*.yml")
        for source in yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
        for table in source["tables"]
    ]
    assert len(sources) > 10
    for key in sources:
        assert graph.has(key), key
        node = graph.get(key)
        assert node.parent_keys or key == dg.AssetKey(["chat", "domain_classifications"]), key


def test_the_graph_is_one_piece(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    keys = set(graph.get_all_asset_keys())
    start = dg.AssetKey(["landing", "chat"])
    reached, open_keys = {start}, [start]
    while open_keys:
        node = graph.get(open_keys.pop())
        new = (set(node.parent_keys) | set(node.child_keys)) - reached
        reached |= new
        open_keys += new
    assert reached == keys
    # Everything that people look at comes from what was delivered.
    for name in ("kpi/daily", "kpi/chat_daily", "semantic/sessions", "published/snapshot"):
        key = dg.AssetKey(name.split("/"))
        assert start in graph.get_ancestor_asset_keys(key), name


def test_what_has_dates_is_partitioned_by_them_and_few_assets_are(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    by_date = {key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).partitions_def}
    assert {"lake/chat", "chat/chat_sessions", "semantic/sessions", "kpi/daily", "kpi/message_costs"} <= by_date
    assert len(by_date) <= 40, "bookkeeping of Dagster takes time for each asset and date"
    assert len({graph.get(dg.AssetKey(name.split("/"))).partitions_def for name in by_date}) == 1
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.group_name != "default", key
        assert node.owners, key
        if node.partitions_def and node.is_executable:
            assert node.backfill_policy == dg.BackfillPolicy.single_run(), key


def test_one_run_at_a_time_needs_no_pool(definitions: dg.Definitions) -> None:
    """A pool limit outlives the process that holds it; the lock of the kernel does not."""
    from chat_platform.instance import DAGSTER_YAML

    graph = definitions.resolve_asset_graph()
    assert not any(graph.get(key).pools for key in graph.get_all_asset_keys())
    config = yaml.safe_load(DAGSTER_YAML)
    assert "concurrency" not in config
    assert config["telemetry"] == {"enabled": False}
    assert config["run_retries"]["retry_on_asset_or_op_failure"] is False


def test_what_takes_long_to_load_is_loaded_where_it_is_needed() -> None:
    """Each command, each step and each look of the UI at the code pays for what the definitions import."""
    code = (
        "import sys, chat_platform.definitions\n"
        "print({name.partition('.')[0] for name in sys.modules} & {'sklearn', 'scipy', 'jiwer', 'moto', 'hypothesis'})"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
