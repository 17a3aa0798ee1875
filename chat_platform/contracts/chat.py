"""The chat message as a contract (chat spec, section 1).

`STRUCTURE` is what `from_json` reads of a line; `FIELDS` says which kind of value each field may hold, so that
a value lost to its type is counted. Unknown keys are allowed everywhere and read nowhere.
"""

import hashlib
import json
from dataclasses import dataclass

SOURCE = "chat"

_STEP = {
    "thought": "VARCHAR",
    "type": "VARCHAR",
    "web_search": {"search_keywords": ["VARCHAR"], "search_results": ["BOOLEAN"]},
    "browser_tool_execution": {"tool": {"step_type": "VARCHAR", "content": {"extra_headers": "VARCHAR"}}},
    "agent_progress": {"action": "VARCHAR", "url": "VARCHAR"},
}
_COST = dict.fromkeys(("input_tokens_cost", "output_tokens_cost", "request_cost", "total_cost"), "JSON")

# BOOLEAN stands for elements that are only counted: reading them as nothing is cheapest.
STRUCTURE: dict[str, object] = {
    "@timestamp": "JSON",
    "timestamp": "VARCHAR",
    "thread_id": "VARCHAR",
    "room_id": "VARCHAR",
    "_id": {"$oid": "VARCHAR"},
    "request_body": {
        "thread_id": "VARCHAR",
        "messages": [{"role": "VARCHAR", "content": "JSON"}],
        **dict.fromkeys(("query", "message", "content", "user_input", "prompt"), "VARCHAR"),
        "web_search_options": {"search_type": "VARCHAR"},
    },
    "response_body": {
        "id": "VARCHAR",
        "created": "JSON",
        **dict.fromkeys(("model", "status", "type", "thread_id"), "VARCHAR"),
        "search_results": ["BOOLEAN"],
        "error": {"type": "VARCHAR"},
        "choices": [{"finish_reason": "VARCHAR", "message": {"content": "VARCHAR", "reasoning_steps": [_STEP]}}],
        "usage": {
            **dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), "JSON"),
            "search_context_size": "VARCHAR",
            "cost": _COST,
        },
    },
}


@dataclass(frozen=True)
class Field:
    """One field: where it is in the message, and the kinds of value that are read without loss."""

    path: str
    kind: str

    @property
    def json_path(self) -> str:
        """The path as DuckDB writes it."""
        parts = ["$"]
        for name in filter(None, self.path.split(".")):
            key, bracket, rest = name.partition("[")
            parts.append(f'."{key}"' + (f"[{rest}" if bracket else ""))
        return "".join(parts)


_SCALARS = ("VARCHAR", "BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "DOUBLE", "BOOLEAN")
# A number sent as text is read where nothing is lost by it; the cast itself is checked apart.
KINDS: dict[str, tuple[str, ...]] = {
    "text": _SCALARS,
    "number": ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "DOUBLE", "VARCHAR"),
    "object": ("OBJECT",),
    "array": ("ARRAY",),
    "text_or_array": (*_SCALARS, "ARRAY"),
    "text_or_object": (*_SCALARS, "OBJECT"),
}

_MESSAGE = "response_body.choices[0].message"
FIELDS = (
    Field("timestamp", "text"),
    Field("thread_id", "text"),
    Field("room_id", "text"),
    Field("_id", "object"),
    Field("_id.$oid", "text"),
    Field("request_body.thread_id", "text"),
    Field("request_body.messages", "array"),
    Field("request_body.query", "text"),
    Field("request_body.message", "text"),
    Field("request_body.content", "text"),
    Field("request_body.user_input", "text"),
    Field("request_body.prompt", "text"),
    Field("request_body.web_search_options", "object"),
    Field("request_body.web_search_options.search_type", "text"),
    Field("response_body.id", "text"),
    Field("response_body.created", "number"),
    Field("response_body.model", "text"),
    Field("response_body.status", "text"),
    Field("response_body.type", "text"),
    Field("response_body.thread_id", "text"),
    Field("response_body.search_results", "array"),
    Field("response_body.error", "object"),
    Field("response_body.error.type", "text"),
    Field("response_body.choices", "array"),
    Field("response_body.choices[0]", "object"),
    Field("response_body.choices[0].finish_reason", "text"),
    Field(_MESSAGE, "object"),
    Field(f"{_MESSAGE}.content", "text_or_array"),
    Field(f"{_MESSAGE}.reasoning_steps", "array"),
    Field("response_body.usage", "object"),
    Field("response_body.usage.prompt_tokens", "number"),
    Field("response_body.usage.completion_tokens", "number"),
    Field("response_body.usage.total_tokens", "number"),
    Field("response_body.usage.search_context_size", "text"),
    Field("response_body.usage.cost", "object"),
    Field("response_body.usage.cost.input_tokens_cost", "number"),
    Field("response_body.usage.cost.output_tokens_cost", "number"),
    Field("response_body.usage.cost.request_cost", "number"),
    Field("response_body.usage.cost.total_cost", "number"),
)

# Fields of each element of a list, by the path of the list.
ELEMENT_FIELDS = {
    "request_body.messages": (Field("", "object"), Field("role", "text"), Field("content", "text_or_array")),
    f"{_MESSAGE}.reasoning_steps": (
        Field("", "object"),
        Field("thought", "text"),
        Field("type", "text"),
        Field("web_search", "object"),
        Field("web_search.search_keywords", "array"),
        Field("web_search.search_results", "array"),
        Field("browser_tool_execution", "object"),
        Field("browser_tool_execution.tool", "object"),
        Field("browser_tool_execution.tool.step_type", "text"),
        Field("browser_tool_execution.tool.content", "object"),
        Field("browser_tool_execution.tool.content.extra_headers", "text_or_object"),
        Field("agent_progress", "object"),
        Field("agent_progress.action", "text"),
        Field("agent_progress.url", "text"),
    ),
}


def structure_json() -> str:
    """STRUCTURE as the text that `from_json` takes."""
    return json.dumps(STRUCTURE)


def version() -> str:
    """Hash of the contract; two loads with the same version were typed by the same rules."""
    text = structure_json() + repr((FIELDS, ELEMENT_FIELDS))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
