"""Cutting files into lines: the same lines as plain Python finds, whatever the bytes, the blocks and the packing."""

import gzip
import itertools
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from unittest import mock

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import settings as runs
from hypothesis import strategies as st

from chat_platform.landing import framing
from chat_platform.landing.framing import Refused, read_batches

WHITE = b" \t\r\n"
Line = tuple[int, int, bytes]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("framing")


class Read:
    """Everything that came out of one file."""

    def __init__(self, path: Path, sizes: list[int] | None = None, **constants: int) -> None:
        """`sizes`: lengths of the blocks in which the text arrives, over and over; the real blocks without."""
        self.kept: list[Line] = []
        self.refused: list[Refused] = []
        self.lines_read = self.blank = 0
        real = framing.blocks

        def in_pieces(stream: BinaryIO, suffix: str, batch_bytes: int) -> Iterator[bytes]:
            text = b"".join(real(stream, suffix, batch_bytes))
            assert not sizes or suffix in {".gz", ".zst"} or text == path.read_bytes()
            place = turn = 0
            while sizes and place < len(text):
                yield text[place : place + sizes[turn % len(sizes)]]
                place, turn = place + sizes[turn % len(sizes)], turn + 1

        batch_bytes = 1 if sizes else framing.BATCH_BYTES
        with (
            mock.patch.object(framing, "blocks", in_pieces if sizes else real),
            mock.patch.multiple(framing, **constants) if constants else mock.patch.object(self, "x", 0, create=True),
        ):
            for batch in read_batches(path, batch_bytes):
                numbers, offsets = batch.table["line_number"].to_pylist(), batch.table["byte_offset"].to_pylist()
                lines = [line.encode() for line in batch.table["line"].to_pylist()]
                self.kept += zip(numbers, offsets, lines, strict=True)
                self.refused += batch.refused
                self.lines_read += batch.lines_read
                self.blank += batch.blank
                assert batch.lines_read == batch.blank + len(batch.refused) + len(batch.table)


def expected_lines(text: bytes) -> tuple[list[Line], list[Line], int]:
    """Kept lines, lines that are not UTF-8, and how many are blank, by `split`."""
    offset = 3 if text.startswith(b"\xef\xbb\xbf") else 0
    pieces = text[offset:].split(b"\n")
    kept, broken, blank = [], [], 0
    for number, piece in enumerate(pieces, 1):
        last = number == len(pieces)
        if last and not piece:
            break
        line = piece if last else piece + b"\n"
        if not piece.strip(WHITE):
            blank += 1
        else:
            try:
                line.decode()
                kept.append((number, offset, line))
            except UnicodeDecodeError:
                broken.append((number, offset, line))
        offset += len(line)
    return kept, broken, blank


PIECES = st.sampled_from(
    [b"\n", b"\r\n", b"\r", b" ", b"\t", b'{"a":1}', b"\xff", b"\xc3", b"\xa9", "é😀".encode(), b"\x00", b"\\", b'"']
)
FILES = st.lists(PIECES | st.binary(max_size=6), max_size=40).map(b"".join)
SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(lambda sizes: [max(3, sizes[0]), *sizes[1:]])


@runs(max_examples=250, deadline=None)
@given(text=FILES, sizes=SIZES | st.none(), mark=st.sampled_from([b"", b"\xef\xbb\xbf"]))
@example(text=b"a\n\n \r\nb", sizes=[3], mark=b"\xef\xbb\xbf")
@example(text=b"", sizes=None, mark=b"\xef\xbb\xbf")
@example(text=b"\xff\n\xff", sizes=[3, 1], mark=b"")
@example(text=b"a\n\rx", sizes=None, mark=b"")
def test_lines_are_those_of_split(folder: Path, text: bytes, sizes: list[int] | None, mark: bytes) -> None:
    text = mark + text
    if text.removeprefix(b"\xef\xbb\xbf").lstrip(WHITE).startswith(b"["):
        text = b"x" + text
    path = folder / "lines.jsonl"
    path.write_bytes(text)
    if text[:2] == b"\x1f\x8b" or text[:4] == b"\x28\xb5\x2f\xfd":
        return
    # The byte order mark has to be seen whole: blocks of real files are much longer.
    read = Read(path, [max(3, sizes[0]), *sizes] if sizes else None)
    kept, broken, blank = expected_lines(text)
    assert read.kept == kept
    assert read.blank == blank
    assert [(r.line_number, r.byte_offset, r.raw) for r in read.refused] == broken
    assert {r.reason for r in read.refused} <= {"not_utf8"}
    assert read.lines_read == len(kept) + len(broken) + blank


