"""The event of a phone call as a contract (voice spec, section 1).

`FIELDS` holds what the spec says of each field below `context`; the envelope has rules of its own in type_voice.sql.
A field that is not required and absent is no finding. Nothing here is ever cut: sizes are findings only.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

SOURCE = "voice"
KNOWN_VERSION = 1

START = "CustomerInitiatedCall"
AGENT = "AgentTalkedCustomer"
CUSTOMER = "CustomerTalkedAgent"
TRANSFER = "AgentTransferedCustomer"
SOLVED = "AgentSolvedRequest"
ABANDONED = "CustomerAbandonedAgent"
END = "CustomerCallEnded"
API = "AgentCalledAPI"
SURVEY = "CustomerAnsweredSurvey"
TERMINAL = (SOLVED, TRANSFER, ABANDONED)
EVENT_TYPES = (START, AGENT, CUSTOMER, TRANSFER, SOLVED, ABANDONED, END, API, SURVEY)
# The feed writes one r; a producer that corrects it must not silence the transfers (rule 11). More are a setting.
ALIASES = {"AgentTransferredCustomer": TRANSFER}

SENTENCES = {
    "json_parse_error": "The line is not valid JSON.",
    "not_an_object": "The line is JSON, but not an object; each line is one event in braces.",
    "duplicate_key": "The event names the same key twice; which value is meant cannot be told.",
    "missing_required": "{field} is missing or empty.",
    "wrong_type": "{field} has to be {kind}.",
    "invalid_timestamp": "{field} is not an ISO-8601 time such as 2018-06-13T12:00:00.000Z.",
    "timestamp_out_of_range": "when lies before the first date of the platform or after tomorrow.",
}
# Fields without which an event is refused, with their kinds; the last two of AgentSolvedRequest only.
REQUIRED = {
    "id": "a text",
    "eventType": "a text",
    "version": "a whole number of at most seven digits",
    "when": "a text",
    "correlationId": "a text",
    "context": "an object",
    "context.agent.solution": "an object",
    "context.agent.solution.lastSolution": "a text",
}


@dataclass(frozen=True)
class Field:
    """One field: its path, its column, its kind, what is a finding on which events.

    Kinds are text, number, whole (a fraction is of the wrong kind), rounded (to a whole one, and found) and boolean.
    `most_bytes` is by type of event and also says where the field belongs; `domain` is a list of texts or a range.
    """

    path: str
    column: str
    kind: str = "text"
    most_bytes: Mapping[str, int | None] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    domain: Mapping[str, tuple[str, ...]] | tuple[float, float] | None = None


_SAID = (AGENT, CUSTOMER, TRANSFER, SOLVED)
_NO_LIMIT = float("inf")

FIELDS = (
    Field(
        "context.customer.capturedText",
        "captured_text",
        most_bytes={START: 18, **dict.fromkeys(_SAID, 100), ABANDONED: 33},
        required=(START, AGENT, CUSTOMER, SOLVED),
        domain={START: ("start_conversation",), ABANDONED: ("call_disconnected_by_the_customer",)},
    ),
    Field("context.customer.cleansedText", "cleansed_text", most_bytes=dict.fromkeys(_SAID, 100)),
    Field("context.customer.listenedDataUsage", "listened_data_usage", "boolean", {START: None}, required=(START,)),
    Field("context.customer.reason", "raw_reason", most_bytes={END: 30}, required=(END,), domain={END: TERMINAL}),
    Field("context.customer.nlp.intent", "intent", most_bytes=dict.fromkeys(_SAID, 30)),
    Field("context.customer.nlp.score", "intent_score", "number", dict.fromkeys(_SAID), domain=(0, 1)),
    Field("context.customer.nlp.realResponse.topScoringIntent.intent", "top_intent", most_bytes={CUSTOMER: 30}),
    Field(
        "context.customer.nlp.realResponse.topScoringIntent.score",
        "top_score",
        "number",
        {CUSTOMER: None},
        domain=(0, 1),
    ),
    Field("context.agent.text", "agent_text", most_bytes={AGENT: 100, TRANSFER: 100}, required=(AGENT,)),
    Field("context.agent.command", "command", most_bytes={AGENT: 500, TRANSFER: 500}, required=(AGENT,)),
    Field(
        "context.agent.dialogType",
        "dialog_type",
        most_bytes={AGENT: 3, TRANSFER: 3},
        required=(AGENT,),
        # Others are accepted and carry no meaning (rule 2).
        domain={AGENT: ("REJ", "SIL", "DES"), TRANSFER: ("REJ", "SIL", "DES")},
    ),
    Field("context.agent.scriptPoint", "script_point", most_bytes={AGENT: 8}),
    Field("context.agent.solution.lastSolution", "last_solution", most_bytes={SOLVED: 30}),
    Field("context.api.apiName", "api_name", most_bytes={API: 30}),
    Field("context.api.apiAlias", "api_alias", most_bytes={API: 30}),
    Field("context.apiAlias", "outer_api_alias", most_bytes={API: 30}),
    Field("context.api.uri", "uri", most_bytes={API: 1000}),
    Field("context.api.headers", "headers", most_bytes={API: 1000}),
    Field("context.api.body", "body", most_bytes={API: 2000}),
    Field("context.api.httpStatus", "http_status", "whole", {API: None}, domain=(100, 599)),
    Field("context.api.executionElapsedTime", "elapsed_ms", "rounded", {API: None}, domain=(0, _NO_LIMIT)),
    Field("context.survey.scale", "scale", most_bytes={SURVEY: None}),
    Field("context.survey.electronicScore", "electronic_score", "number", {SURVEY: None}, domain=(0, 10)),
    Field("context.survey.humanScore", "human_score", "number", {SURVEY: None}, domain=(0, 10)),
)
PHONE = "context.customer.identifiers[0]"
# Events of a caller; without a phone they are kept and found (rule 17). The others bring one in a later revision only.
PHONE_REQUIRED = (START, AGENT, CUSTOMER, SOLVED, END)
PHONE_BYTES = 15


def aliases_of(setting: str) -> dict[str, str]:
    """Other names of types with those they stand for: the known ones, and those of the setting voice_event_aliases."""
    return {**ALIASES, **dict(item.split("=") for item in setting.split(",") if item)}


def structure_json() -> str:
    """What `from_json` reads of a line, as the text that it takes: every value as JSON, so that its kind is known."""
    structure: dict[str, object] = dict.fromkeys(
        ("id", "eventType", "version", "when", "through", "correlationId", "robotVersion"), "JSON"
    )
    for item in FIELDS:
        place: dict[str, object] = structure
        *objects, name = item.path.split(".")
        for step in objects:
            place = place.setdefault(step, {})  # type: ignore[assignment]
        place[name] = "JSON"
    context: dict[str, dict[str, dict[str, object]]] = structure["context"]  # type: ignore[assignment]
    context["customer"]["identifiers"] = [{"key": "JSON", "value": "JSON"}]  # type: ignore[assignment]
    context["customer"]["nlp"]["realResponse"]["intents"] = [{"intent": "JSON", "score": "JSON"}]  # type: ignore[index]
    context["agent"]["solution"]["previousSolutions"] = ["JSON"]
    return json.dumps(structure)


# Raised by hand when type_voice.sql changes what an event becomes.
VERSION = 4


def version() -> str:
    """Hash of the contract; two loads with the same version were typed by the same rules."""
    return hashlib.sha256(repr((VERSION, FIELDS, sorted(SENTENCES), ALIASES)).encode()).hexdigest()[:16]
