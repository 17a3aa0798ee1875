"""Every kind of bad input, from a file to the lake and its refusals: nothing is lost and nothing stops a file."""

import errno
import gzip
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import zstandard
from lake.chat_builder import (
    MIDNIGHT,
    conserved,
    deliver,
    lines_of,
    message,
    put,
    refused_rows,
    take,
    typed_by_id,
    typed_rows,
)

from chat_platform.errors import LakeError
from chat_platform.lake import manifest as manifests
from chat_platform.lake.ingest import ingest
from chat_platform.lake.manifest import Manifest
from chat_platform.settings import Settings, load_settings


def line(**patches: Any) -> bytes:
    return lines_of([message("bad", **patches)]).rstrip(b"\n")


def stamped(seconds: Any) -> bytes:
    return json.dumps(put(message("bad"), "@timestamp", seconds)).encode()


def at_noon(days: int) -> float:
    """Unix seconds of noon UTC so many days from today."""
    today = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=days)).timestamp()


GOOD = line()
# Kind → a bad line, its reason, and what its sentence says beside.
BAD: dict[str, tuple[bytes, str, str]] = {
    "not_json": (b"hello", "invalid_json", "column 1"),
    "half_an_object": (GOOD[:-20], "invalid_json", ""),
    "trailing_comma": (GOOD[:-1] + b",}", "invalid_json", f"column {len(GOOD) + 1}"),
    "trailing_comma_in_list": (GOOD[:-1] + b',"x":[1,]}', "invalid_json", "column"),
    "nan": (GOOD[:-1] + b',"x":NaN}', "invalid_json", "NaN"),
    "infinity": (GOOD[:-1] + b',"x":-Infinity}', "invalid_json", "-Infinity"),
    "nan_in_a_list": (GOOD[:-1] + b',"x":[NaN]}', "invalid_json", "NaN"),
    "single_quotes": (b"{'@timestamp': 1}", "invalid_json", "column 2"),
    "two_objects": (GOOD + b" " + GOOD, "invalid_json", "column"),
    "comment": (GOOD + b" // see", "invalid_json", "column"),
    "raw_nul": (GOOD.replace(b"tower", b"to\x00wer"), "invalid_json", "NUL byte at column"),
    "nul_at_the_end": (GOOD + b"\x00", "invalid_json", f"NUL byte at column {len(GOOD) + 1}"),
    "raw_control": (GOOD.replace(b"tower", b"to\x01wer"), "invalid_json", "column"),
    "control_and_escaped_nul": (GOOD.replace(b"tower", b"to\\u0000\x01wer"), "invalid_json", "column"),
    "lone_returns": (b'{"a":1}\r{"b":2}\r{"c":3}', "invalid_json", "arriage return"),
    "latin_1": (line(query="não é útil").decode("unicode_escape").encode("latin-1"), "not_utf8", "UTF-8"),
    "cut_character": (GOOD.replace(b"tower", b"to\xc3wer"), "not_utf8", "UTF-8"),
    "surrogate_bytes": (GOOD.replace(b"tower", b"\xed\xa0\x80"), "not_utf8", "UTF-8"),
    "high_surrogate": (GOOD.replace(b"tower", b"\\ud83d"), "invalid_json", "half a character"),
    "low_surrogate": (GOOD.replace(b"tower", b"\\ude00 x"), "invalid_json", "half a character"),
    "swapped_surrogates": (GOOD.replace(b"tower", b"\\ude00\\ud83d"), "invalid_json", "half a character"),
    "list": (b"[1, 2]", "not_an_object", "{...}"),
    "number": (b"42", "not_an_object", "object"),
    "text": (b'"a text"', "not_an_object", "object"),
    "null": (b"null", "not_an_object", "object"),
    "deep": (b'{"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "too_deep", "1,000 levels"),
    "deep_list": (b"[" * 100_000 + b"]" * 100_000, "too_deep", "1,000 levels"),
    "same_key_twice": (GOOD[:-1] + b',"@timestamp":5}', "duplicate_key", "twice"),
    "same_body_twice": (GOOD[:-1] + b',"request_body":{}}', "duplicate_key", "twice"),
    "same_key_in_request": (
        GOOD.replace(b'"request_body": {', b'"request_body": {"model": "x", '),
        "duplicate_key",
        "",
    ),
    "same_key_in_response": (
        GOOD.replace(b'"response_body": {', b'"response_body": {"id": "x", '),
        "duplicate_key",
        "",
    ),
    "no_timestamp": (b'{"request_body":{}}', "timestamp_missing", "@timestamp"),
    "timestamp_text": (stamped("1762135897"), "timestamp_missing", "number"),
    "timestamp_true": (stamped(True), "timestamp_missing", "number"),
    "timestamp_null": (stamped(None), "timestamp_missing", "number"),
    "timestamp_list": (stamped([MIDNIGHT]), "timestamp_missing", "number"),
    "timestamp_object": (stamped({"$date": MIDNIGHT}), "timestamp_missing", "number"),
    "year_1": (stamped(-62135596800), "timestamp_out_of_range", ""),
    "year_9999": (stamped(253402300799), "timestamp_out_of_range", ""),
    "year_10000": (stamped(253402300800), "timestamp_out_of_range", ""),
    "before_year_1": (stamped(-62135596801), "timestamp_out_of_range", ""),
    "negative": (stamped(-1), "timestamp_out_of_range", "first date"),
    "zero": (stamped(0), "timestamp_out_of_range", ""),
    "milliseconds": (stamped(MIDNIGHT * 1000), "timestamp_out_of_range", ""),
    "before_first_date": (stamped(1420070400 - 0.001), "timestamp_out_of_range", "first date"),
    "after_tomorrow": (stamped(at_noon(2)), "timestamp_out_of_range", "tomorrow"),
    "timestamp_1e400": (GOOD.replace(b": 1762128060,", b": 1e400,", 1), "timestamp_out_of_range", ""),
    "timestamp_huge": (GOOD.replace(b": 1762128060,", b": " + b"9" * 400 + b",", 1), "timestamp_out_of_range", ""),
    "no_request": (b'{"@timestamp":1762128060}', "request_body_missing", "request_body"),
    "request_text": (line(request_body="x"), "request_body_missing", "object"),
    "request_null": (line(request_body=None), "request_body_missing", "object"),
    "request_list": (line(request_body=[{}]), "request_body_missing", "object"),
    "empty_object": (b"{}", "timestamp_missing", ""),
}
# Kind → a line that looks odd and is good.
FINE: dict[str, bytes] = {
    "comma_in_text": line(query="a list, ] of things, } and: nan, inf"),
    "information": line(query="for me, information please: nanny, infinity [inf"),
    "emoji_and_information": line(query="\U0001f600 for me, information"),
    "emoji_escaped_and_comma": GOOD.replace(b"tower", b"\\ud83d\\ude00, ] tower"),
    "backslash_u_in_text": GOOD.replace(b"tower", b"\\\\ud800, information"),
    "long_number_and_comma": GOOD[:-1] + b',"x":' + b"7" * 5000 + b',"y":"a, ]"}',
    "unknown_keys": GOOD[:-1] + b',"new":{"deep":[1,{"x":null}]},"":1}',
    "carriage_return_at_the_end": GOOD + b"\r",
    "spaces_around": b"  \t" + GOOD + b"  ",
    "gzip_as_text": line(response_body=gzip.compress(b"answer", mtime=0).decode("latin-1")),
    "gzip_as_replaced_text": line(response_body=gzip.compress(b"answer", mtime=0).decode("utf-8", "replace")),
    "nul_escaped": GOOD.replace(b"tower", b"to\\u0000wer"),
    "nul_escaped_backslash": GOOD.replace(b"tower", b"to\\\\u0000wer"),
    "nul_after_backslash": GOOD.replace(b"tower", b"to\\\\\\u0000wer"),
    "first_moment": stamped(1420070400),
    "tomorrow": stamped(at_noon(1)),
    "microseconds": stamped(1762128060.123456),
    "wide": GOOD[:-1] + b',"x":[' + b"[]," * 5000 + b"[]]}",
}


def around(kind: str, bad: bytes) -> bytes:
    before, after = (message(f"{kind}-{place}", thread=None) for place in ("before", "after"))
    return lines_of([before]) + bad + b"\n\n" + lines_of([after])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Manifest]:
    """One file for each kind, all in one load."""
    settings = load_settings({}, home=tmp_path_factory.mktemp("bad"), pseudonym_key="a key for tests, 32 characters!!")
    for kind, (bad, _, _) in BAD.items():
        deliver(settings, f"{kind}.jsonl", around(kind, bad))
    for kind, fine in FINE.items():
        deliver(
            settings, f"{kind}.jsonl", around(kind, fine.replace(b'"id": "bad"', b'"id": "' + kind.encode() + b'"'))
        )
    done = ingest(settings, "chat")
    assert done.manifest is not None
    assert done.notices == ()
    return settings, done.manifest


