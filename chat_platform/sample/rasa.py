"""A made-up feed of Rasa events, with the truth about it: event lines by date as a broker delivers them, and trackers.

Bots with stories, forms and fallbacks, and CALM assistants with flows; several models and environments. Nothing here
uses the rest of the platform, so that its results can be held against `RasaTruth`.
"""

import gzip
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path

STORIES = ("view_bill_details", "view_transactions", "request_limit_change", "request_transaction_refund")
SMALL_TALK = ("greet", "affirm", "deny", "inform", "goodbye")
FLOWS = ("transfer_money", "check_balance", "block_card", "change_address")
TEXTS = (
    "what did I pay last month", "show me my transactions", "I need a higher limit", "that was not me", "hello there",
    "yes please", "no thanks", "the blue one", "can you repeat that", "I want to talk to a person", "olá, tudo bem?",
)  # fmt: skip
REPLIES = ("Here is your bill.", "How much should it be?", "Which month do you mean?", "Sorry, I did not get that.",
           "I am handing you over to a colleague.", "Anything else?")  # fmt: skip
MODELS = ("20260105-azure", "20260112-birch", "20260119-cobalt")
ENVIRONMENTS = ("production", "production", "production", "staging")


@dataclass
class RasaTruth:
    """What was put into a feed. lines = blank + rejected + accepted, where each event of a tracker is a line.

    `events` counts accepted events by type, redelivered lines left out (`redelivered` has their number); `sessions`
    counts session starts, restarts among them.
    """

    lines: int = 0
    blank: int = 0
    rejected: int = 0
    accepted: int = 0
    redelivered: int = 0
    senders: int = 0
    sessions: int = 0
    events: dict[str, int] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


class _Sender:
    """The events of one sender as they come: JSON texts without the closing brace and the sender."""

    def __init__(self, rng: random.Random, name: str, seconds: float, calm: bool) -> None:
        self.rng = rng
        self.name = name
        self.seconds = seconds
        self.calm = calm
        self.model = rng.choice(MODELS)
        self.environment = rng.choice(ENVIRONMENTS)
        self.messages = 0
        self.sessions = 0
        self.events: list[tuple[float, str, str]] = []

    def add(self, kind: str, payload: str = "", pause: float = 0.0) -> None:
        # Events that one message causes share their time now and then, as in real trackers.
        self.seconds += pause if pause else self.rng.choice((0.0, 0.0, 0.004, 0.031))
        metadata = f'{{"model_id": "{self.model}", "rasa_environment": "{self.environment}"}}'
        head = f'{{"event": "{kind}", "timestamp": {self.seconds:.6f}, "metadata": {metadata}'
        self.events.append((self.seconds, kind, head + (f", {payload}" if payload else "")))

    def action(self, name: str, policy: str = "RulePolicy", confidence: float = 1.0) -> None:
        named = f'"name": "{name}", "policy": "{policy}", "confidence": {confidence}'
        self.add("action", f'{named}, "action_text": null, "hide_rule_turn": false')

    def slot(self, name: str, value: object) -> None:
        self.add("slot", f'"name": "{name}", "value": {json.dumps(value)}')

    def bot(self, action: str) -> None:
        text = json.dumps(self.rng.choice(REPLIES))
        buttons = '[{"title": "Yes", "payload": "/affirm"}, {"title": "No", "payload": "/deny"}]'
        data = (
            f'{{"elements": null, "quick_replies": null, "buttons": {buttons if self.rng.random() < 0.2 else "null"}}}'
        )
        self.add("bot", f'"text": {text}, "data": {data}, "utter_action": "{action}"')

    def user(self, intent: str, entities: str = "") -> None:
        rng = self.rng
        self.messages += 1
        ident = f"{self.name}-m{self.messages}"
        text = json.dumps(rng.choice(TEXTS))
        confidence = round(0.35 + 0.64 * rng.random(), 6)
        others = rng.sample(SMALL_TALK, 2)
        ranking = ", ".join(
            f'{{"name": "{name}", "confidence": {value:.6f}}}'
            for name, value in ((intent, confidence), (others[0], 0.2), (others[1], 0.1))
        )
        commands = f', "commands": [{{"command": "start flow", "flow": "{rng.choice(FLOWS)}"}}]' if self.calm else ""
        parsed = (
            f'{{"intent": {{"name": "{intent}", "confidence": {confidence}}}, "entities": [{entities}], '
            f'"text": {text}, '
            f'"message_id": "{ident}", "intent_ranking": [{ranking}]{commands}}}'
        )
        said = f'"text": {text}, "parse_data": {parsed}, "input_channel": "rest", "message_id": "{ident}"'
        self.add("user", said, pause=2.0 + 40.0 * rng.random())

    def start(self) -> None:
        self.sessions += 1
        self.action("action_session_start", confidence=1.0)
        self.add("session_started")
        self.slot("session_started_metadata", {"entry": self.rng.choice(("web", "app"))})
        self.action("action_listen")

    def answer(self, action: str) -> None:
        self.action(action, "TEDPolicy", round(0.7 + 0.3 * self.rng.random(), 4))
        self.bot(action)
        self.action("action_listen")

    def form(self) -> None:
        amount = self.rng.choice((50, 120.5, "a lot", True))
        self.action("limit_form", "RulePolicy")
        self.add("active_loop", '"name": "limit_form"')
        self.slot("requested_slot", "amount")
        self.answer("utter_ask_amount")
        if self.rng.random() < 0.15:
            self.add("action_execution_rejected", '"name": "limit_form", "policy": "RulePolicy", "confidence": 1.0')
        self.user(
            "inform", f'{{"entity": "amount", "value": {json.dumps(amount)}, "start": 0, "end": 3, "extractor": "x"}}'
        )
        self.slot("amount", amount)
        self.slot("requested_slot", None)
        self.add("active_loop", '"name": null')

    def fallback(self) -> None:
        self.user("nlu_fallback")
        self.action("action_default_fallback", "RulePolicy", 0.4)
        self.bot("utter_default")
        self.add("rewind")
        self.action("action_listen")

    def flow(self) -> None:
        flow = self.rng.choice(FLOWS)
        self.user("inform")
        self.add(
            "stack", f'"update": {json.dumps(json.dumps([{"op": "add", "path": "/0", "value": {"flow_id": flow}}]))}'
        )
        self.add("flow_started", f'"flow_id": "{flow}"')
        self.slot("recipient", self.rng.choice(("Ana", ["Ana", "Rui"], {"name": "Rui"})))
        self.answer(f"utter_{flow}")
        ending = self.rng.choice(("flow_completed", "flow_completed", "flow_cancelled", "flow_interrupted"))
        self.add(ending, f'"flow_id": "{flow}", "step_id": "{self.rng.randrange(9)}_end"')
        if self.rng.random() < 0.1:
            self.add("flow_started", '"flow_id": "pattern_human_handoff"')

    def session(self) -> None:
        rng = self.rng
        self.start()
        if rng.random() < 0.1:
            return
        self.user("greet")
        self.answer("utter_greet")
        for _ in range(rng.randrange(1, 5)):
            draw = rng.random()
            if self.calm and draw < 0.7:
                self.flow()
            elif draw < 0.5:
                self.user(rng.choice(STORIES))
                if rng.random() < 0.6:
                    self.form()
                self.answer("utter_done")
            elif draw < 0.65:
                self.fallback()
            elif draw < 0.75:
                self.user(rng.choice(("react_frustrated", "raise_dispute")))
                self.action("action_agent_handoff")
                self.bot("utter_handoff")
            elif draw < 0.8:
                self.user("restart")
                self.action("action_restart")
                self.add("restart")
                self.start()
            else:
                self.user(rng.choice(SMALL_TALK))
                self.answer("utter_chat")
        if rng.random() < 0.4:
            self.user("thankyou")
            self.answer("utter_welcome")


