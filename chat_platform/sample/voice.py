"""A made-up feed of phone calls with a virtual agent, with the truth about it: event lines by date, as delivered.

Calls follow the state machine of the voice spec (section 1.3); people call again, withhold their number, write it in
other forms; events come late, twice, misspelt and broken. Nothing here uses the rest of the platform, so that its
results can be held against `VoiceTruth`.
"""

import gzip
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np

# Calls by hour of the day, UTC: the day of Brazil.
HOURS = (2, 1, 1, 1, 1, 1, 1, 1, 2, 4, 7, 10, 12, 13, 12, 12, 12, 13, 13, 12, 10, 8, 6, 4)
INTENTS = ("CONSUMO DE INTERNET", "SEGUNDA VIA", "SALDO", "INTERNET", "COMPARTILHA INTERNET", "TRANSFERE", "SIM")
SAID = (
    "quanto eu gastei de internet", "quero a segunda via da conta", "qual é o meu saldo", "minha internet não funciona",
    "dividir a internet", "posso falar com um atendente", "sim", "blablabla", "não foi isso que eu disse",
)  # fmt: skip
PROMPTS = (
    "Olá! Como posso te ajudar?", "Você quer saber o saldo ou o consumo?", "Desculpe, não entendi.",
    "O seu consumo neste mês foi de dois gigabytes.", "Só um instante.", "Posso ajudar em mais alguma coisa?",
)  # fmt: skip
SOLUTIONS = ("Consumo de Internet", "Segunda Via", "Compartilhar Internet", "Comprar Pacote")
APIS = ("SALDO", "CONSUMO", "FATURA")
ROBOTS = ("2026.1", "2026.2", "2026.3")
COMMAND = '<Response><Play loop=\\"1\\">file://./prompt.gsm</Play></Response>'
# Lines that no contract accepts; {id} is a fresh id.
BROKEN = (
    '{{"id": "{id}" "eventType": "AgentTalkedCustomer", "version": 1 "when": "2026-01-05T12:00:00.000Z", '
    '"through": "vda-demo", "correlationId": "{id}", "context": {{"agent": {{"text": "Olá!"}}}}}}',
    '{{"id": "{id}", "eventType": "CustomerCallEnded", "version": 1, "through": "vda-demo", "correlationId": "{id}", '
    '"context": {{}}}}',
    '{{"id": "{id}", "eventType": "CustomerCallEnded", "version": 1, "when": "ontem", "correlationId": "{id}", '
    '"context": {{}}}}',
    '{{"id": "{id}", "eventType": "CustomerInitiatedCall", "version": 1, "when": "2026-01-05T12:00:00Z", '
    '"context": {{}}}}',
    '["{id}"]',
    '{{"id": "{id}", "eventType": "CustomerTal',
)
_TEXTS = {text: json.dumps(text, ensure_ascii=False) for text in (*SAID, *PROMPTS, *SOLUTIONS)}


@dataclass
class VoiceTruth:
    """What was put into a feed. lines = blank + rejected + redelivered + events.

    `by_type` counts events by their canonical type; `started`, `answered`, `transferred`, `outcomes` count calls that
    have a start; `api_calls` counts by name. `withheld` calls have no phone at all.
    """

    lines: int = 0
    blank: int = 0
    rejected: int = 0
    redelivered: int = 0
    late: int = 0
    events: int = 0
    calls: int = 0
    started: int = 0
    answered: int = 0
    transferred: int = 0
    withheld: int = 0
    orphan_surveys: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    by_type: dict[str, int] = field(default_factory=dict)
    api_calls: dict[str, int] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


