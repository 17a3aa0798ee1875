"""The routing rule is a table, and a table with a mistake is refused."""

import pytest

from chat_platform.errors import ChatPlatformError
from chat_platform.routing.rules import TARGETS, check_rules, routing_rules


def target_of(tool_type: str, step_type: str | None) -> list[str]:
    rules = zip(*(routing_rules()[name].to_pylist() for name in routing_rules().column_names), strict=True)
    return [target for tool, step, target in rules if tool == tool_type and step in ("*", step_type)]


@pytest.mark.parametrize(
    ("tool_type", "step_type", "targets"),
    [
        ("web_search", None, ["web_searches"]),
        ("web_search", "ENTROPY_REQUEST", ["web_searches"]),
        ("browser_tool_execution", "SEARCH_BROWSER", ["browser_automations"]),
        ("browser_tool_execution", None, ["browser_automations"]),
        ("browser_tool_execution", "SOMETHING_NEW", ["browser_automations"]),
        ("agent_progress", "ENTROPY_REQUEST", ["web_automations"]),
        ("agent_progress", "SEARCH_BROWSER", []),
        ("agent_progress", None, []),
        ("fetch_url_content", None, []),
        ("execute_python", None, []),
        ("browser_agent", None, []),
        ("file_attachment_search", None, []),
    ],
)
def test_the_rule_of_the_specification(tool_type: str, step_type: str | None, targets: list[str]) -> None:
    assert target_of(tool_type, step_type) == targets


def test_targets_are_the_three_tables() -> None:
    assert {"web_searches", "browser_automations", "web_automations"} == TARGETS


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        ([("a", "*", "web_search")], ["a/*", "web_search", "web_searches"]),
        ([("a", "X", "web_searches"), ("a", "X", "web_automations")], ["a/X"]),
        ([("a", "*", "web_searches"), ("a", "X", "web_searches")], ["a/X"]),
        ([("a", "X", "web_searches"), ("a", "*", "web_searches")], ["a/*"]),
    ],
)
def test_a_wrong_rule_is_refused_by_name(rules: list[tuple[str, str, str]], named: list[str]) -> None:
    with pytest.raises(ChatPlatformError) as caught:
        check_rules(rules)
    for text in ("tool_routing.csv", *named):
        assert text in str(caught.value)


def test_several_rules_for_several_steps_are_fine() -> None:
    check_rules([("a", "X", "web_searches"), ("a", "Y", "web_automations"), ("b", "X", "web_searches")])