def generate_rasa(
    folder: Path,
    *,
    events: int,
    seed: int = 0,
    first_date: date = date(2026, 1, 5),
    days: int = 14,
    defect_rate: float = 0.01,
    tracker_share: float = 0.1,
) -> RasaTruth:
    """Write a feed of about this many events below `folder`; what was put into it.

    Each date has one file of event lines, in the order of time; the senders of `tracker_share` are in one file of
    trackers instead. The same arguments give the same files. `defect_rate` is the share of lines that are blank, bad or
    delivered twice, in addition.
    """
    rng = random.Random(seed)  # noqa: S311
    folder.mkdir(parents=True, exist_ok=True)
    truth, kinds = RasaTruth(), Counter[str]()
    start = datetime.combine(first_date, time(), UTC).timestamp()
    by_date: dict[str, list[tuple[float, str]]] = {}
    trackers: list[str] = []
    made = 0
    while made < events:
        name = f"web-{seed}-{truth.senders:07d}"
        sender = _Sender(rng, name, start + days * 86400 * 0.9 * rng.random(), rng.random() < 0.3)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            sender.session()
            sender.seconds += 3600 * (1 + 20 * rng.random())
        truth.senders += 1
        truth.sessions += sender.sessions
        made += len(sender.events)
        kinds.update(kind for _, kind, _ in sender.events)
        if rng.random() < tracker_share:
            members = ", ".join(f"{text}}}" for _, _, text in sender.events)
            trackers.append(f'{{"sender_id": "{name}", "slots": {{}}, "events": [{members}]}}\n')
            truth.lines += len(sender.events)
            continue
        for seconds, _, text in sender.events:
            day = datetime.fromtimestamp(seconds, UTC).date().isoformat()
            by_date.setdefault(day, []).append((seconds, f'{text}, "sender_id": "{name}"}}\n'))
    for day, lines in sorted(by_date.items()):
        lines.sort(key=lambda line: line[0])
        texts = [text for _, text in lines]
        for _ in range(round(len(texts) * defect_rate)):
            place = rng.randrange(len(texts))
            draw = rng.random()
            if draw < 0.6 and "model_id" in texts[place]:
                texts.insert(place + 1, texts[place])
                truth.redelivered += 1
            elif draw < 0.9:
                bad = ('{"event": "user", \n', '{"event": "user", "sender_id": "x"}\n', '{"timestamp": 1768000000}\n')
                texts.insert(place, rng.choice(bad))
                truth.rejected += 1
            else:
                texts.insert(place, "\n")
                truth.blank += 1
        truth.lines += len(texts)
        _write(folder, f"rasa-{day}.jsonl.gz", texts, truth)
    if trackers:
        _write(folder, "trackers.jsonl.gz", trackers, truth)
    truth.events = dict(kinds)
    truth.accepted = truth.lines - truth.blank - truth.rejected
    return truth


def _write(folder: Path, name: str, lines: list[str], truth: RasaTruth) -> None:
    with gzip.GzipFile(folder / name, "wb", compresslevel=1, mtime=0) as stream:
        stream.write("".join(lines).encode())
    truth.files.append(name)