class _Call:
    """The events of one call as they come: seconds and JSON text."""

    def __init__(self, rng: random.Random, seconds: float, phone: str | None, robot: str) -> None:
        self.rng = rng
        self.seconds = seconds
        self.started = seconds
        # The id of a call is one of the exchange (16 hexadecimal digits) or a UUID.
        self.ident = f"{rng.getrandbits(64):016x}" if rng.random() < 0.3 else _uuid(rng)
        self.version = '"1"' if rng.random() < 0.01 else "1"
        self.offset = -3 if rng.random() < 0.05 else 0
        self.robot = f', "robotVersion": "{robot}"' if robot else ""
        self.phone = "" if phone is None else f'"identifiers": [{{"key": "phone", "value": "{phone}"}}], '
        self.events: list[tuple[float, str, str]] = []
        self.apis: list[str] = []

    def add(self, kind: str, context: str, pause: float, written: str = "", ident: str = "") -> None:
        """An event of a canonical type; `written` is the type as it stands in the line."""
        self.seconds += pause
        when = _when(self.seconds, self.offset)
        self.events.append(
            (
                self.seconds,
                kind,
                f'{{"id": "{ident or _uuid(self.rng)}", "eventType": "{written or kind}", "version": {self.version}, '
                f'"when": "{when}", "through": "vda-demo", "correlationId": "{self.ident}"{self.robot}, '
                f'"context": {{{context}}}}}\n',
            )
        )

    def agent(self, text: str, dialog: str, intent: str, said: str, pause: float) -> None:
        point = self.rng.randrange(100, 140)
        # Some producers send the score as a text.
        score = '"0.93"' if self.rng.random() < 0.1 else "0.93"
        nlp = f'"intent": "{intent}", "score": {score}' if intent else '"intent": null, "score": null'
        self.add(
            "AgentTalkedCustomer",
            f'"agent": {{"text": {_TEXTS[text]}, "command": "{COMMAND}", "dialogType": "{dialog}", '
            f'"scriptPoint": "{point}"}}, "customer": {{{self.phone}"capturedText": {said}, '
            f'"cleansedText": {said}, "nlp": {{{nlp}}}}}',
            pause,
        )

    def customer(self, intent: str, top: str, said: str) -> str:
        score = round(0.35 + 0.64 * self.rng.random(), 6)
        scored = f'{{"intent": "{top}", "score": {score}}}'
        ident = _uuid(self.rng)
        self.add(
            "CustomerTalkedAgent",
            f'"customer": {{{self.phone}"capturedText": {said}, "cleansedText": {said}, "nlp": {{"intent": "{intent}", '
            f'"score": {score}, "realResponse": {{"topScoringIntent": {scored}, "intents": [{scored}]}}}}}}',
            2 + 6 * self.rng.random(),
            ident=ident,
        )
        return ident

    def api(self, name: str, ident: str = "") -> None:
        elapsed = round(40 + 400 * self.rng.random() ** 3)
        status = 500 if self.rng.random() < 0.03 else 200
        self.apis.append(name)
        self.add(
            "AgentCalledAPI",
            f'"api": {{"apiName": "{name}", "uri": "https://api.example.com/{name.lower()}", "headers": "", '
            f'"body": "{{}}", "httpStatus": {status}, "executionElapsedTime": {elapsed}}}',
            0.2,
            ident=ident,
        )

    def talk(self) -> None:
        """One exchange: the customer speaks or is silent, the robot understands, asks back or does not."""
        rng = self.rng
        draw = rng.random()
        if draw < 0.08:
            return self.agent(PROMPTS[2], "SIL", "None", '"SILENCE_TIMEOUT"', 8.0)
        said = _TEXTS[rng.choice(SAID)]
        top = rng.choice(INTENTS)
        intent = "None" if draw < 0.22 else top
        ident = self.customer(intent, top, said)
        # The call of the language service sometimes carries the id of the turn.
        self.api("LUIS", ident if rng.random() < 0.02 else "")
        if rng.random() < 0.01:
            self.add("AgentBargedIn", '"detail": {"millisecond": 740}', 0.3)
        dialog = "REJ" if intent == "None" else "DES" if draw > 0.92 else "RDM"
        return self.agent(rng.choice(PROMPTS), dialog, intent, said, 1 + rng.random())

    def start(self) -> None:
        listened = "true" if self.rng.random() < 0.2 else "false"
        self.add(
            "CustomerInitiatedCall",
            f'"customer": {{{self.phone}"capturedText": "start_conversation", "listenedDataUsage": {listened}}}',
            0.0,
        )

    def finish(self, outcome: str) -> None:
        """The terminal event and the end, which names it."""
        customer = f'"customer": {{{self.phone}"capturedText": "sim", "cleansedText": "sim"}}'
        if outcome == "solved":
            if self.rng.random() < 0.6:
                self.api(self.rng.choice(APIS))
            last = _TEXTS[self.rng.choice(SOLUTIONS)]
            solution = f'"agent": {{"solution": {{"lastSolution": {last}, "previousSolutions": []}}}}'
            reason = "AgentSolvedRequest"
            self.add(reason, f"{solution}, {customer}", 4.0)
        elif outcome == "transferred":
            reason = "AgentTransferedCustomer"
            written = "AgentTransferredCustomer" if self.rng.random() < 0.02 else ""
            agent = (
                '"agent": {"text": "Só um instante.", "command": "<Response><Enqueue>TRANSFERE</Enqueue></Response>", '
                '"dialogType": "else"}'
            )
            for _ in range(2 if self.rng.random() < 0.03 else 1):
                self.add(reason, f"{agent}, {customer}", 2.0, written)
        else:
            reason = "CustomerAbandonedAgent"
            self.add(reason, f'"customer": {{{self.phone}"capturedText": "call_disconnected_by_the_customer"}}', 3.0)
        self.add("CustomerCallEnded", f'"customer": {{{self.phone}"reason": "{reason}"}}', 0.5)

    def survey(self, human: bool) -> None:
        electronic = self.rng.randrange(11)
        # Now and then the second question was open where no human had spoken.
        other = self.rng.randrange(11) if human or self.rng.random() < 0.03 else "null"
        self.add(
            "CustomerAnsweredSurvey",
            f'"survey": {{"scale": "0-10", "electronicScore": {electronic}, "humanScore": {other}}}',
            30.0,
        )