@pytest.fixture(scope="module")
def refused(home: tuple[Settings, Manifest]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in refused_rows(*home):
        found.setdefault(row["source_file"].removeprefix("chat/").removesuffix(".jsonl"), []).append(row)
    return found


@pytest.fixture(scope="module")
def typed(home: tuple[Settings, Manifest]) -> dict[str, dict[str, Any]]:
    return {f"{Path(row['source_file']).stem}:{row['line_number']}": row for row in typed_rows(home[0])}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_line_is_refused_with_all_that_is_needed_to_mend_it(
    kind: str,
    home: tuple[Settings, Manifest],
    refused: dict[str, list[dict[str, Any]]],
    typed: dict[str, dict[str, Any]],
) -> None:
    bad, reason, said = BAD[kind]
    (row,) = refused[kind]
    before = len(around(kind, b"").split(b"\n")[0]) + 1
    assert row["load_id"] == home[1].load_id
    assert row["source_file"] == f"chat/{kind}.jsonl"
    assert (row["line_number"], row["byte_offset"], row["length"]) == (2, before, len(bad) + 1)
    assert row["raw_line"] == bad + b"\n"
    assert row["reason"] == reason
    assert said in row["message"]
    assert row["message"].endswith(".")
    assert b"how tall" not in row["message"].encode()
    assert f"{kind}:2" not in typed
    for place, number in (("before", 1), ("after", 4)):
        good = typed[f"{kind}:{number}"]
        assert good["session_id"] == f"{kind}-{place}"
        assert good["user_query"] == "how tall is the tower"


def test_every_line_is_accounted_for(home: tuple[Settings, Manifest]) -> None:
    manifest = home[1]
    files = len(BAD) + len(FINE)
    assert manifest.lines_read == files * 4
    assert manifest.blank == files
    assert manifest.rejected == len(BAD)
    assert manifest.typed == files * 2 + len(FINE)
    assert manifest.warnings == 0
    assert {file.name: file.lines_read for file in manifest.files} == {
        f"chat/{kind}.jsonl": 4 for kind in {*BAD, *FINE}
    }
    issues = {(issue.source_file, issue.reason): issue.lines for issue in manifest.issues}
    assert issues == {(f"chat/{kind}.jsonl", reason): 1 for kind, (_, reason, _) in BAD.items()}
    assert {issue.severity for issue in manifest.issues} == {"rejected"}


@pytest.mark.parametrize("kind", FINE)
def test_an_odd_line_that_is_good_is_typed(
    kind: str, refused: dict[str, list[dict[str, Any]]], typed: dict[str, dict[str, Any]]
) -> None:
    assert kind not in refused
    fine = json.loads(FINE[kind].replace(b"\\u0000", b"") if kind == "nul_escaped" else FINE[kind], parse_int=float)
    assert [typed[f"{kind}:{n}"]["session_id"] for n in (1, 4)] == [f"{kind}-before", f"{kind}-after"]
    row = typed[f"{kind}:2"]
    if kind not in ("nul_escaped_backslash", "nul_after_backslash"):
        assert row["user_query"] == fine["request_body"]["messages"][0]["content"]
    moment = datetime.fromtimestamp(fine["@timestamp"], UTC).replace(tzinfo=None)
    assert row["event_timestamp"] == moment
    assert row["event_date"] == moment.date()


def test_an_escaped_nul_goes_and_its_literal_text_stays(typed: dict[str, dict[str, Any]]) -> None:
    assert typed["nul_escaped:2"]["user_query"] == "how tall is the tower"
    assert typed["nul_escaped_backslash:2"]["user_query"] == "how tall is the to\\u0000wer"
    assert typed["nul_after_backslash:2"]["user_query"] == "how tall is the to\\wer"


def test_a_body_that_is_gzip_read_as_text_has_no_usable_response(typed: dict[str, dict[str, Any]]) -> None:
    found = [typed["gzip_as_text:2"], typed["gzip_as_replaced_text:2"]]
    assert [(row["has_response"], row["failure_reason"]) for row in found] == [(False, "undecodable_body")] * 2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_in_another_encoding_is_refused_line_by_line(settings: Settings, encoding: str) -> None:
    deliver(settings, "good.jsonl", [message("good")])
    text = lines_of([message(f"r-{n}") for n in range(3)]).decode()
    manifest = take(settings, "wide.jsonl", text.encode(encoding))
    assert set(typed_by_id(settings)) == {"good"}
    rows = refused_rows(settings, manifest)
    assert len(rows) >= 3
    assert b"".join(row["raw_line"] for row in rows) == text.encode(encoding)
    assert {row["reason"] for row in rows} <= {"invalid_json", "not_utf8"}
    assert conserved(manifest)


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("zst", zstandard.compress)])
@pytest.mark.parametrize(("damage", "reason"), [("cut", "truncated_file"), ("broken", "corrupt_file")])
def test_a_damaged_file_gives_its_whole_lines_and_one_refusal(
    settings: Settings, suffix: str, pack: Callable[[bytes], bytes], damage: str, reason: str
) -> None:
    members = [pack(lines_of([message(f"r-{part}-{n}") for n in range(20)])) for part in (1, 2)]
    content = members[0] + (members[1][:-9] if damage == "cut" else b"\xde\xad\xbe\xef" + members[1])
    deliver(settings, "other.jsonl", [message("other")])
    manifest = take(settings, f"a.jsonl.{suffix}", content)
    assert {"other", *(f"r-1-{n}" for n in range(20))} <= set(typed_by_id(settings))
    rows = refused_rows(settings, manifest)
    assert [(row["source_file"], row["reason"]) for row in rows] == [(f"chat/a.jsonl.{suffix}", reason)]
    assert "deliver it again" in rows[0]["message"]
    assert conserved(manifest)


