"""Where persons stand in the typed rows of each source; all that is particular to a source about removing one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class People:
    """How the lake of a source names people. All fields are SQL over a typed row.

    `named`: list of the pseudonyms in the row. `conversation`: id of what the row is part of; a row that names nobody
    belongs to whoever is named elsewhere in it. `also_own`: further sign that the conversation is the person's.
    `texts`: list of what people wrote, or may have. `typed` are `named` and `conversation` of a row that has just been
    typed, where these are not yet what the lake has.
    """

    named: str
    conversation: str
    also_own: str
    texts: str
    typed: tuple[str, str] | None = None

    @property
    def is_forgotten(self) -> str:
        """Condition on typed rows: of somebody who was removed, see `is_forgotten` of lake/sql/macros.sql."""
        named, conversation = self.typed or (self.named, self.conversation)
        return f"is_forgotten({named}, {conversation}, event_timestamp)"


_IDS = "[thread_id, session_id, response_id]"
PEOPLE = {
    "chat": People(
        named="list_filter(list_transform(steps, lambda step: step.user_id), lambda key: key is not null)",
        conversation="coalesce(thread_id, session_id)",
        also_own=(
            f"list_has_any({_IDS}, getvariable('keys')) "
            f"or regexp_matches(array_to_string({_IDS}, chr(10)), getvariable('id_pattern'))"
        ),
        texts=(
            "list_concat([user_query, response_content], flatten(coalesce(list_transform(steps, lambda step: "
            "list_concat([step.url, step.action], coalesce(step.keywords, []))), [])))"
        ),
    ),
    "rasa": People(
        named="cast([] as varchar[])",
        conversation="pseudonym(sender_id)",
        also_own=(
            "regexp_matches(sender_id, getvariable('id_pattern')) "
            "or list_bool_or(list_transform(getvariable('quoted'), lambda id: contains(data, id))) "
            "or regexp_matches(data, getvariable('number_pattern'))"
        ),
        texts="[data]",
    ),
    "voice": People(
        named="case when phone_key is not null then [phone_key] end",
        conversation="call_id",
        also_own="list_has_any([event_id, call_id], getvariable('keys'))",
        texts=(
            "[captured_text, cleansed_text, agent_text, command, last_solution, previous_solutions, uri, through, "
            "robot_version, event_type, reason, intent, top_intent, dialog_type, script_point, api_name, scale, "
            "content]"
        ),
        typed=("case when phone is not null then [pseudonym(phone)] end", "shown_id(raw_call)"),
    ),
}