def _uuid(rng: random.Random) -> str:
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


_DAYS: dict[int, str] = {}


def _when(seconds: float, hours: int) -> str:
    """ISO-8601 in milliseconds, on a clock so many hours from UTC."""
    whole, thousandths = divmod(round((seconds + 3600 * hours) * 1000), 1000)
    day, second = divmod(whole, 86400)
    if day not in _DAYS:
        _DAYS[day] = (date(1970, 1, 1) + timedelta(days=day)).isoformat()
    minute, second = divmod(second, 60)
    zone = f"{hours:+03d}:00" if hours else "Z"
    return f"{_DAYS[day]}T{minute // 60:02d}:{minute % 60:02d}:{second:02d}.{thousandths:03d}{zone}"


def _phones(rng: np.random.Generator, calls: int) -> list[str | None]:
    """The phone of each call as it is written: a few people call often, forms vary, some withhold it."""
    people = max(1, round(calls * 0.8))
    caller = (people * rng.random(calls) ** 1.3).astype(int)
    # Two digits of the area, a nine, eight digits.
    pairs = zip(rng.integers(11, 100, people).tolist(), rng.integers(0, 10**8, people).tolist(), strict=True)
    national = [f"{area}9{number:08d}" for area, number in pairs]
    written: list[str | None] = []
    for person, draw in zip(caller.tolist(), rng.random(calls).tolist(), strict=True):
        digits = national[person]
        if draw < 0.03:
            written.append("" if draw < 0.01 else None)
        elif draw < 0.13:
            written.append("55" + digits)
        elif draw < 0.18:
            written.append(f"+55 {digits[:2]} {digits[2:7]}-{digits[7:]}")
        else:
            written.append(digits)
    return written