@pytest.mark.parametrize("name", ["empty.jsonl", "empty.json"])
def test_an_empty_file_is_a_load_without_lines(settings: Settings, name: str) -> None:
    manifest = take(settings, name, b"")
    assert (manifest.lines_read, manifest.typed, manifest.rejected) == (0, 0, 0)
    assert manifest.parts == []
    assert manifest.first_event_timestamp is None
    assert ingest(settings, "chat").manifest is None


def test_an_empty_compressed_file_was_cut_short(settings: Settings) -> None:
    for suffix in ("gz", "zst"):
        manifest = take(settings, f"empty.jsonl.{suffix}", b"")
        assert [row["reason"] for row in refused_rows(settings, manifest)] == ["truncated_file"]


def test_an_array_file_is_typed_element_by_element(settings: Settings) -> None:
    messages = [message(f"r-{n}") for n in range(3)]
    text = json.dumps([*messages[:2], {"bad": 1}, messages[2]], indent=1)
    manifest = take(settings, "array.json", text.encode())
    assert set(typed_by_id(settings)) == {"r-0", "r-1", "r-2"}
    (row,) = refused_rows(settings, manifest)
    assert row["reason"] == "timestamp_missing"
    assert row["line_number"] == text[: text.index('"bad"')].count("\n")
    assert json.loads(row["raw_line"]) == {"bad": 1}
    assert text.encode()[row["byte_offset"] :][: row["length"]].strip(b" \n,") == b'{\n  "bad": 1\n }'
    assert conserved(manifest)


