"""Cutting delivered files into lines, without a loop over lines.

Blocks are read and decompressed in Python (whose decompressors say when a file is cut short), the ends of
lines are found with numpy, and a batch leaves as one Arrow string array. DuckDB's own readers are not used
here: they drop long lines, shift line numbers at blank ones and abort a file at the first bad byte.
"""

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import zstandard

BATCH_BYTES = 16 << 20
MAX_LINE_BYTES = 16 << 20
MAX_DEPTH = 1_000
# Of a line over the limit only the beginning is kept; file, offset and length tell where the whole of it is.
KEPT_BYTES = 64 << 10
WHITE_SPACE = b" \t\r\n"

_QUOTE, _BACKSLASH, _NEWLINE, _COMMA, _SPACE = b'"'[0], b"\\"[0], b"\n"[0], b","[0], b" "[0]
_TOO_LONG = f"The line is longer than {MAX_LINE_BYTES >> 20} MB; send attachments by reference."
_NOT_UTF8 = "The line is not UTF-8 text; send the file in UTF-8."

IntArray = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Refused:
    """A line that cannot be handed on as text; `length` is that of the whole line, `raw` may be cut."""

    line_number: int
    byte_offset: int
    length: int
    reason: str
    message: str
    raw: bytes


@dataclass(frozen=True)
class Batch:
    """Some lines of one file. `table`: line (string), line_number and byte_offset (int64)."""

    table: pa.Table
    lines_read: int
    blank: int = 0
    refused: list[Refused] = field(default_factory=list)


