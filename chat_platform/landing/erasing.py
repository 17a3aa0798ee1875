"""Taking lines out of delivered files. Every other line keeps its number and its offset: what goes becomes spaces."""

import gzip
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import zstandard

from chat_platform.landing.framing import BATCH_BYTES, DamagedError, blocks
from chat_platform.landing.tracker_store import unusable

Range = tuple[int, int]
# All bytes become a space but the ends of lines.
_BLANK = bytes(byte if byte in b"\r\n" else 0x20 for byte in range(256))


def erase_ranges(path: Path, target: Path, ranges: Iterable[Range]) -> None:
    """Copy a file to `target` without the text in `ranges` (offset and length in the decompressed text).

    The copy is compressed as the file is. Of a damaged file the copy ends where the damage begins.
    """
    with path.open("rb") as stream, target.open("wb") as out:
        magic = stream.read(4)
        stream.seek(0)
        reader = _Reader(blocks(stream, path.suffix.lower(), BATCH_BYTES))
        with _compressed(out, magic) as writer:
            for start, length in sorted(set(ranges)):
                for piece in reader.take(start - reader.offset):
                    writer.write(piece)
                writer.write(_blanked(b"".join(reader.take(length))))
            for piece in reader.take(None):
                writer.write(piece)
        out.flush()
        os.fsync(out.fileno())
    shutil.copymode(path, target)


def _compressed(out: BinaryIO, magic: bytes) -> BinaryIO:
    if magic[:2] == b"\x1f\x8b":
        return gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0)  # type: ignore[return-value]
    if magic == b"\x28\xb5\x2f\xfd":
        return zstandard.ZstdCompressor().stream_writer(out, closefd=False)
    return os.fdopen(os.dup(out.fileno()), "wb")


def _blanked(data: bytes) -> bytes:
    # Brackets and commas around an element of an array hold the others together.
    found = re.search(rb"\{.*\}|\{.*|[^\s\[\],].*[^\s\[\],]|[^\s\[\],]", data, re.DOTALL)
    if found is None:
        return data
    return data[: found.start()] + found[0].translate(_BLANK) + data[found.end() :]


class _Reader:
    """Pieces of a stream by length."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces = pieces
        self.rest = b""
        self.offset = 0

    def take(self, length: int | None) -> Iterator[bytes]:
        """So many bytes, or all that are left; fewer where the stream ends or is damaged."""
        while length is None or length > 0:
            while not self.rest:
                try:
                    self.rest = next(self.pieces)
                except (StopIteration, DamagedError):
                    return
            piece = self.rest if length is None else self.rest[:length]
            self.rest = self.rest[len(piece) :]
            self.offset += len(piece)
            if length is not None:
                length -= len(piece)
            yield piece


def erase_events(path: Path, target: Path, goes: Callable[[str, str], bool]) -> int:
    """Copy the file of a tracker store to `target` without the events for which `goes(sender_id, data)`; their number.

    The copy holds no deleted pages. Raises OSError where the file is none that can be searched.
    """
    target.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as store:
            store.create_function("goes", 2, lambda sender, data: goes(str(sender), str(data)), deterministic=True)
            (count,) = store.execute("select count(*) from events where goes(sender_id, data)").fetchone()
            if not count:
                return 0
            store.execute("vacuum into ?", [str(target)])
        with closing(sqlite3.connect(target)) as copy:
            copy.create_function("goes", 2, lambda sender, data: goes(str(sender), str(data)), deterministic=True)
            copy.execute("delete from events where goes(sender_id, data)")
            copy.commit()
            copy.execute("vacuum")
    except sqlite3.Error as error:
        raise unusable(path, error) from None
    shutil.copymode(path, target)
    return int(count)