def test_a_load_over_hundreds_of_dates_keeps_every_row(settings: Settings) -> None:
    """More dates than DuckDB keeps files open at once."""
    days, each = 260, 12
    messages = [
        {"@timestamp": MIDNIGHT - 86400 * (n * 97 % days) + n, "request_body": {"query": f"q {n}"}}
        for n in range(days * each)
    ]
    manifest = take(settings, "many.jsonl", messages)
    assert manifest.typed == days * each
    rows = typed_rows(settings)
    assert sorted(row["user_query"] for row in rows) == sorted(f"q {n}" for n in range(days * each))
    assert len({row["event_date"] for row in rows}) == days
    assert {part.event_date for part in manifest.parts} == {row["event_date"] for row in rows}


def nothing_counts(settings: Settings) -> None:
    assert manifests.read_manifests(settings.lake) == []
    assert list(settings.lake.rglob("*.parquet")) == []


@pytest.mark.parametrize(
    ("number", "said", "target"),
    [
        (errno.ENOSPC, "no space left on the device", "pq.write_table"),
        (errno.ENOSPC, "no space left on the device", "manifests.put_manifest"),
        (errno.EROFS, "read-only file system", "pq.write_table"),
        (errno.EFBIG, "too large", "manifests.put_manifest"),
        (errno.EACCES, "permission denied", "pq.write_table"),
        (errno.EDQUOT, "quota", "manifests.put_manifest"),
    ],
)
def test_a_lake_that_cannot_be_written_is_told_and_nothing_of_the_load_counts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, number: int, said: str, target: str
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise OSError(number, os.strerror(number), "how tall")

    deliver(settings, "a.jsonl", lines_of([message()]) + b"not json, how tall\n")
    with monkeypatch.context() as patched:
        patched.setattr(f"chat_platform.lake.ingest.{target}", fail)
        with pytest.raises(LakeError) as caught:
            ingest(settings, "chat")
    assert said in str(caught.value).lower()
    assert str(settings.lake) in str(caught.value)
    assert "how tall" not in str(caught.value)
    nothing_counts(settings)
    assert ingest(settings, "chat").manifest is not None
    assert set(typed_by_id(settings)) == {"r-1"}