class DamagedError(Exception):
    """The compressed stream ends early or is broken; what came before it is good."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def read_batches(path: Path, batch_bytes: int = BATCH_BYTES) -> Iterator[Batch]:
    """Lines of one file, compressed or not: one JSON value a line, or one JSON array over all of it.

    Line numbers count from 1, blank lines included; byte offsets are of the decompressed text. Each element
    of an array counts as a line and carries the number of the line on which it begins.
    Raises OSError where the file cannot be read.
    """
    with path.open("rb") as stream:
        yield from _Framer(batch_bytes).run(blocks(stream, path.suffix.lower(), batch_bytes))


def blocks(stream: BinaryIO, suffix: str, batch_bytes: int) -> Iterator[bytes]:
    """The decompressed text of a file in blocks. Raises DamagedError where the compressed stream does not go on."""
    magic = stream.read(4)
    stream.seek(0)
    # The steps are small because a block may grow a thousandfold when it is decompressed.
    # Where even the mark of its kind is cut off, the name tells what the file should have been.
    if magic[:2] == b"\x1f\x8b" or (len(magic) < 2 and suffix == ".gz"):
        return _decompressed(stream, lambda: zlib.decompressobj(wbits=31), 64 << 10)
    if magic == b"\x28\xb5\x2f\xfd" or (len(magic) < 4 and suffix == ".zst"):
        return _decompressed(stream, lambda: zstandard.ZstdDecompressor().decompressobj(), 16 << 10)
    return _plain(stream, batch_bytes)


def _plain(stream: BinaryIO, batch_bytes: int) -> Iterator[bytes]:
    """Blocks of a batch that end with a line where the end of one is in reach: nothing is copied together then."""
    window = min(1 << 20, batch_bytes // 2)
    start = 0
    while True:
        stream.seek(start + batch_bytes - window)
        end = stream.read(window).rfind(b"\n") + 1
        stream.seek(start)
        block = stream.read(batch_bytes - window + end if end else batch_bytes)
        if not block:
            return
        yield block
        start += len(block)


def _decompressed(stream: BinaryIO, new: Callable[[], Any], step: int) -> Iterator[bytes]:
    decompressor = new()
    try:
        while chunk := stream.read(step):
            while chunk:
                if decompressor.eof:
                    decompressor = new()
                yield decompressor.decompress(chunk)
                chunk = decompressor.unused_data
    except (zlib.error, zstandard.ZstdError):
        message = "The compressed file is damaged from here on; deliver it again."
        raise DamagedError("corrupt_file", message) from None
    if not decompressor.eof:
        message = "The compressed file ends before its end mark; deliver it again."
        raise DamagedError("truncated_file", message)


class _Framer:
    """What has to be remembered from block to block of one file."""

    def __init__(self, batch_bytes: int) -> None:
        self.batch_bytes = batch_bytes
        self.rest = b""
        self.offset = 0
        self.line_number = 1
        self.started = False
        self.is_array = False
        self.array_open = False
        self.overlong: Refused | None = None

    def run(self, blocks: Iterator[bytes]) -> Iterator[Batch]:
        pending: list[bytes] = []
        size = 0
        damage: DamagedError | None = None
        try:
            for block in blocks:
                pending.append(block)
                size += len(block)
                if size > self.batch_bytes // 2:
                    yield from self._cut(b"".join(pending), last=False)
                    pending, size = [], 0
        except DamagedError as error:
            damage = error
        yield from self._cut(b"".join(pending), last=damage is None)
        if damage is not None:
            # Even where no part of a line is left over the damage is a line of the record.
            if self.overlong is not None:
                yield self._end_overlong(0)
            yield self._refuse_rest(damage.reason, damage.message)

    def _cut(self, data: bytes, *, last: bool) -> Iterator[Batch]:
        if self.overlong is not None:
            end = -1 if self.is_array else data.find(b"\n")
            if end < 0 and not last:
                self._lengthen_overlong(len(data))
                return
            skipped = end + 1 if end >= 0 else len(data)
            yield self._end_overlong(skipped)
            data = data[skipped:]
        data = self.rest + data
        if not self.started and data:
            self.started = True
            if data.startswith(b"\xef\xbb\xbf"):
                data, self.offset = data[3:], 3
            self.is_array = self.array_open = _is_array(data)
            if self.is_array:
                # A blank in place of the bracket keeps every offset as it is.
                data = data.replace(b"[", b" ", 1)
        yield from self._cut_array(data, last=last) if self.is_array else self._cut_lines(data, last=last)
        # Beyond an element of an array the next one can only be found by reading all of it.
        if len(self.rest) > (4 * MAX_LINE_BYTES if self.is_array else MAX_LINE_BYTES):
            head = self.rest[:KEPT_BYTES]
            self.overlong = Refused(self.line_number, self.offset, len(self.rest), "line_too_long", _TOO_LONG, head)
            self.rest = b""

    def _lengthen_overlong(self, more: int) -> None:
        assert self.overlong is not None
        known = self.overlong
        self.overlong = Refused(
            known.line_number, known.byte_offset, known.length + more, known.reason, known.message, known.raw
        )

    def _end_overlong(self, more: int) -> Batch:
        self._lengthen_overlong(more)
        assert self.overlong is not None
        refused, self.overlong = self.overlong, None
        self.offset = refused.byte_offset + refused.length
        self.line_number += 1
        return Batch(_NO_LINES, lines_read=1, refused=[refused])

    def _refuse_rest(self, reason: str, message: str) -> Batch:
        raw, self.rest = self.rest, b""
        refused = Refused(self.line_number, self.offset, len(raw), reason, message, raw[:MAX_LINE_BYTES])
        self.offset += len(raw)
        return Batch(_NO_LINES, lines_read=1, refused=[refused])

    def _cut_lines(self, data: bytes, *, last: bool) -> Iterator[Batch]:
        buffer = np.frombuffer(data, dtype=np.uint8)
        ends = _places(buffer, _NEWLINE) + 1
        if last and (not len(ends) or ends[-1] < len(data)) and data:
            ends = np.append(ends, len(data))
        done = int(ends[-1]) if len(ends) else 0
        self.rest = data[done:]
        if len(ends):
            numbers = np.arange(self.line_number, self.line_number + len(ends), dtype=np.int64)
            yield _batch(data[:done], ends, numbers, self.offset)
            self.line_number += len(ends)
        self.offset += done

    def _cut_array(self, data: bytes, *, last: bool) -> Iterator[Batch]:
        if self.array_open and data:
            buffer = np.frombuffer(data, dtype=np.uint8).copy()
            at, depth = _structure(buffer, base=1)
            commas = at[(depth == 1) & (buffer[at] == _COMMA)]
            closing = at[depth == 0]
            stop = int(closing[0]) if len(closing) else len(data)
            commas = commas[commas < stop]
            buffer[commas] = _SPACE
            ends: IntArray = commas + 1
            if len(closing):
                buffer[stop] = _SPACE
                self.array_open = False
                if len(ends) or data[:stop].strip(WHITE_SPACE):
                    ends = np.append(ends, stop + 1)
            done = int(ends[-1]) if len(ends) else 0
            newlines = _places(buffer, _NEWLINE)
            if len(ends):
                text: IntArray = np.flatnonzero((buffer != _SPACE) & (buffer > 13))
                starts = np.concatenate(([0], ends[:-1]))
                first = np.append(text, len(data))[np.searchsorted(text, starts)]
                first = np.minimum(first, ends - 1)
                numbers = self.line_number + np.searchsorted(newlines, first)
                yield _batch(buffer[:done].tobytes(), ends, numbers, self.offset)
            if not self.array_open and not len(ends):
                done = stop + 1
            self.line_number += int(np.searchsorted(newlines, done))
            self.offset += done
            data = data[done:]
        self.rest = data
        if not self.array_open and self.rest.strip(WHITE_SPACE):
            yield self._refuse_rest("text_after_array", "Text follows the end of the JSON array.")
        elif last and self.array_open:
            yield self._refuse_rest("truncated_file", "The JSON array has no end; deliver the file again.")
        elif not self.array_open:
            self.rest = b""


def _is_array(data: bytes) -> bool:
    text = data.lstrip(WHITE_SPACE)
    if not text.startswith(b"["):
        return False
    line, _, more = text.partition(b"\n")
    following = more.lstrip(WHITE_SPACE).partition(b"\n")[0]
    if not following:
        return True
    if 0 in _structure(np.frombuffer(line, dtype=np.uint8))[1]:
        # Closed on the first line, and more behind it: lines, the first of which is a bad one.
        return False
    # The same where a whole object follows on something that does not go on.
    return line.rstrip(WHITE_SPACE)[-1] in b"[{,:" or not _is_object(following)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _places(buffer: ByteArray, byte: int) -> IntArray:
    """Where a byte stands; sought in pieces that stay in the processor's cache."""
    piece = 256 << 10
    found = [np.flatnonzero(buffer[at : at + piece] == byte) + at for at in range(0, len(buffer), piece)]
    places: IntArray = np.concatenate([*found, np.empty(0, np.int64)])
    return places


