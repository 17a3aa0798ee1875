"""Removing a person from landing and the lake: first everything is made ready, then it is put in place.

`plan` writes the files as they will be beside those that they replace, under hidden names, and ends with the record
of the removal (tombstones.py). From that moment the removal goes forward: `swap_files` puts the files in place, again
and again until it is through. Killed before the record stands, nothing has happened.
"""

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chat_platform.errors import LakeError
from chat_platform.lake import manifest as manifests
from chat_platform.lake.manifest import FileState, Manifest
from chat_platform.landing.erasing import Range, erase_events, erase_ranges
from chat_platform.landing.files import LandingFile, scan
from chat_platform.landing.framing import read_batches
from chat_platform.landing.tracker_store import is_tracker_store
from chat_platform.privacy import tombstones
from chat_platform.privacy.events import Eraser
from chat_platform.privacy.lake_texts import STAGED
from chat_platform.privacy.people import Person
from chat_platform.privacy.pseudonym import set_key
from chat_platform.privacy.sources import PEOPLE
from chat_platform.privacy.tombstones import Move, Plan, Tombstone
from chat_platform.publish.shown_ids import columns_of
from chat_platform.settings import Settings
from chat_platform.sql import load_sql

_PACKAGE = "chat_platform.privacy"
_STAGED = ".forgetting-"
_NOBODY = r"[^\s\S]"
# Masked queries in; what the classifier says of them out, see publish/chat.py.
Scorer = Callable[[pa.ChunkedArray], pa.Table]


@dataclass
class _Found:
    """What a removal touches, so far."""

    moves: list[Move] = field(default_factory=list)
    dates: dict[str, set[date]] = field(default_factory=dict)
    loads: dict[str, set[str]] = field(default_factory=dict)
    marks: dict[str, set[str]] = field(default_factory=dict)
    lines: dict[str, set[tuple[int, str]]] = field(default_factory=dict)
    manifests: dict[str, Manifest] = field(default_factory=dict)
    latest: datetime | None = None
    scores: str | None = None
    counts: dict[str, int] = field(default_factory=lambda: {"events": 0, "mentions": 0, "lines": 0, "refused": 0})


@dataclass(frozen=True)
class Planned:
    """The record of a removal and what it touches: the person's events, events that mention them, lines of landing,
    refused lines.
    """

    tombstone: Tombstone
    counts: dict[str, int]


def plan(settings: Settings, person: Person, sources: Iterable[str], key: str, scorer: Scorer) -> Planned:
    """Make the removal of a person ready and put its record. Nobody else may write landing or lake meanwhile.

    Everything in landing has to be in the lake already. Raises OSError where files cannot be written.
    """
    clear_staged(settings)
    ident = secrets.token_hex(8)
    work = _Work(settings, person, ident, key, scorer)
    temporary = settings.lake / "_tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"temp_directory": str(temporary), "memory_limit": "1GB"}) as connection:
        work.prepare(connection)
        for source in sources:
            work.take(connection, source)
    found = work.found
    now = datetime.now(UTC).replace(tzinfo=None)
    tombstone = Tombstone(
        id=ident,
        # What is there already goes, even where the clock of its sender is ahead.
        cut_off=max(now, found.latest or now),
        marks={source: sorted(marks) for source, marks in found.marks.items()},
        lines={source: sorted(lines) for source, lines in found.lines.items()},
        scores=found.scores,
        plan=Plan(
            moves=found.moves,
            dates={source: sorted(dates) for source, dates in found.dates.items()},
            loads={source: sorted(loads) for source, loads in found.loads.items()},
        ),
    )
    tombstones.put_tombstone(settings.lake, tombstone)
    return Planned(tombstone, found.counts)


def swap_files(settings: Settings, tombstone: Tombstone) -> None:
    """Put the files of a plan in place. What has been put already is left alone."""
    if tombstone.plan is None:
        return
    roots = {"lake": settings.lake, "landing": settings.landing}
    for move in tombstone.plan.moves:
        staged, target = roots[move.root] / move.staged, roots[move.root] / move.target
        # A file that expired in between is not to come back.
        with suppress(FileNotFoundError):
            if target.exists():
                staged.replace(target)
            else:
                staged.unlink()