def test_no_text_of_the_driver_is_shown(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise duckdb.InvalidInputException('Invalid value "how tall is the tower"')

    deliver(settings, "a.jsonl", [message()])
    monkeypatch.setattr("chat_platform.lake.ingest.plain_rows", fail)
    with pytest.raises(LakeError) as caught:
        ingest(settings, "chat")
    assert "how tall" not in str(caught.value)
    assert "InvalidInputException" in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_file_in_place_of_the_lake_folder(settings: Settings) -> None:
    deliver(settings, "a.jsonl", [message()])
    settings.lake.touch()
    with pytest.raises(LakeError):
        ingest(settings, "chat")


FULL_DISK = """
import os, resource, signal, sys
from chat_platform.errors import LakeError
from chat_platform.lake.ingest import ingest
from chat_platform.settings import load_settings

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
settings = load_settings({}, home=sys.argv[1], pseudonym_key="a key for tests, 32 characters!!")
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, resource.RLIM_INFINITY))
try:
    ingest(settings, "chat")
except LakeError as error:
    print(error)
"""


def test_a_disk_that_takes_no_more(settings: Settings) -> None:
    """The kernel refuses to let a file grow, in the middle of what DuckDB writes."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    messages = [message(f"r-{n}", query=os.urandom(300).hex()) for n in range(400)]
    deliver(settings, "a.jsonl", messages)
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(settings.home)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(settings.lake) in done.stdout
    assert "file too large" in done.stdout
    assert "Nothing of the load counts" in done.stdout
    nothing_counts(settings)
    manifest = ingest(settings, "chat").manifest
    assert manifest is not None
    assert manifest.typed == 400


def test_killed_before_the_manifest_the_load_does_not_exist(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    deliver(settings, "a.jsonl", [message()])
    with monkeypatch.context() as patched:
        patched.setattr("chat_platform.lake.ingest.manifests.put_manifest", killed)
        with pytest.raises(KeyboardInterrupt):
            ingest(settings, "chat")
    nothing_counts(settings)
    assert ingest(settings, "chat").manifest is not None
    assert set(typed_by_id(settings)) == {"r-1"}


def test_a_manifest_that_cannot_be_read_stops_rather_than_loses(settings: Settings) -> None:
    manifest = take(settings, "a.jsonl", [message()])
    path = settings.lake / "_loads" / f"{manifest.load_id}.json"
    path.write_text(path.read_text()[:-40])
    deliver(settings, "b.jsonl", [message("r-2")])
    with pytest.raises(LakeError, match=manifest.load_id):
        ingest(settings, "chat")


def test_the_lake_is_for_its_owner_only(settings: Settings) -> None:
    take(settings, "a.jsonl", [message()])
    assert settings.lake.stat().st_mode & 0o777 == 0o700
