"""Files that people fill in: JSON lines or CSV, read into checked rows; an error names file, line and field."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from chat_platform.errors import ChatPlatformError

SHOWN_PROBLEMS = 20
SUFFIXES = (".csv", ".jsonl")


def _stripped(value: Any) -> Any:
    return (value.strip() or None) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_stripped), Field(min_length=1, max_length=256)]
# An empty cell of a CSV file is no value; the intent 'None' is one.
Optional = Annotated[Annotated[str, Field(max_length=256)] | None, BeforeValidator(_stripped)]
Day = Annotated[date | None, BeforeValidator(_stripped)]


class _Row(BaseModel):
    """What all rows may say. Fields have the names of the event feed, in camel case."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore", coerce_numbers_to_str=True)

    model_version: Optional = None
    annotator: Optional = None
    measured_on: Day = None


class Label(_Row):
    """What the customer wanted, by an annotator, and what the robot understood."""

    event_id: Text
    predicted_intent: Text
    true_intent: Optional

    @property
    def is_open(self) -> bool:
        """True where nobody has labelled it yet."""
        return self.true_intent is None


class Transcript(_Row):
    """What was said, and what speech recognition made of it; an empty hypothesis is one."""

    event_id: Text
    reference: Annotated[str | None, BeforeValidator(_stripped)]
    hypothesis: Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]

    @property
    def is_open(self) -> bool:
        """True where nobody has written down what was said."""
        return self.reference is None


class PromptScore(_Row):
    """Whether a spoken prompt was correct and intelligible to a listener."""

    prompt_id: Text
    correct: Annotated[bool | None, BeforeValidator(_stripped)]
    intelligible: Annotated[bool | None, BeforeValidator(_stripped)]

    @property
    def is_open(self) -> bool:
        """True where one of the two is not answered."""
        return self.correct is None or self.intelligible is None


Kind = TypeVar("Kind", Label, Transcript, PromptScore)


def read_rows(path: Path, kind: type[Kind]) -> list[tuple[int, Kind]]:
    """Rows of a file, each with its line number from 1.

    Raises ChatPlatformError with every problem by file, line and field where any row is not as it should be: a file is
    taken whole or not at all.
    """
    rows: list[tuple[int, Kind]] = []
    problems: list[str] = []
    for number, value in _objects(path):
        if isinstance(value, str):
            problems.append(f"{path}, line {number}: {value}")
            continue
        try:
            rows.append((number, kind.model_validate(value)))
        except ValidationError as error:
            problems += [
                f"{path}, line {number}, field {'.'.join(map(str, item['loc'])) or '-'}: {_advice(item['msg'])}"
                for item in error.errors(include_input=False)
            ]
    if problems:
        more = len(problems) - SHOWN_PROBLEMS
        shown = problems[:SHOWN_PROBLEMS] + ([f"... and {more} more"] if more > 0 else [])
        raise ChatPlatformError("Nothing was imported.\n" + "\n".join(shown))
    return rows


def _advice(message: str) -> str:
    return message.removeprefix("Value error, ").lower()


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Line number and object of each row; where it is none, what is wrong with it."""
    _require_suffix(path)
    try:
        # Spreadsheets write a mark before the first name.
        with path.open(encoding="utf-8-sig", newline="") as stream:
            yield from _csv_objects(stream) if path.suffix == ".csv" else _json_objects(stream)
    except UnicodeDecodeError:
        raise ChatPlatformError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    except csv.Error as error:
        raise ChatPlatformError(f"{path} is no CSV file: {error}.") from None


def _csv_objects(stream: Iterable[str]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    lines = csv.reader(stream, strict=True)
    names = next(lines, [])
    for cells in lines:
        if not any(cells):
            continue
        if len(cells) != len(names):
            yield lines.line_num, f"{len(cells)} cells; the first line names {len(names)}"
        else:
            yield lines.line_num, dict(zip(names, cells, strict=True))


def _json_objects(stream: Iterable[str]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            yield number, f"not JSON: {getattr(error, 'msg', 'nested too deep')}"
            continue
        yield number, value if isinstance(value, dict) else "not a JSON object"


def write_sample(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows for annotators under the camel-case names. Raises ChatPlatformError where the file exists."""
    _require_suffix(path)
    titles = [to_camel(name) for name in names]
    try:
        with path.open("x", encoding="utf-8", newline="") as stream:
            # It holds what customers said, masked; nobody but its owner has to read it.
            path.chmod(0o600)
            if path.suffix == ".csv":
                writer = csv.writer(stream)
                writer.writerow(titles)
                writer.writerows(rows)
            else:
                for row in rows:
                    stream.write(json.dumps(_plain(zip(titles, row, strict=True)), ensure_ascii=False) + "\n")
    except FileExistsError:
        raise ChatPlatformError(f"{path} exists; name a new file.") from None


def _plain(pairs: Iterable[tuple[str, Any]]) -> Mapping[str, Any]:
    return {
        name: value if value is None or isinstance(value, str | bool | int) else str(value) for name, value in pairs
    }


def _require_suffix(path: Path) -> None:
    if path.suffix not in SUFFIXES:
        raise ChatPlatformError(f"{path}: use a name that ends in {' or '.join(SUFFIXES)}.")
