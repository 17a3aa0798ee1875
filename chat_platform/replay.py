"""Refused lines out, corrected lines in."""

import hashlib
import json
import shutil
from pathlib import Path

from chat_platform.errors import ChatPlatformError
from chat_platform.landing.files import make_folder
from chat_platform.settings import Settings
from chat_platform.status import refused_lines


def export_refused(settings: Settings, target: Path, source: str, load_id: str | None) -> tuple[int, Path]:
    """Write refused lines of a source as they came to `target`, and why beside it (`.reasons.jsonl`, same order).

    Returns how many, and the path of the reasons. One file is of one source, since it is loaded again as one.

    The lines hold unmasked text: both files are for their owner only. Raises ChatPlatformError for an unknown source or
    load, and where `target` exists.
    """
    _known(settings, source)
    reasons = target.with_name(target.name + ".reasons.jsonl")
    for path in (target, reasons):
        if path.exists():
            raise ChatPlatformError(f"{path} exists; name a new file.")
    rows = refused_lines(settings, source, load_id)
    for path in (target, reasons):
        path.touch(mode=0o600)
    with target.open("wb") as lines, reasons.open("w", encoding="utf-8") as whys:
        for row in rows:
            # An element of an array may stand over several lines; one line is what can be loaded again.
            lines.write(row["raw_line"].strip().replace(b"\n", b" ") + b"\n")
            why = {
                key: row[key]
                for key in (
                    "load_id",
                    "source_file",
                    "line_number",
                    "byte_offset",
                    "length",
                    "reason",
                    "message",
                )
            }
            whys.write(json.dumps(why) + "\n")
    return len(rows), reasons


def take_corrected(settings: Settings, file: Path, source: str) -> str:
    """Put corrected lines into landing under a name of their content: the same file twice is one file.

    Returns its path below landing. Raises ChatPlatformError for an unknown source or a missing file.
    """
    _known(settings, source)
    if not file.is_file():
        raise ChatPlatformError(f"{file} is not a file.")
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()[:16]
    folder = make_folder(settings.landing, source, "replayed")
    target = folder / f"{digest}.jsonl"
    temporary = target.with_name(target.name + ".part")
    temporary.touch(mode=0o600)
    shutil.copyfile(file, temporary)
    temporary.replace(target)
    return target.relative_to(settings.landing).as_posix()


def _known(settings: Settings, source: str) -> None:
    if source not in settings.sources:
        raise ChatPlatformError(f"{source} is not a source; known are {', '.join(settings.sources)}.")