def clear_staged(settings: Settings) -> None:
    """Delete copies that were left by a removal that was killed before its record stood, or by a masking that was."""
    known = {item.id for item in tombstones.read_tombstones(settings.lake) if item.plan is not None}
    for root in (settings.lake, settings.landing):
        for path in root.rglob(f".*{_STAGED}*"):
            if path.name.rpartition(_STAGED)[2] not in known:
                path.unlink()
    for path in settings.lake.rglob(f".*{STAGED}"):
        path.unlink()


class _Work:
    """One plan in the making."""

    def __init__(self, settings: Settings, person: Person, ident: str, key: str, scorer: Scorer) -> None:
        self.settings = settings
        self.person = person
        self.ident = ident
        self.key = key
        self.scorer = scorer
        self.salt = secrets.token_hex(32)
        self.id_columns = frozenset(columns_of(settings).values())
        self.eraser = Eraser(person, self.salt.encode(), self.id_columns)
        self.found = _Found()

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Macros and variables of the statements."""
        connection.execute("set timezone = 'UTC'")
        for package, name in (("lake", "macros"), ("publish", "macros"), ("privacy", "macros")):
            connection.execute(load_sql(f"chat_platform.{package}", name))
        set_key(connection, self.key)
        spellings = list(self.person.spellings)
        rows = connection.execute("select list(pseudonym(id)) from unnest($1::varchar[]) as u(id)", [spellings])
        self.keys = (rows.fetchone() or ([],))[0]
        tells = self.person.is_phone or "@" in self.person.given
        variables = {
            "keys": self.keys,
            "pattern": self.person.pattern,
            "id_pattern": self.person.pattern if tells else _NOBODY,
            "quoted": [f'"{spelling}"' for spelling in spellings],
            "number_pattern": self.person.pattern_of_number(
                {"user_id", "sender_id"} | {column.rpartition("__")[2] for column in self.id_columns}
            )
            or _NOBODY,
            "masked": self.person.masked,
            "salt": self.salt,
        }
        for name, value in variables.items():
            connection.execute(f"set variable {name} = $1", [value])

    def take(self, connection: duckdb.DuckDBPyConnection, source: str) -> None:
        """Everything of one source."""
        found = self.found
        found.marks[source] = {tombstones.mark(key) for key in self.keys}
        found.lines[source] = set()
        loads = manifests.read_manifests(self.settings.lake, source)
        paths = [path for load in loads for path in load.paths(self.settings.lake) if Path(path).exists()]
        places: dict[str, list[tuple[str, int]]] = {}
        if paths:
            places = self._take_lake(connection, source, paths)
        for load in loads:
            self._take_rejects(source, load)
        for file in scan(self.settings.landing, [source]).files:
            if file.source == source:
                self._take_landing(source, file, loads, places)
        for load in found.manifests.values():
            staged, target = self._staged(manifests.folder(self.settings.lake) / f"{load.load_id}.json")
            staged.write_text(load.model_dump_json(indent=1), encoding="utf-8")
            # First of all: from then on both states of its files are known.
            self._move("lake", staged, target, first=True)
        found.manifests = {}

    def _take_lake(
        self, connection: duckdb.DuckDBPyConnection, source: str, paths: list[str]
    ) -> dict[str, list[tuple[str, int]]]:
        """Rewrite the files of typed rows; load → (file, offset) of the lines behind the rows."""
        people, found = PEOPLE[source], self.found
        connection.execute("set variable lake_files = $1", [paths])
        connection.execute(
            load_sql(
                _PACKAGE, "find", named=people.named, conversation=people.conversation,
                also_own=people.also_own, texts=people.texts,
            )
        )  # fmt: skip
        connection.execute(
            "create or replace temp table conversations as select distinct conversation from marked where is_own"
        )
        found.marks[source] |= {
            mark for (mark,) in connection.execute("select sha256(conversation) from conversations").fetchall()
        }
        hashes = " union ".join(
            f"select content_hash from read_parquet('{_quoted(path)}', file_row_number => true) as lake "
            f"semi join (select place from marked where is_own and path = '{_quoted(path)}') as own "
            "on lake.file_row_number = own.place"
            for (path,) in connection.execute("select distinct path from marked where is_own").fetchall()
        )
        connection.execute(
            "create or replace temp table content_hashes as select distinct content_hash "
            f"from ({hashes or 'select cast(null as varchar) as content_hash'})"
        )
        connection.execute(load_sql(_PACKAGE, "new_hashes"))
        touched = [path for (path,) in connection.execute("select distinct path from marked order by path").fetchall()]
        if source == "chat" and touched:
            self._keep_scores(connection, touched)
        if source != "chat":
            self._erase_data(connection, source, touched)
        for path in touched:
            staged, target = self._staged(Path(path))
            connection.execute("set variable lake_file = $1", [path])
            rows = load_sql(_PACKAGE, f"erase_{source}")
            (count,) = connection.execute(
                f"copy ({rows}) to '{_quoted(staged)}' (format parquet, compression zstd)"
            ).fetchone() or (0,)
            if count != pq.read_metadata(path).num_rows:
                raise LakeError(f"The lake {self.settings.lake} would not keep every row; nothing was removed.")
            self._move("lake", staged, target)
        places: dict[str, list[tuple[str, int]]] = {}
        for load_id, name, offset in connection.execute(
            "select distinct load_id, source_file, byte_offset from marked where is_own"
        ).fetchall():
            places.setdefault(load_id, []).append((name, offset))
        days, ids, latest, own, mentions = connection.execute(
            "select list(distinct event_date), list(distinct load_id), max(event_timestamp) filter (is_own), "
            "count(*) filter (is_own), count(*) filter (not is_own) from marked"
        ).fetchone() or ([], [], None, 0, 0)
        found.dates[source] = set(days or [])
        found.loads[source] = set(ids or [])
        found.latest = max(filter(None, (found.latest, latest)), default=None)
        found.counts["events"] += own
        found.counts["mentions"] += mentions
        return places

    def _keep_scores(self, connection: duckdb.DuckDBPyConnection, touched: list[str]) -> None:
        """Keep what the classifier says of queries whose text goes."""
        connection.execute("set variable touched = $1", [touched])
        queries = connection.execute(
            """
            select distinct
                cut(mask(lake.user_query), 65535) as user_query,
                case when marked.is_own then stand_in(lake.user_query)
                    else cut(mask(unmentioned(lake.user_query)), 65535) end as other
            from read_parquet(getvariable('touched'), filename => true, file_row_number => true) as lake
            inner join marked on lake.filename = marked.path and lake.file_row_number = marked.place
            where lake.user_query is not null
            """
        ).to_arrow_table()
        queries = queries.filter(pc.not_equal(queries["user_query"], queries["other"]))
        if not len(queries):
            return
        scores = self.scorer(pc.unique(queries["user_query"]))
        kept = queries.join(scores, "user_query").drop_columns(["user_query"]).rename_columns({"other": "user_query"})
        name = f"{self.ident}-scores.parquet"
        tombstones.folder(self.settings.lake).mkdir(parents=True, exist_ok=True)
        pq.write_table(kept.select(scores.column_names), tombstones.folder(self.settings.lake) / name)
        self.found.scores = name

    def _erase_data(self, connection: duckdb.DuckDBPyConnection, source: str, touched: list[str]) -> None:
        """Table `erased_data` of the JSON that stays of the marked events."""
        rows: list[tuple[Any, ...]] = []
        column = "data" if source == "rasa" else "content"
        if touched:
            connection.execute("set variable touched = $1", [touched])
            rows = connection.execute(
                f"select marked.path, marked.place, marked.is_own, lake.{column} "
                "from read_parquet(getvariable('touched'), filename => true, file_row_number => true) as lake "
                "inner join marked on lake.filename = marked.path and lake.file_row_number = marked.place "
                f"where lake.{column} is not null"
            ).fetchall()
        own = getattr(self.eraser, source)
        table = pa.table(
            {
                "path": pa.array([row[0] for row in rows], pa.string()),
                "place": pa.array([row[1] for row in rows], pa.int64()),
                "data": pa.array([(own if row[2] else self.eraser.mention)(row[3]) for row in rows], pa.string()),
            }
        )
        connection.register("erased", table)
        connection.execute("create or replace temp table erased_data as select * from erased")
        connection.unregister("erased")

    def _take_rejects(self, source: str, load: Manifest) -> None:
        for name in load.rejects:
            path = self.settings.lake / name
            if not path.exists():
                continue
            table = pq.read_table(path)
            raws = table["raw_line"].to_pylist()
            gone = [self._is_in(raw) for raw in raws]
            if not any(gone):
                continue
            self.found.lines[source] |= {
                tombstones.line_mark(self.key, raw) for raw, goes in zip(raws, gone, strict=True) if goes
            }
            left = [b"" if goes else raw for raw, goes in zip(raws, gone, strict=True)]
            place = table.column_names.index("raw_line")
            table = table.set_column(place, table.schema.field(place), pa.array(left, table.schema.field(place).type))
            staged, target = self._staged(path)
            pq.write_table(table, staged, compression="zstd")
            self._move("lake", staged, target)
            self.found.counts["refused"] += sum(gone)

    def _take_landing(
        self, source: str, file: LandingFile, loads: list[Manifest], places: dict[str, list[tuple[str, int]]]
    ) -> None:
        known = [
            (load, item)
            for load in loads
            for item in load.files
            if item.name == file.name and any(name == file.name for name, _ in places.get(load.load_id, ()))
        ]
        sha256 = file.sha256() if known else ""
        offsets = {
            offset
            for load, item in known
            if sha256 in {known_as for _, known_as in item.states}
            for name, offset in places[load.load_id]
            if name == file.name
        }
        staged, target = self._staged(file.path)
        if is_tracker_store(file.path):
            count = erase_events(file.path, staged, self._goes)
        else:
            ranges = list(self._lines_to_erase(source, file, offsets))
            count = len(ranges)
            if count:
                erase_ranges(file.path, staged, ranges)
        if not count:
            return
        self.found.counts["lines"] += count
        self._move("landing", staged, target)
        before, after = sha256 or file.sha256(), LandingFile(source, file.name, staged, *_size_and_time(staged))
        state = FileState(fingerprint=after.fingerprint, sha256=after.sha256())
        for load in loads:
            latest = self.found.manifests.get(load.load_id, load)
            files = [
                item.model_copy(update={"rewritten": [*item.rewritten, state]})
                if item.name == file.name and before in {known_as for _, known_as in item.states}
                else item
                for item in latest.files
            ]
            if files != latest.files:
                self.found.manifests[load.load_id] = latest.model_copy(update={"files": files})

    def _lines_to_erase(self, source: str, file: LandingFile, offsets: set[int]) -> Iterator[Range]:
        wanted = np.array(sorted(offsets), dtype=np.int64)
        for batch in read_batches(file.path):
            lines = batch.table["line"]
            starts = batch.table["byte_offset"].to_numpy()
            mentions = pc.match_substring_regex(lines, self.person.pattern).to_numpy(zero_copy_only=False)
            for row in np.flatnonzero(mentions | np.isin(starts, wanted)):
                line = lines[int(row)].as_py().encode()
                self.found.lines[source].add(tombstones.line_mark(self.key, line))
                yield int(starts[row]), len(line)
            for refused in batch.refused:
                if self._is_in(refused.raw):
                    self.found.lines[source].add(tombstones.line_mark(self.key, refused.raw))
                    yield refused.byte_offset, refused.length

    def _goes(self, sender: str, data: str) -> bool:
        return sender in self.person.spellings or self._is_in(data.encode()) or self._is_in(sender.encode())

    def _is_in(self, raw: bytes) -> bool:
        return self.person.expression.search(raw.decode("utf-8", "replace")) is not None

    def _staged(self, target: Path) -> tuple[Path, Path]:
        return target.with_name(f".{target.name}{_STAGED}{self.ident}"), target

    def _move(self, root: str, staged: Path, target: Path, *, first: bool = False) -> None:
        _flush(staged)
        base = self.settings.lake if root == "lake" else self.settings.landing
        move = Move(root=root, staged=staged.relative_to(base).as_posix(), target=target.relative_to(base).as_posix())
        self.found.moves.insert(0 if first else len(self.found.moves), move)


def _size_and_time(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def _flush(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _quoted(path: Path | str) -> str:
    return str(path).replace("'", "''")
