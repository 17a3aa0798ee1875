"""Landing files to lake: one load of everything new of a source.

Typed rows go to `lake/<source>/event_date=D/`, refused lines to `lake/rejects/<source>/`, and when all of it is
on disk the manifest is put. Killed before that, the load does not exist and the next run makes it again.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chat_platform.contracts import chat, rasa, voice
from chat_platform.errors import LakeError, LandingError, SettingsError
from chat_platform.lake import manifest as manifests
from chat_platform.lake import voice as voice_lake
from chat_platform.lake.manifest import Issue, Manifest, ManifestFile, Part
from chat_platform.lake.rasa import count_events, lake_events, type_events
from chat_platform.lake.typing import (
    Refusal,
    lake_rows,
    plain_rows,
    register_lines,
    type_lines,
    typing_connection,
)
from chat_platform.landing.files import LandingFile, Notice, Scan, scan
from chat_platform.landing.framing import Batch, Refused, read_batches
from chat_platform.landing.tracker_store import is_tracker_store, read_trackers
from chat_platform.locks import locked
from chat_platform.partitions import last_date
from chat_platform.privacy import tombstones
from chat_platform.privacy.pseudonym import key_check
from chat_platform.privacy.sources import PEOPLE
from chat_platform.settings import Settings

_VERSIONS = {chat.SOURCE: chat.version, rasa.SOURCE: rasa.version, voice.SOURCE: voice.version}
CHUNK_BYTES = 96 << 20
# Most messages are read by one statement a chunk, and to plan it takes as long for few of them as for many.
PLAIN_CHUNK_BYTES = 160 << 20
# The first chunk is a small one: nothing else goes on while it is read.
FIRST_CHUNK_BYTES = 32 << 20
# Of less text than this every line gets the closer look: planning a statement takes longer than that.
PLAIN_BYTES = 2 << 20
REJECT_SCHEMA = pa.schema(
    [
        ("load_id", pa.string()),
        ("source_file", pa.string()),
        ("line_number", pa.int64()),
        ("byte_offset", pa.int64()),
        ("length", pa.int64()),
        ("reason", pa.string()),
        ("message", pa.string()),
        ("raw_line", pa.binary()),
    ]
)
Progress = Callable[[int], None]
Item = TypeVar("Item")


class _LeftAloneError(Exception):
    """A file that cannot be part of this load; the others can."""

    def __init__(self, file: LandingFile, reason: str, message: str) -> None:
        super().__init__(file.name)
        self.file = file
        self.notice = Notice(file.name, reason, message)


@dataclass(frozen=True)
class Ingested:
    """What an ingest did: the load it made, if there was anything new, and what it left alone."""

    manifest: Manifest | None
    notices: tuple[Notice, ...]


@dataclass
class _Tally:
    """Counts of the load so far."""

    lines_read: int = 0
    blank: int = 0
    rejected: int = 0
    typed: int = 0
    lines_by_file: dict[int, int] = field(default_factory=dict)
    issues: dict[tuple[int, str, str, str], int] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    rejects: list[str] = field(default_factory=list)
    first: datetime | None = None
    last: datetime | None = None

    def count(self, file_number: int, severity: str, reason: str, name: str, lines: int = 1) -> None:
        key = (file_number, severity, reason, name)
        self.issues[key] = self.issues.get(key, 0) + lines


def new_files(settings: Settings, source: str) -> tuple[list[tuple[LandingFile, str]], Scan]:
    """Files of the source that no load knows, each with its sha256, and what else lies in landing.

    A file is known by its path and content; one whose size and time are unchanged is not read to find out.
    """
    found = scan(settings.landing, settings.sources)
    known: set[tuple[str, str]] = set()
    fingerprints: dict[str, set[str]] = {}
    for manifest in manifests.read_manifests(settings.lake, source):
        for item in manifest.files:
            for fingerprint, sha256 in item.states:
                known.add((item.name, sha256))
                fingerprints.setdefault(item.name, set()).add(fingerprint)
    unseen = [
        file
        for file in found.files
        if file.source == source and file.fingerprint not in fingerprints.get(file.name, ())
    ]
    new = []
    notices = list(found.notices)
    with ThreadPoolExecutor() as pool:
        for file, digest in zip(unseen, pool.map(_digest, unseen), strict=True):
            if isinstance(digest, LandingError):
                notices.append(Notice(file.name, "unreadable", str(digest)))
            elif (file.name, digest) not in known:
                new.append((file, digest))
    return new, Scan(found.files, tuple(notices))


def _digest(file: LandingFile) -> str | LandingError:
    try:
        return file.sha256()
    except LandingError as error:
        return error


def left_alone(settings: Settings, source: str) -> list[tuple[str, Notice]]:
    """What the latest ingest of a source could not take: fingerprint of the file, and why."""
    path = _left_alone_file(settings, source)
    rows = json.loads(path.read_bytes()) if path.is_file() else []
    return [(row.pop("fingerprint"), Notice(**row)) for row in rows]


def _note_left_alone(settings: Settings, source: str, left: list[_LeftAloneError]) -> None:
    path = _left_alone_file(settings, source)
    rows = [{"fingerprint": item.file.fingerprint, **asdict(item.notice)} for item in left]
    if rows or path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".part")
        temporary.write_text(json.dumps(rows), encoding="utf-8")
        temporary.replace(path)


def _left_alone_file(settings: Settings, source: str) -> Path:
    return settings.lake / "_left_alone" / f"{source}.json"


def load_id_of(source: str, files: Iterable[tuple[LandingFile, str]]) -> str:
    """Id of the load that these files make: the same files with the same content, the same id."""
    digest = hashlib.sha256(source.encode())
    for name, sha256 in sorted((file.name, sha256) for file, sha256 in files):
        digest.update(f"\0{name}\0{sha256}".encode())
    return digest.hexdigest()[:32]


def ingest(settings: Settings, source: str, progress: Progress | None = None) -> Ingested:
    """Load everything new of `source` into the lake.

    `progress` is told the bytes of text done so far. Raises SettingsError where the source needs a pseudonym
    key and there is none or another than before, LakeError where the lake cannot be written; nothing of the
    load counts then. A file that changes while it is read is left for the next time, with a notice.
    """
    with locked(settings.locks, f"ingest_{source}"):
        files, found = new_files(settings, source)
        notices = list(found.notices)
        if not files:
            return Ingested(None, tuple(notices))
        key = settings.require_key(f"the {source} source")
        earlier = manifests.read_manifests(settings.lake)
        zone = settings.time_zone(source)
        for known in (item for item in earlier if item.source == source):
            if known.key_check != key_check(key):
                raise SettingsError(
                    "CHAT_PLATFORM_PSEUDONYM_KEY is not the key that earlier loads were made with; the same user "
                    "would get another pseudonym. Set the earlier key again. To change it, name the earlier key in "
                    "CHAT_PLATFORM_PSEUDONYM_KEYS_BEFORE (a JSON list, oldest first) and type: chat-platform rotate"
                )
            if known.time_zone != zone:
                raise SettingsError(
                    f"CHAT_PLATFORM_{source.upper()}_TIME_ZONE: got {zone!r}, but earlier loads count their dates in "
                    f"{known.time_zone!r}. Set {known.time_zone} again, or start with an empty home."
                )
        left: list[_LeftAloneError] = []
        made: Manifest | None = None
        while files and made is None:
            load = _Load(settings, source, files, key, 1 + max((known.sequence for known in earlier), default=0))
            try:
                made = load.run(progress)
            except _LeftAloneError as alone:
                left.append(alone)
                files = [(file, digest) for file, digest in files if file != alone.file]
        _note_left_alone(settings, source, left)
        return Ingested(made, (*notices, *(alone.notice for alone in left)))


class _Load:
    """One load in the making."""

    def __init__(
        self, settings: Settings, source: str, files: list[tuple[LandingFile, str]], key: str, sequence: int
    ) -> None:
        self.settings = settings
        self.source = source
        self.files = files
        self.key = key
        self.sequence = sequence
        self.load_id = load_id_of(source, files)
        self.tally = _Tally()
        self.chunk = 0
        self.rest: list[pa.Table] = []
        self.rejects: list[tuple[int, int, int, int, str, str, bytes]] = []
        self.forgotten = tombstones.Forgotten(settings.lake, source)

    def run(self, progress: Progress | None) -> Manifest:
        temporary = self.settings.lake / "_tmp"
        try:
            temporary.mkdir(parents=True, exist_ok=True)
            # The lake holds unmasked text: nobody but its owner needs to look in.
            self.settings.lake.chmod(0o700)
            zone = self.settings.time_zone(self.source)
            last = last_date(zone, manifests.now_utc())
            with typing_connection(self.key, zone, self.settings.first_date, last, temporary) as connection:
                variables = {
                    "file_names": [file.name for file, _ in self.files],
                    "load_id": self.load_id,
                    "load_sequence": self.sequence,
                }
                for name, value in variables.items():
                    connection.execute(f"set variable {name} = $1", [value])
                if self.source == voice.SOURCE:
                    repairs = self.settings.voice_repair_missing_commas
                    aliases = voice.aliases_of(self.settings.voice_event_aliases)
                    voice_lake.prepare(connection, self.key, repair_missing_commas=repairs, aliases=aliases)
                if self.forgotten:
                    self.forgotten.prepare(connection)
                done = 0
                for lines, batches in _one_ahead(self._chunks()):
                    self._take(connection, lines, batches)
                    done += lines.nbytes
                    if progress is not None:
                        progress(done)
                self._look_closer(connection)
                self._write_rejects()
            manifest = self._manifest()
            manifests.put_manifest(self.settings.lake, manifest)
        except (duckdb.Error, OSError, pa.ArrowException) as error:
            self._withdraw()
            raise LakeError(
                f"The lake {self.settings.lake} cannot be written: {cause_of(error)}. Nothing of the load counts; "
                "run again when it is mended."
            ) from None
        except BaseException:
            self._withdraw()
            raise
        return manifest

    def _withdraw(self) -> None:
        for pattern in (f"{self.source}/event_date=*/{self.load_id}-*", f"rejects/{self.source}/{self.load_id}-*"):
            with suppress(OSError):
                for path in self.settings.lake.glob(pattern):
                    path.unlink()

    def _chunks(self) -> Iterator[tuple[pa.Table, list[tuple[int, Batch]]]]:
        """Batches of several files brought together up to a chunk of text."""
        most = PLAIN_CHUNK_BYTES if self.source == chat.SOURCE else CHUNK_BYTES
        tables: list[pa.Table] = []
        batches: list[tuple[int, Batch]] = []
        size, limit = 0, FIRST_CHUNK_BYTES
        for number, (file, _) in enumerate(self.files):
            try:
                read = read_trackers if is_tracker_store(file.path) else read_batches
                for batch in read(file.path):
                    numbers = pa.repeat(pa.scalar(number, pa.int32()), len(batch.table))
                    tables.append(batch.table.append_column("file_number", numbers))
                    batches.append((number, batch))
                    size += batch.table.nbytes
                    if size >= limit:
                        yield pa.concat_tables(tables), batches
                        tables, batches, size, limit = [], [], 0, most
            except FileNotFoundError:
                raise _changed(file) from None
            except OSError as error:
                raise _LeftAloneError(file, "unreadable", f"The file cannot be read ({error.strerror}).") from None
            if file.changed():
                raise _changed(file)
        if batches:
            yield pa.concat_tables(tables), batches

    def _take(self, connection: duckdb.DuckDBPyConnection, lines: pa.Table, batches: list[tuple[int, Batch]]) -> None:
        """Lines that are plainly good go to the lake at once; the others are kept for a closer look."""
        kept = self._without_erased(lines)
        is_looked_at = self.source != chat.SOURCE or kept.nbytes < PLAIN_BYTES
        rest = kept if is_looked_at else self._write_plain(connection, kept)
        if len(rest):
            self.rest.append(rest)
        for number, batch in batches:
            self.tally.lines_read += batch.lines_read
            self.tally.blank += batch.blank
            self.tally.lines_by_file[number] = self.tally.lines_by_file.get(number, 0) + batch.lines_read
            self.rejects += [
                (number, item.line_number, item.byte_offset, *self._refusal(item)) for item in batch.refused
            ]
        if sum(rest.nbytes for rest in self.rest) >= CHUNK_BYTES:
            self._look_closer(connection)
        if sum(len(row[-1]) for row in self.rejects) >= CHUNK_BYTES:
            self._write_rejects()

    def _without_erased(self, lines: pa.Table) -> pa.Table:
        """The lines but those that were erased with a person and have come again."""
        if not self.forgotten.lengths:
            return lines
        trimmed = pc.ascii_trim_whitespace(lines["line"])
        lengths = pc.binary_length(trimmed).cast(pa.int64())
        suspects = np.flatnonzero(pc.is_in(lengths, pa.array(sorted(self.forgotten.lengths), pa.int64())).to_numpy())
        again = [
            int(place)
            for place in suspects
            if self.forgotten.holds_line(self.key, trimmed[int(place)].as_py().encode())
        ]
        for row in lines.take(pa.array(again, pa.int64())).to_pylist():
            place = (row["file_number"], row["line_number"], row["byte_offset"], len(row["line"].encode()))
            self.rejects.append((*place, tombstones.REASON, tombstones.MESSAGE, b""))
        left = np.ones(len(lines), dtype=np.bool_)
        left[again] = False
        return lines.filter(pa.array(left)) if again else lines

    def _refusal(self, item: Refused) -> tuple[int, str, str, bytes]:
        if self.forgotten.holds_line(self.key, item.raw):
            return item.length, tombstones.REASON, tombstones.MESSAGE, b""
        return item.length, item.reason, item.message, item.raw

    def _write_plain(self, connection: duckdb.DuckDBPyConnection, lines: pa.Table) -> pa.Table:
        """Write the lines that are plainly good; the others."""
        register_lines(connection, lines)
        query = plain_rows(connection)
        if self.forgotten:
            query = f"select * from ({query}) where not {PEOPLE[self.source].is_forgotten}"
        parts = self._write_parts(connection, query)
        connection.unregister("lines")
        rest = self._rest(connection, lines, parts)
        if sum(part.rows for part in parts) + len(rest) != len(lines):
            raise LakeError(f"The lake {self.settings.lake} did not keep every row; run again.")
        return rest

    def _rest(self, connection: duckdb.DuckDBPyConnection, lines: pa.Table, parts: list[Part]) -> pa.Table:
        """Those of the lines that are not in the parts."""
        left = np.ones(len(lines), dtype=np.bool_)
        if parts:
            connection.execute("set variable parts = $1", [[str(self.settings.lake / part.path) for part in parts]])
            written = connection.execute(
                "select list_position(getvariable('file_names'), source_file) - 1 as file_number, byte_offset "
                "from read_parquet(getvariable('parts'))"
            ).fetchnumpy()
            files, offsets = lines["file_number"].to_numpy(), lines["byte_offset"].to_numpy()
            for number in np.unique(files):
                here = files == number
                left[here] = ~np.isin(offsets[here], written["byte_offset"][written["file_number"] == number])
        return lines.filter(pa.array(left))

    def _look_closer(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Lines that are not plainly good: those that are good after all go to the lake, the others to the rejects."""
        if not self.rest:
            return
        lines, self.rest = pa.concat_tables(self.rest), []
        expected = len(lines)
        if self.source == rasa.SOURCE:
            refusals = type_events(connection, lines)
            refusals += self._keep_out(connection)
            expected += self._count_events(connection, lines)
            parts = self._write_parts(connection, lake_events("typed"))
        elif self.source == voice.SOURCE:
            refusals = voice_lake.type_events(connection, lines)
            refusals += self._keep_out(connection)
            parts = self._write_parts(connection, voice_lake.lake_events(connection))
        else:
            refusals = type_lines(connection, lines)
            refusals += self._keep_out(connection)
            parts = self._write_parts(connection, lake_rows("typed"))
        if sum(part.rows for part in parts) + len(refusals) != expected:
            raise LakeError(f"The lake {self.settings.lake} did not keep every row; run again.")
        # The lines as they came: typing takes escaped NULs out of its copy.
        came = lines.take(pa.array([refusal.row_number for refusal in refusals], pa.int64())).to_pylist()
        for refusal, line in zip(refusals, came, strict=True):
            raw = (line["line"] if refusal.line is None else refusal.line).encode()
            place = (line["file_number"], line["line_number"], line["byte_offset"])
            self.rejects.append((*place, len(raw), refusal.reason, refusal.message, raw))
        for number, reason, name, count in self._warnings(connection):
            self.tally.count(number, "warning", reason, name, count)

    def _warnings(self, connection: duckdb.DuckDBPyConnection) -> list[tuple[int, str, str, int]]:
        """What was accepted and is not as it should be: number of the file, code, field, how often."""
        if self.source == voice.SOURCE:
            return voice_lake.count_warnings(connection)
        return connection.execute(
            "select file_number, 'wrong_type', warning, count(*) "
            "from (select file_number, unnest(warnings) as warning from typed where reason is null) group by all"
        ).fetchall()

    def _keep_out(self, connection: duckdb.DuckDBPyConnection) -> list[Refusal]:
        """Refuse the events among `typed` that are of people who were removed; nothing of their text is kept."""
        if not self.forgotten:
            return []
        rows = connection.execute(
            f"update typed set reason = '{tombstones.REASON}' "
            f"where reason is null and {PEOPLE[self.source].is_forgotten} returning row_number"
        ).fetchall()
        return [Refusal(row_number, tombstones.REASON, tombstones.MESSAGE, "") for (row_number,) in rows]

    def _count_events(self, connection: duckdb.DuckDBPyConnection, lines: pa.Table) -> int:
        """Count events of trackers as lines, and trackers without any as blank ones; how many lines more that makes."""
        more, empty = count_events(connection, lines)
        for number, count in more.items():
            self.tally.lines_read += count
            self.tally.lines_by_file[number] += count
        self.tally.blank += sum(empty.values())
        return sum(more.values()) - sum(empty.values())

    def _write_parts(self, connection: duckdb.DuckDBPyConnection, query: str) -> list[Part]:
        """Write the rows of a query below their dates."""
        root = self.settings.lake / self.source
        root.mkdir(parents=True, exist_ok=True)
        # DuckDB opens a second file for a date where there is much; only it knows their names.
        written = connection.execute(
            f"""
            copy ({query}) to '{_quoted(root)}' (
                format parquet, compression zstd, compression_level 1, partition_by (event_date),
                write_partition_columns,
                filename_pattern '{self.load_id}-{self.chunk:04d}-{{i}}', overwrite_or_ignore, return_stats
            )
            """
        )
        self.chunk += 1
        columns = [column[0] for column in written.description]
        stats = [dict(zip(columns, row, strict=True)) for row in written.fetchall()]
        parts = sorted((_part(self.settings.lake, item) for item in stats), key=lambda part: part.path)
        for item in stats:
            times = item["column_statistics"]['"event_timestamp"']
            self.tally.first = min(filter(None, (self.tally.first, datetime.fromisoformat(times["min"]))))
            self.tally.last = max(filter(None, (self.tally.last, datetime.fromisoformat(times["max"]))))
        self.tally.parts += parts
        self.tally.typed += sum(part.rows for part in parts)
        return parts

    def _write_rejects(self) -> None:
        rows = sorted(self.rejects, key=lambda row: row[:3])
        if not rows:
            return
        self.rejects = []
        self.tally.rejected += len(rows)
        for row in rows:
            # Of what a field did, the reason names it: missing_required:when.
            self.tally.count(row[0], "rejected", row[4], row[4].partition(":")[2])
        path = f"rejects/{self.source}/{self.load_id}-{len(self.tally.rejects):04d}.parquet"
        self.tally.rejects.append(path)
        target = self.settings.lake / path
        target.parent.mkdir(parents=True, exist_ok=True)
        columns = [list(column) for column in zip(*rows, strict=True)]
        columns[0] = [self.files[number][0].name for number in columns[0]]
        table = pa.table([[self.load_id] * len(rows), *columns], schema=REJECT_SCHEMA)
        pq.write_table(table, target, compression="zstd")

    def _manifest(self) -> Manifest:
        tally = self.tally
        return Manifest(
            load_id=self.load_id,
            source=self.source,
            sequence=self.sequence,
            contract_version=_VERSIONS[self.source](),
            key_check=key_check(self.key),
            time_zone=self.settings.time_zone(self.source),
            files=[
                ManifestFile(
                    name=file.name,
                    bytes_read=file.size,
                    fingerprint=file.fingerprint,
                    sha256=sha256,
                    lines_read=tally.lines_by_file.get(number, 0),
                )
                for number, (file, sha256) in enumerate(self.files)
            ],
            lines_read=tally.lines_read,
            blank=tally.blank,
            rejected=tally.rejected,
            typed=tally.typed,
            warnings=sum(n for key, n in tally.issues.items() if key[1] == "warning"),
            first_event_timestamp=tally.first,
            last_event_timestamp=tally.last,
            parts=tally.parts,
            rejects=tally.rejects,
            issues=[
                Issue(
                    source_file=self.files[number][0].name,
                    severity=severity,
                    reason=reason,
                    field=name,
                    lines=n,
                )
                for (number, severity, reason, name), n in sorted(tally.issues.items())
            ],
            ingested_at=manifests.now_utc().replace(tzinfo=None),
        )


def _one_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items; while one is worked on, the next is made in a thread of its own."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


def _changed(file: LandingFile) -> _LeftAloneError:
    message = "The file changed while it was read; it is taken up by the next run."
    return _LeftAloneError(file, "file_changing", message)


def _part(lake: Path, stats: dict[str, Any]) -> Part:
    return Part(
        path=Path(stats["filename"]).relative_to(lake).as_posix(),
        event_date=date.fromisoformat(stats["partition_keys"]["event_date"]),
        rows=stats["count"],
    )


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


_CAUSES = (
    "No space left",
    "Permission denied",
    "Read-only file system",
    "File too large",
    "Disk quota exceeded",
)


def cause_of(error: Exception) -> str:
    """A driver's error in words of our own: its text may quote the data and goes nowhere."""
    text = str(error)
    for cause in _CAUSES:
        if cause.lower() in text.lower():
            return cause.lower() + (" on the device" if cause == "No space left" else "")
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"an error of kind {type(error).__name__}"