def _structure(buffer: ByteArray, base: int = 0) -> tuple[IntArray, IntArray]:
    """Positions of brackets, braces and commas outside of strings, and the depth after each."""
    quotes = _places(buffer, _QUOTE)
    behind: IntArray = quotes[(quotes > 0) & (buffer[quotes - 1] == _BACKSLASH)]
    run = np.ones(len(behind), dtype=np.int64)
    open_runs = np.arange(len(behind))
    while len(open_runs):
        before = behind[open_runs] - 1 - run[open_runs]
        longer = (before >= 0) & (buffer[np.maximum(before, 0)] == _BACKSLASH)
        open_runs = open_runs[longer]
        run[open_runs] += 1
    quotes = quotes[~np.isin(quotes, behind[run % 2 == 1])]
    at: IntArray = np.flatnonzero(((buffer | 0x20) == ord("{")) | ((buffer | 0x20) == ord("}")) | (buffer == _COMMA))
    at = at[np.searchsorted(quotes, at) % 2 == 0]
    mark = buffer[at] | 0x20
    step = np.where(mark == ord("{"), 1, np.where(mark == ord("}"), -1, 0))
    return at, base + np.cumsum(step)


def _batch(data: bytes, ends: IntArray, numbers: IntArray, offset: int) -> Batch:
    buffer = np.frombuffer(data, dtype=np.uint8)
    starts: IntArray = np.concatenate(([0], ends[:-1]))
    lengths = ends - starts
    refused: dict[int, Refused] = {}

    def refuse(index: int, reason: str, message: str, kept: int) -> None:
        start, end = int(starts[index]), int(ends[index])
        raw = data[start : min(end, start + kept)]
        refused[index] = Refused(int(numbers[index]), offset + start, end - start, reason, message, raw)

    blank = _blank(data, buffer, starts, ends)
    for index in np.flatnonzero(lengths > MAX_LINE_BYTES + 1):
        refuse(int(index), "line_too_long", _TOO_LONG, KEPT_BYTES)
    for index in np.flatnonzero(_openings_at_most(buffer, starts, ends) > MAX_DEPTH):
        if int(_structure(buffer[starts[index] : ends[index]])[1].max()) > MAX_DEPTH:
            message = f"The line nests more than {MAX_DEPTH:,} levels deep."
            refuse(int(index), "too_deep", message, MAX_LINE_BYTES)
    offsets = np.concatenate(([0], ends)).astype(np.int32)
    lines = pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(data))
    try:
        lines.validate(full=True)
    except pa.ArrowInvalid:
        for bad in _not_utf8(data, buffer, starts, ends):
            if bad not in refused and not blank[bad]:
                refuse(bad, "not_utf8", _NOT_UTF8, MAX_LINE_BYTES)
    table = pa.table({"line": lines, "line_number": numbers, "byte_offset": starts + offset})
    if refused or blank.any():
        keep = ~blank
        keep[list(refused)] = False
        table = _kept(table, keep)
    return Batch(table, len(ends), int(blank.sum()), list(refused.values()))