@runs(max_examples=60, deadline=None)
@given(text=FILES, cuts=st.lists(st.integers(0, 200), max_size=3), sizes=SIZES | st.none())
def test_a_compressed_file_gives_the_same_as_a_plain_one(
    folder: Path, text: bytes, cuts: list[int], sizes: list[int] | None
) -> None:
    text = b"{}" + text
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    members = [text[first:last] for first, last in itertools.pairwise(edges)]
    (folder / "plain.jsonl").write_bytes(text)
    (folder / "packed.jsonl.gz").write_bytes(b"".join(gzip.compress(member) for member in members))
    (folder / "packed.jsonl.zst").write_bytes(b"".join(zstandard.compress(member) for member in members))
    plain = Read(folder / "plain.jsonl")
    for packed in (Read(folder / "packed.jsonl.gz", sizes), Read(folder / "packed.jsonl.zst", sizes)):
        assert (packed.kept, packed.refused) == (plain.kept, plain.refused)
        assert (packed.lines_read, packed.blank) == (plain.lines_read, plain.blank)


def test_packing_is_known_by_content_not_by_name(tmp_path: Path) -> None:
    text = b'{"a":1}\n{"b":2}\n'
    for name, content in (
        ("packed.jsonl", gzip.compress(text)),
        ("zipped.jsonl", zstandard.compress(text)),
        ("plain.jsonl.gz", text),
        ("plain.jsonl.zst", text),
    ):
        (tmp_path / name).write_bytes(content)
        assert [line for _, _, line in Read(tmp_path / name).kept] == text.splitlines(keepends=True)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
    | st.text('[]{},"\\\n: ', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('a"\\[{,', max_size=3), inner, max_size=3),
    max_leaves=8,
)


def element_starts(text: str, count: int) -> list[int]:
    """Where each element of the array begins, in bytes, by Python's own reader."""
    decoder, place, starts = json.JSONDecoder(), text.index("[") + 1, []
    for _ in range(count):
        while text[place] in " \t\r\n,":
            place += 1
        starts.append(len(text[:place].encode()))
        _, place = decoder.raw_decode(text, place)
    return starts


@runs(max_examples=200, deadline=None)
@given(
    elements=st.lists(JSON, max_size=6),
    indent=st.sampled_from([None, 0, 2]),
    ascii_only=st.booleans(),
    around=st.sampled_from(["{}", " \n{}\n", "{}\r\n\n", "\ufeff{}"]),
    sizes=SIZES | st.none(),
)
@example(elements=["a\\", '"]', '\\\\"'], indent=None, ascii_only=True, around="{}", sizes=[3, 1])
@example(elements=[{"a": 1}, {"b": [2, "\n"]}], indent=0, ascii_only=True, around="{}", sizes=None)
def test_a_json_array_is_its_elements(
    folder: Path, elements: list[Any], indent: int | None, ascii_only: bool, around: str, sizes: list[int] | None
) -> None:
    text = around.format(json.dumps(elements, indent=indent, ensure_ascii=ascii_only))
    path = folder / "array.json"
    path.write_bytes(text.encode())
    # Its bracket has to be in the first block: blocks of real files are much longer.
    read = Read(path, [6, *sizes] if sizes else None)
    assert read.refused == []
    assert [json.loads(line) for _, _, line in read.kept] == elements
    assert (read.lines_read, read.blank) == (len(elements), 0)
    raw = text.encode()
    for start, (number, offset, line) in zip(element_starts(text, len(elements)), read.kept, strict=True):
        assert number == raw[:start].count(b"\n") + 1
        assert offset <= start < offset + len(line)
        assert raw[offset:start].strip(b" \t\r\n[,\xef\xbb\xbf") == b""


@pytest.mark.parametrize("sizes", [None, [17, 3], [3, 20]])
@pytest.mark.parametrize(
    ("text", "kept", "reasons"),
    [
        (b"[]", 0, []),
        (b" [ \n ] \n", 0, []),
        (b'[{"a":1},{"b":2}', 1, ["truncated_file"]),
        (b'[{"a":1},{"b":"]', 1, ["truncated_file"]),
        (b"[", 0, ["truncated_file"]),
        (b'[{"a":1}] {"b":2}', 1, ["text_after_array"]),
    ],
)
def test_a_broken_array(tmp_path: Path, text: bytes, kept: int, reasons: list[str], sizes: list[int] | None) -> None:
    (tmp_path / "a.json").write_bytes(text)
    read = Read(tmp_path / "a.json", sizes)
    assert (len(read.kept), [refused.reason for refused in read.refused]) == (kept, reasons)
    assert read.lines_read == read.blank + kept + len(reasons)


