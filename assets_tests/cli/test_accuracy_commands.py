"""`chat-platform sample` and `chat-platform accuracy`, from made-up calls to figures."""

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chat_platform.cli import main
from chat_platform.lake.ingest import ingest
from chat_platform.publish.voice import publish
from chat_platform.settings import Settings
from chat_platform.warehouse.snapshot import publish_snapshot


@pytest.fixture
def command(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Exit code and all that was said."""
    monkeypatch.setenv("CHAT_PLATFORM_HOME", str(settings.home))
    assert settings.pseudonym_key is not None
    monkeypatch.setenv("CHAT_PLATFORM_PSEUDONYM_KEY", settings.pseudonym_key.get_secret_value())

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["chat-platform", *arguments])
        code: object = 0
        try:
            main()
        except SystemExit as done:
            code = done.code or 0
        said = capsys.readouterr()
        assert isinstance(code, int)
        return code, said.out + said.err

    return call


def test_from_made_up_calls_to_figures(
    command: Callable[..., tuple[int, str]], settings: Settings, tmp_path: Path
) -> None:
    code, said = command("sample", "--source", "voice", "--events", "3000", "--days", "3", "--seed", "4")
    assert code == 0, said
    assert len(list((settings.landing / "voice").iterdir())) >= 3
    ingest(settings, "voice")
    publish(settings, "test")
    publish_snapshot(settings)

    target = tmp_path / "to-label.csv"
    code, said = command("accuracy", "sample", str(target), "--half-width", "0.1", "--seed", "2")
    assert code == 0, said
    with target.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert f"{len(rows)} of " in said
    for row in rows[:50]:
        row["trueIntent"] = row["predictedIntent"]
    rows[0]["trueIntent"] = "SOMETHING ELSE"
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    code, said = command("accuracy", "import", "labels", str(target), "--annotator", "ana")
    assert code == 0, said
    assert f"50 labels taken, {len(rows) - 50} left open" in said
    assert "no turn in the tables" not in said

    code, said = command("accuracy", "report", "--json")
    assert code == 0, said
    (accuracy,) = (
        row for row in json.loads(said) if row["metric"] == "robot_accuracy" and row["model_version"] is None
    )
    assert (accuracy["numerator"], accuracy["denominator"], accuracy["value"]) == (49, 50, 0.98)
    assert 0.89 < accuracy["low"] < 0.9 < 0.99 < accuracy["high"] < 1


def event(number: int, kind: str, context: dict[str, object]) -> str:
    """A line of a call whose id holds the phone of the caller."""
    return json.dumps(
        {
            "id": f"00000000-0000-4000-8000-{number:012d}",
            "eventType": kind,
            "version": 1,
            "when": f"2026-01-05T12:00:{number:02d}Z",
            "through": "vda-demo",
            "correlationId": "ura-11968322333",
            "context": context,
        }
    )


FILLED = {
    "labels": {"trueIntent": "SALDO"},
    "transcripts": {"reference": "o CPF é 123.456.789-09"},
    "prompts": {"correct": "true", "intelligible": "true"},
}
METRICS = {"labels": "robot_accuracy", "transcripts": "stt_sentence_accuracy", "prompts": "tts_accuracy"}


@pytest.mark.parametrize("kind", FILLED)
def test_a_sample_says_what_it_is_for_and_not_who_it_is_of(
    command: Callable[..., tuple[int, str]], settings: Settings, tmp_path: Path, kind: str
) -> None:
    folder = settings.landing / "voice"
    folder.mkdir(parents=True)
    caller = {"identifiers": [{"key": "phone", "value": "11968322333"}]}
    said = {"capturedText": "o cpf é 123.456.789-09", "nlp": {"intent": "SALDO", "score": 0.9}}
    lines = [
        event(0, "CustomerInitiatedCall", {"customer": caller}),
        event(1, "AgentTalkedCustomer", {"agent": {"text": "CPF 123.456.789-09?", "scriptPoint": "100"}}),
        event(2, "CustomerTalkedAgent", {"customer": {**caller, **said}}),
    ]
    (folder / "calls.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ingest(settings, "voice")
    publish(settings, "test")
    publish_snapshot(settings)
    target = tmp_path / "to-judge.csv"
    code, said_of_it = command("accuracy", "sample", str(target), "--for", kind)
    assert code == 0, said_of_it
    text = target.read_text(encoding="utf-8")
    assert "[number]" in text
    assert "96832" not in text
    assert "456" not in text
    with target.open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream)
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(row))
        writer.writeheader()
        writer.writerow({**row, **FILLED[kind]})
    code, said_of_it = command("accuracy", "import", kind, str(target), "--annotator", "ana")
    assert code == 0, said_of_it
    assert "no turn in the tables" not in said_of_it
    (figure,) = (
        row for row in json.loads(command("accuracy", "report", "--json")[1]) if row["metric"] == METRICS[kind]
    )
    assert (figure["numerator"], figure["denominator"]) == (1, 1)


def test_what_is_wrong_is_said_in_a_sentence(command: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    file = tmp_path / "prompts.csv"
    file.write_text("promptId,correct,intelligible\np1,true,perhaps\n", encoding="utf-8")
    code, said = command("accuracy", "import", "prompts", str(file))
    assert code == 2
    assert "line 2, field intelligible" in said
    assert "Traceback" not in said
    assert command("accuracy", "import", "opinions", str(file))[0] == 2
    assert command("sample", "--source", "fax")[0] == 2
    code, said = command("accuracy", "sample", str(tmp_path / "x.csv"), "--half-width", "2")
    assert code == 2
    assert "between 0 and 1" in said
