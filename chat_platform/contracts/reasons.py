"""Why a line is refused: reason codes, and a sentence for people. Never quotes the line."""

import json
import re

SENTENCES = {
    "invalid_json": "The line is not valid JSON.",
    "not_an_object": "The line is JSON, but not an object; each line is one message, {...}.",
    "duplicate_key": "The message names the same key twice; which value is meant cannot be told.",
    "timestamp_missing": "@timestamp is missing or not a number; it is the end of the message in Unix seconds.",
    "timestamp_out_of_range": "@timestamp lies before the first date of the platform or after tomorrow.",
    "request_body_missing": "request_body is missing or not an object.",
}


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def explain_invalid_json(line: str) -> str | None:
    """Why `line` is not strict JSON, in a sentence with the column from 1; None where it is."""
    if "\x00" in line:
        return f"NUL byte at column {line.index(chr(0)) + 1}."
    try:
        # Numbers stay text: a very long one is valid, and no number is looked at here.
        value = json.loads(line, parse_constant=_refuse_constant, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        if "\r" in line.rstrip("\r\n"):
            return "Carriage returns stand where lines should end; end lines with a line feed."
        return f"{error.msg.removesuffix(' at')} at column {error.pos + 1}."
    except ValueError as error:
        return f"{error}."
    except RecursionError:
        return None
    if re.search("[\ud800-\udfff]", json.dumps(value, ensure_ascii=False)):
        return "An escape \\uD800 to \\uDFFF stands alone; it is half a character."
    return None
