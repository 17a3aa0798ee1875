"""Finding what lies in `landing/<source>/`.

Knows local folders only; an object store is a second implementation of `scan`. Nothing here opens a file
to read events (that is `framing`), and nothing here knows Dagster.
"""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from chat_platform.errors import LandingError

SUFFIXES = (".jsonl", ".ndjson", ".json")
COMPRESSIONS = ("", ".gz", ".zst")
# What else a source takes: for Rasa the file of a tracker store.
OWN_SUFFIXES = {"rasa": (".db", ".sqlite", ".sqlite3")}
SQLITE_HEADER = b"SQLite format 3\0"
# What writers use for files that are not complete yet; they are left alone until renamed.
UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", "~")


@dataclass(frozen=True)
class LandingFile:
    """One delivered file: `name` is its path below the landing folder, with forward slashes."""

    source: str
    name: str
    path: Path
    size: int
    mtime_ns: int

    @property
    def fingerprint(self) -> str:
        """Cheap mark of the content: equal as long as nobody rewrote the file."""
        return f"{self.size}-{self.mtime_ns}"

    def changed(self) -> bool:
        """True where the file is no longer as it was found: growing, rewritten or gone."""
        try:
            stat = self.path.stat()
        except OSError:
            return True
        return (stat.st_size, stat.st_mtime_ns) != (self.size, self.mtime_ns)

    def sha256(self) -> str:
        """Hash of the bytes as delivered. Raises LandingError where the file cannot be read."""
        try:
            with self.path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise LandingError(f"{self.name}: cannot be read ({error.strerror})") from None


@dataclass(frozen=True)
class Notice:
    """Something in the landing folder that is not loaded, and why."""

    name: str
    reason: str
    message: str


@dataclass(frozen=True)
class Scan:
    """What lies in landing: files that can be loaded, and notices about the rest."""

    files: tuple[LandingFile, ...]
    notices: tuple[Notice, ...]


def make_folder(landing: Path, *below: str) -> Path:
    """The folder `below` landing, made where it is missing. What the platform makes of landing only its owner may read:
    the files hold what people said. Folders that somebody else made stay as they are.
    """
    landing.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = landing.joinpath(*below)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _has_data_suffix(name: str, source: str) -> bool:
    return name.lower().endswith((*(s + c for s in SUFFIXES for c in COMPRESSIONS), *OWN_SUFFIXES.get(source, ())))


def scan(landing: Path, sources: Iterable[str]) -> Scan:
    """List landing. `sources` are the folders that the platform knows, files come sorted by name.

    Hidden and unfinished files are left alone without a word; anything else that is not loaded has a notice.
    """
    files: list[LandingFile] = []
    notices: list[Notice] = []
    known = tuple(sources)
    if not landing.is_dir():
        return Scan((), (Notice(".", "landing_missing", f"The landing folder {landing} does not exist."),))
    for folder in sorted(landing.iterdir()):
        if folder.name.startswith("."):
            continue
        if not folder.is_dir():
            notices.append(
                Notice(folder.name, "no_source", f"Move it into a folder of its source: {', '.join(known)}.")
            )
        elif folder.name not in known:
            notices.append(
                Notice(folder.name + "/", "unknown_source", f"Known source folders are: {', '.join(known)}.")
            )
        else:
            _scan_source(landing, folder, files, notices)
    return Scan(tuple(files), tuple(notices))


def _printable(name: str) -> str:
    """The name, its bytes that are not UTF-8 spelled out."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _scan_source(landing: Path, folder: Path, files: list[LandingFile], notices: list[Notice]) -> None:
    def unreadable(error: OSError) -> None:
        name = Path(error.filename).relative_to(landing).as_posix()
        notices.append(Notice(name, "unreadable", f"The folder cannot be read ({error.strerror})."))

    for parent, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if (Path(parent) / name).is_symlink():
                shown = (Path(parent) / name).relative_to(landing).as_posix()
                message = "This is a link to a folder; links to files are followed, those to folders are not."
                notices.append(Notice(_printable(shown), "linked_folder", message))
            elif _has_data_suffix(name, folder.name):
                shown = (Path(parent) / name).relative_to(landing).as_posix()
                message = "This is a folder with the name of a file; files inside it are loaded."
                notices.append(Notice(shown, "folder_not_file", message))
        for name in sorted(names):
            if name.startswith(".") or name.endswith(UNFINISHED):
                continue
            path = Path(parent) / name
            shown = path.relative_to(landing).as_posix()
            if _printable(shown) != shown:
                message = "The name of the file is not UTF-8; give it another name."
                notices.append(Notice(_printable(shown), "unreadable", message))
                continue
            if not _has_data_suffix(name, folder.name):
                own = "".join(f", or in {suffix}" for suffix in OWN_SUFFIXES.get(folder.name, ()))
                message = f"Files end in {', '.join(SUFFIXES)}, with .gz or .zst behind it when compressed{own}."
                notices.append(Notice(shown, "unknown_file_type", message))
                continue
            try:
                stat = path.stat()
                if not path.is_file():
                    raise OSError(0, "not a regular file")
                with path.open("rb") as stream:
                    beginning = stream.read(len(SQLITE_HEADER))
                if name.lower().endswith(OWN_SUFFIXES.get(folder.name, ())) and beginning != SQLITE_HEADER:
                    raise OSError(0, "not the SQLite file of a tracker store")
            except OSError as error:
                notices.append(Notice(shown, "unreadable", f"The file cannot be read ({error.strerror})."))
                continue
            files.append(LandingFile(folder.name, shown, path, stat.st_size, stat.st_mtime_ns))