@pytest.mark.parametrize(
    "first",
    [
        b"[INFO] export begins",
        b"[1,2,3]",
        b'["a", {"b": 1}]',
        b"[1,2",
        b"[" * 10_000 + b"]" * 10_000,
        b"[" + b"1," * 50_000 + b"1]",
        b"[]",
        b'["an open text',
    ],
)
def test_a_bad_first_line_with_a_bracket_does_not_swallow_the_file(tmp_path: Path, first: bytes) -> None:
    (tmp_path / "a.jsonl").write_bytes(first + b'\n{"a":1}\n\n{"b":2}\n')
    read = Read(tmp_path / "a.jsonl")
    assert [(number, line) for number, _, line in read.kept if number > 1] == [(2, b'{"a":1}\n'), (4, b'{"b":2}\n')]
    assert (read.lines_read, read.blank) == (4, 1)


MANY = b"".join(json.dumps({"n": n, "text": "ab" * (n % 7)}).encode() + b"\n" for n in range(40))


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstandard.compress)])
def test_a_file_cut_short_anywhere_gives_its_whole_lines(tmp_path: Path, suffix: str, pack: Any) -> None:
    packed = pack(MANY)
    whole = expected_lines(MANY)[0]
    path = tmp_path / f"cut.jsonl{suffix}"
    seen = set()
    for length in range(len(packed)):
        path.write_bytes(packed[:length])
        read = Read(path)
        assert read.kept == whole[: len(read.kept)], length
        (tail,) = read.refused
        assert tail.reason == "truncated_file", length
        assert tail.line_number == len(read.kept) + 1
        assert tail.byte_offset == sum(len(line) for _, _, line in read.kept)
        assert MANY[tail.byte_offset :].startswith(tail.raw)
        assert tail.length == len(tail.raw)
        assert read.lines_read == len(read.kept) + 1
        seen.add(len(read.kept))
    # gzip gives text piece by piece, zstd a block at a time.
    assert len(seen) > 1 if suffix == ".gz" else 0 in seen
    path.write_bytes(packed)
    assert (Read(path).kept, Read(path).refused) == (whole, [])


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstandard.compress)])
def test_a_file_damaged_in_the_middle_gives_what_came_before(tmp_path: Path, suffix: str, pack: Any) -> None:
    first, second = MANY, MANY.replace(b"text", b"more")
    packed = pack(first) + pack(second)
    path = tmp_path / f"broken.jsonl{suffix}"
    whole = expected_lines(first)[0]
    path.write_bytes(packed[: len(pack(first))] + b"\x00garbage" + packed[len(pack(first)) :])
    read = Read(path)
    assert read.kept == whole
    assert [refused.reason for refused in read.refused] == ["corrupt_file"]
    assert read.refused[0].line_number == len(whole) + 1
    for place in range(len(pack(first)) + 12, len(packed) - 4, 7):
        path.write_bytes(packed[:place] + bytes([packed[place] ^ 0xFF]) + packed[place + 1 :])
        read = Read(path)
        assert read.kept[: len(whole)] == whole
        assert read.lines_read == read.blank + len(read.refused) + len(read.kept)
        if suffix == ".gz":
            assert read.refused[-1].reason in {"corrupt_file", "truncated_file"}, place


def test_a_line_of_100_megabytes_is_one_refusal(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    size = 100 * 1000 * 1000
    with path.open("wb") as stream:
        stream.write(b'{"a":1}\n{"x":"')
        for _ in range(100):
            stream.write(b"y" * 1_000_000)
        stream.write(b'"}\n{"b":2}\n')
    tracemalloc.start()
    read = Read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(number, line) for number, _, line in read.kept] == [(1, b'{"a":1}\n'), (3, b'{"b":2}\n')]
    (refused,) = read.refused
    assert (refused.line_number, refused.byte_offset, refused.reason) == (2, 8, "line_too_long")
    assert refused.length == size + len(b'{"x":""}\n')
    assert len(refused.raw) == framing.KEPT_BYTES
    assert refused.raw.startswith(b'{"x":"yyy')
    assert read.kept[1][1] == 8 + refused.length
    assert read.lines_read == 3
    assert peak < 400_000_000


def test_the_limit_of_a_line_is_16_megabytes(tmp_path: Path) -> None:
    limit = 16 << 20
    (tmp_path / "limit.jsonl").write_bytes(b"x" * limit + b"\n" + b"y" * (limit + 1) + b"\nz\n")
    read = Read(tmp_path / "limit.jsonl")
    assert [(number, len(line)) for number, _, line in read.kept] == [(1, limit + 1), (3, 2)]
    assert [(refused.line_number, refused.length) for refused in read.refused] == [(2, limit + 2)]


