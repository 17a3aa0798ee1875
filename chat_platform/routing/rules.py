"""The routing rule (chat spec, section 4.1), read from reference/tool_routing.csv."""

import pyarrow as pa

from chat_platform import reference
from chat_platform.errors import ChatPlatformError

TARGETS = frozenset({"web_searches", "browser_automations", "web_automations"})


def routing_rules() -> pa.Table:
    """The rules, checked: known targets, and no step that two rules would send somewhere.

    Columns tool_type, step_type (`*` for any), classification_target. Raises ChatPlatformError that names the rule.
    """
    rules = reference.tool_routing()
    check_rules(list(zip(*(rules[name].to_pylist() for name in rules.column_names[:3]), strict=True)))
    return rules.select(["tool_type", "step_type", "classification_target"])


def check_rules(rules: list[tuple[str, str, str]]) -> None:
    """Raise ChatPlatformError for an unknown target or two rules for the same step."""
    by_type: dict[str, set[str]] = {}
    for tool_type, step_type, target in rules:
        if target not in TARGETS:
            raise ChatPlatformError(
                f"tool_routing.csv sends {tool_type}/{step_type} to {target}; tables are {', '.join(sorted(TARGETS))}."
            )
        earlier = by_type.setdefault(tool_type, set())
        if step_type in earlier or (earlier and "*" in earlier | {step_type}):
            raise ChatPlatformError(f"tool_routing.csv has two rules for {tool_type}/{step_type}.")
        earlier.add(step_type)