def _kept(table: pa.Table, keep: npt.NDArray[np.bool_]) -> pa.Table:
    """The rows to keep; where few are not, in pieces of the same memory, for the text is large."""
    gaps = np.flatnonzero(~keep)
    if len(gaps) > len(keep) // 250 + 4:
        return table.filter(pa.array(keep))
    starts, ends = [0, *(gaps + 1).tolist()], [*gaps.tolist(), len(keep)]
    pieces = [table.slice(start, end - start) for start, end in zip(starts, ends, strict=True) if end > start]
    return pa.concat_tables(pieces) if pieces else table.slice(0, 0)


def _openings_at_most(buffer: ByteArray, starts: IntArray, ends: IntArray) -> IntArray:
    """For each line a number that its opening brackets and braces do not exceed: those of the cells it lies in.

    Counted in small cells, a few of them at a time, because that stays in the processor's cache.
    """
    cell, cells, rows = 4096, 64, 16
    counts: list[IntArray] = []
    for start in range(0, len(buffer), cell * cells):
        opening = ((buffer[start : start + cell * cells] | 0x20) == ord("{")).view(np.uint8)
        opening = np.pad(opening, (0, -len(opening) % cell)) if len(opening) % cell else opening
        # Sixteen bytes cannot add up to more than a byte holds.
        by_place = np.add.reduce(opening.reshape(-1, rows, cell // rows), axis=1, dtype=np.uint8)
        counts.append(by_place.sum(axis=1, dtype=np.int64))
    before = np.concatenate(([0], np.cumsum(np.concatenate(counts))))
    most: IntArray = before[(ends - 1) // cell + 1] - before[starts // cell]
    return most


def _blank(data: bytes, buffer: ByteArray, starts: IntArray, ends: IntArray) -> npt.NDArray[np.bool_]:
    # An element of an array may begin with a line feed; a line that does is over.
    lengths, first = ends - starts, buffer[starts]
    blank: npt.NDArray[np.bool_] = (buffer[ends - 1] == _NEWLINE) & ((lengths == 1) | ((first == 13) & (lengths == 2)))
    # Few lines begin with a space without being blank; only those are looked at one by one.
    for index in np.flatnonzero(~blank & ((first <= 13) | (first == _SPACE))):
        blank[index] = not data[starts[index] : ends[index]].strip(WHITE_SPACE)
    return blank


def _not_utf8(data: bytes, buffer: ByteArray, starts: IntArray, ends: IntArray) -> Iterator[int]:
    """Lines that are not UTF-8, each decoded alone, so that its damage ends with it."""
    for index in np.flatnonzero(np.maximum.reduceat(buffer, starts) > 127):
        try:
            data[starts[index] : ends[index]].decode("utf-8")
        except UnicodeDecodeError:
            yield int(index)


_NO_LINES = pa.table(
    {
        "line": pa.array([], pa.string()),
        "line_number": pa.array([], pa.int64()),
        "byte_offset": pa.array([], pa.int64()),
    }
)
