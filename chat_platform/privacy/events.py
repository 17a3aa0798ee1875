"""Events that are kept as JSON, without what a person said: names that robots use stay, so that totals do."""

import hashlib
import json
import math
from collections.abc import Callable
from typing import Any

from chat_platform.privacy.people import Person
from chat_platform.unpack import naming

# What the robot and its makers name: by path, lists left out. All that is not here goes.
_KEPT_RASA = frozenset(
    {
        "event", "timestamp", "name", "policy", "confidence", "flow_id", "step_id", "input_channel", "message_id",
        "utter_action", "metadata.utter_action", "metadata.template_name", "metadata.model_id",
        "metadata.rasa_environment", "metadata.session_id", "parse_data.intent.name", "parse_data.intent.confidence",
        "parse_data.intent_ranking.name", "parse_data.intent_ranking.confidence", "parse_data.entities.entity",
        "parse_data.entities.confidence_entity", "parse_data.message_id",
    }
)  # fmt: skip
_KEPT_VOICE = frozenset({"id", "eventType", "version", "through", "when", "correlationId", "robotVersion"})
_MAX_NAME = 65536
Leaf = Callable[[str, Any], Any]


class Eraser:
    """Erases one person from JSON. `salt` is the random one of the removal, see sql/macros.sql; `id_columns` are those
    that name users and sessions of Rasa by the settings.
    """

    def __init__(self, person: Person, salt: bytes, id_columns: frozenset[str] = frozenset()) -> None:
        self.person = person
        self.salt = salt
        self.id_columns = id_columns

    def surrogate(self, text: str) -> str:
        """As the macro."""
        return hashlib.sha256(self.salt + text.encode()).hexdigest()

    def stand_in(self, text: str) -> str:
        """As the macro."""
        letters = str.maketrans("0123456789abcdef", "ghijklmnopqrstuv")
        return f"[forgotten {self.surrogate(text)[:10].translate(letters)}]"

    def mention(self, data: str) -> str:
        """An event of somebody else without the person."""

        def leaf(_: str, value: Any) -> Any:
            if isinstance(value, str):
                return self.person.expression.sub(self.person.masked, value)
            return None if self._is_number_of(value) else value

        return self._mapped(data, leaf)

    def rasa(self, data: str) -> str:
        """An event of the person's own conversation."""
        keeps_value = json.loads(data).get("name") == "requested_slot"

        def leaf(path: str, value: Any) -> Any:
            if value is None or isinstance(value, bool):
                return value
            kept = path in _KEPT_RASA or (path == "value" and keeps_value and isinstance(value, str))
            # An id is the same as a number and as a text.
            text = value if isinstance(value, str) else _number_text(value)
            if text in self.person.spellings and (isinstance(value, str) or not kept):
                return self.surrogate(text)
            if isinstance(value, str):
                return value if kept and not self.person.expression.search(value) else self.stand_in(value)
            if path == "value" or _column(path) in self.id_columns:
                return self.stand_in(text)
            return value if kept and not self._is_number_of(value) else None

        return self._mapped(data, leaf)

    def voice(self, data: str) -> str:
        """A custom event of one of the person's calls."""

        def leaf(path: str, value: Any) -> Any:
            if isinstance(value, str):
                kept = path in _KEPT_VOICE and not self.person.expression.search(value)
                return value if kept else self.stand_in(value)
            return value if value is None or isinstance(value, bool) or path in _KEPT_VOICE else None

        return self._mapped(data, leaf)

    def _is_number_of(self, value: Any) -> bool:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and (self.person.expression.search(str(value)) is not None or str(value) in self.person.spellings)

    def _mapped(self, data: str, leaf: Leaf) -> str:
        def walk(path: str, value: Any) -> Any:
            if isinstance(value, dict):
                return {
                    self.person.expression.sub(self.person.masked, key): walk(f"{path}.{key}" if path else key, item)
                    for key, item in value.items()
                }
            if isinstance(value, list):
                return [walk(path, item) for item in value]
            # A number beyond what a double holds cannot be written again.
            return leaf(path, value) if not isinstance(value, float) or math.isfinite(value) else None

        return json.dumps(walk("", json.loads(data)), ensure_ascii=False)


def _number_text(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else str(value)


def _column(path: str) -> str:
    return naming.SEPARATOR.join(naming.identifier(key, _MAX_NAME) for key in path.split("."))