@runs(max_examples=150, deadline=None)
@given(lengths=st.lists(st.sampled_from([0, 1, 49, 50, 51, 52, 120, 400]), max_size=8), sizes=SIZES)
def test_lines_over_the_limit_are_refused_alone(folder: Path, lengths: list[int], sizes: list[int]) -> None:
    lines = [b"x" * length + b"\n" for length in lengths]
    (folder / "over.jsonl").write_bytes(b"".join(lines))
    read = Read(folder / "over.jsonl", [size * 5 for size in sizes], MAX_LINE_BYTES=50, KEPT_BYTES=10)
    offsets = [sum(map(len, lines[:place])) for place in range(len(lines))]
    found = list(zip(range(1, len(lines) + 1), offsets, lines, strict=True))
    assert read.kept == [entry for entry in found if 1 <= len(entry[2]) - 1 <= 50 and len(entry[2]) > 1]
    assert [(r.line_number, r.byte_offset, r.length, r.reason) for r in read.refused] == [
        (number, offset, len(line), "line_too_long") for number, offset, line in found if len(line) - 1 > 50
    ]
    assert all(r.raw == b"x" * len(r.raw) for r in read.refused)
    assert read.blank == lengths.count(0)


@pytest.mark.parametrize("sizes", [[50], [7], [200, 3], None])
def test_an_overlong_element_of_an_array_is_refused_alone(tmp_path: Path, sizes: list[int] | None) -> None:
    elements = [{"a": 1}, {"b": "x" * 120}, {"c": "x" * 20}]
    (tmp_path / "a.json").write_bytes(json.dumps(elements).encode())
    read = Read(tmp_path / "a.json", sizes, MAX_LINE_BYTES=50, KEPT_BYTES=10)
    assert [json.loads(line) for _, _, line in read.kept] == [elements[0], elements[2]]
    assert [refused.reason for refused in read.refused] == ["line_too_long"]
    assert read.lines_read == 3


def nested(depth: int) -> bytes:
    return b'{"a":' * (depth // 2) + b"[" * (depth - depth // 2) + b"]" * (depth - depth // 2) + b"}" * (depth // 2)


def test_a_line_nested_too_deep_is_refused(tmp_path: Path) -> None:
    in_text = json.dumps({"text": "[{" * 10_000}).encode()
    wide = json.dumps([[]] * 5_000).encode().replace(b"[[", b'{"a":[[', 1) + b"}"
    lines = [nested(10_000), nested(1_000), nested(1_001), in_text, wide, b'{"ok":1}', nested(100_000)]
    (tmp_path / "deep.jsonl").write_bytes(b"\n".join(lines))
    read = Read(tmp_path / "deep.jsonl")
    assert [number for number, _, _ in read.kept] == [2, 4, 5, 6]
    assert [(r.line_number, r.reason) for r in read.refused] == [(1, "too_deep"), (3, "too_deep"), (7, "too_deep")]
    assert [r.raw.rstrip(b"\n") for r in read.refused] == [lines[0], lines[2], lines[6]]


def test_a_file_of_another_encoding_is_read_in_linear_time(tmp_path: Path) -> None:
    path = tmp_path / "latin.jsonl"
    path.write_bytes("é".encode("latin-1") * 3 + b"\n" + (("não\n".encode("latin-1") + b"ok\n") * 60_000))
    read = Read(path)
    assert len(read.kept) == 60_000
    assert len(read.refused) == 60_001


def test_an_empty_file_has_no_line(tmp_path: Path) -> None:
    for name in ("empty.jsonl", "empty.json"):
        (tmp_path / name).touch()
        assert Read(tmp_path / name).lines_read == 0


@pytest.mark.parametrize("every", [2, 100, 700])
def test_what_is_taken_out_leaves_the_others_as_they_are(folder: Path, every: int) -> None:
    lines = [b"\n" if n % every == 0 else b'{"n": %d}\n' % n for n in range(2_000)]
    path = folder / f"gaps-{every}.jsonl"
    path.write_bytes(b"".join(lines))
    read = Read(path)
    starts = itertools.accumulate((len(line) for line in lines), initial=0)
    expected = [(n, at, line) for n, (at, line) in enumerate(zip(starts, lines, strict=False), 1) if line != b"\n"]
    assert read.kept == expected
    assert read.blank == len(lines) - len(expected)