def generate_voice(
    folder: Path,
    *,
    events: int,
    seed: int = 0,
    first_date: date = date(2026, 1, 5),
    days: int = 14,
    defect_rate: float = 0.01,
    late_share: float = 0.005,
    compressed: bool = True,
) -> VoiceTruth:
    """Write a feed of about this many events below `folder`; what was put into it.

    Each UTC date has one file, in the order of arrival. The same arguments give the same files. Of the lines a share of
    `late_share` arrives one to three dates later, and `defect_rate` are blank, broken or delivered twice, in addition:
    eight in ten of these are redeliveries.
    """
    numbers, rng = np.random.default_rng(seed), random.Random(seed)  # noqa: S311
    folder.mkdir(parents=True, exist_ok=True)
    truth = VoiceTruth()
    by_type, apis, outcomes = Counter[str](), Counter[str](), Counter[str]()
    calls = max(1, round(events / 12.3))
    origin = datetime.combine(first_date, time(), UTC).timestamp()
    hours = numbers.choice(24, calls, p=np.array(HOURS) / sum(HOURS))
    starts = np.sort(86400 * numbers.integers(0, days, calls) + 3600 * hours + 3600 * numbers.random(calls))
    kinds = numbers.choice(["solved", "transferred", "abandoned", "open"], calls, p=[0.42, 0.24, 0.325, 0.015]).tolist()
    by_date: list[list[tuple[float, str]]] = [[] for _ in range(days + 4)]
    written = 0
    for start, phone, outcome in zip((origin + starts).tolist(), _phones(numbers, calls), kinds, strict=True):
        robot = "" if rng.random() < 0.2 else ROBOTS[min(2, int(3 * (start - origin) / (86400 * days)))]
        # No call lasts two hours: what lies further back is complete.
        while origin + 86400 * (written + 1) + 7200 < start:
            _write_date(folder, first_date, written, by_date, rng, defect_rate, truth, compressed)
            written += 1
        call = _Call(rng, start, phone, robot)
        answered = _converse(call, outcome)
        lost_start = rng.random() < 0.002
        if lost_start:
            del call.events[0]
        truth.calls += 1
        truth.withheld += not phone
        if not lost_start:
            truth.started += 1
            truth.answered += answered
            truth.transferred += outcome == "transferred"
            outcomes[outcome] += 1
        if rng.random() < 0.001:
            orphan = _Call(rng, start, None, "")
            orphan.survey(human=False)
            call.events += orphan.events
            truth.orphan_surveys += 1
        by_type.update(kind for _, kind, _ in call.events)
        apis.update(call.apis)
        for seconds, _, text in call.events:
            day = max(0, int(seconds - origin) // 86400)
            if rng.random() < late_share:
                truth.late += 1
                day, seconds = day + rng.randrange(1, 4), 0.0
            by_date[min(day, days + 3)].append((seconds, text))
    for number in range(written, len(by_date)):
        _write_date(folder, first_date, number, by_date, rng, defect_rate, truth, compressed)
    truth.by_type, truth.api_calls, truth.outcomes = dict(by_type), dict(apis), dict(outcomes)
    truth.events = sum(by_type.values())
    return truth


def _converse(call: _Call, outcome: str) -> bool:
    """All events of a call that ends so; True where the robot spoke."""
    rng = call.rng
    call.start()
    answered = outcome != "abandoned" or rng.random() < 0.95
    if answered:
        call.agent(PROMPTS[0], "RDM", "", '"start_conversation"', 2.0)
        for _ in range(rng.choice((1, 2, 2, 3, 3, 4, 6))):
            call.talk()
    if outcome == "open":
        return answered
    if rng.random() < 0.002:
        # Two machines, two clocks: the end lies before the start.
        call.seconds = call.started - 60
    call.finish(outcome)
    if rng.random() < 0.15:
        call.survey(human=outcome == "transferred")
    return answered


def _spoilt(rng: random.Random, lines: list[str], rate: float, truth: VoiceTruth) -> list[str]:
    """The lines with `rate` more of them between: twice delivered, broken, blank."""
    more: dict[int, list[str]] = {}
    for _ in range(round(len(lines) * rate)):
        draw, place = rng.random(), rng.randrange(len(lines))
        if draw < 0.8:
            more.setdefault(place, []).append(lines[place])
            truth.redelivered += 1
        elif draw < 0.95:
            more.setdefault(place, []).append(rng.choice(BROKEN).format(id=_uuid(rng)) + "\n")
            truth.rejected += 1
        else:
            more.setdefault(place, []).append("\n")
            truth.blank += 1
    truth.lines += len(lines) + sum(map(len, more.values()))
    return [text for place, line in enumerate(lines) for text in (line, *more.get(place, ()))] if more else lines


def _write_date(
    folder: Path,
    first_date: date,
    number: int,
    by_date: list[list[tuple[float, str]]],
    rng: random.Random,
    defect_rate: float,
    truth: VoiceTruth,
    compressed: bool,
) -> None:
    """Write the lines of a date, and forget them."""
    lines, by_date[number] = sorted(by_date[number], key=lambda line: line[0]), []
    if not lines:
        return
    data = "".join(_spoilt(rng, [text for _, text in lines], defect_rate, truth)).encode()
    name = f"voice-{(first_date + timedelta(days=number)).isoformat()}.jsonl"
    if compressed:
        name += ".gz"
        with gzip.GzipFile(folder / name, "wb", compresslevel=1, mtime=0) as stream:
            stream.write(data)
    else:
        (folder / name).write_bytes(data)
    truth.files.append(name)
