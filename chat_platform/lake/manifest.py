"""Manifests: what a load is made of. A load exists from the moment its manifest does."""

import os
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from chat_platform.errors import LakeError


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileState(_Record):
    """What a file became when lines were erased from it."""

    fingerprint: str
    sha256: str


class ManifestFile(_Record):
    """One delivered file. `fingerprint` is its cheap mark in landing, `name` its path below landing.

    `rewritten` are its later states, of lines erased with a person; `expired_at` (UTC) is when it was deleted.
    """

    name: str
    bytes_read: int
    fingerprint: str
    sha256: str
    lines_read: int
    rewritten: list[FileState] = []
    expired_at: datetime | None = None

    @property
    def states(self) -> list[tuple[str, str]]:
        """Fingerprint and sha256 of every state in which the file is known."""
        later = [(state.fingerprint, state.sha256) for state in self.rewritten]
        return [(self.fingerprint, self.sha256), *later]


class Part(_Record):
    """One Parquet file of typed rows of one date; `path` is relative to the lake."""

    path: str
    event_date: date
    rows: int


class Issue(_Record):
    """Refused lines (severity rejected) or values lost to their type (warning), counted."""

    source_file: str
    severity: str
    reason: str
    field: str
    lines: int


class Manifest(_Record):
    """One load. lines_read = blank + rejected + typed; times are UTC.

    `key_check` tells whether two loads were made with the same pseudonym key, and nothing else about it.
    `time_zone` is the one in which event dates were counted. `rejects_expired_at` (UTC) is when the text of the refused
    lines was deleted, `texts_masked_at` when the texts of the typed rows were masked.
    """

    load_id: str
    source: str
    sequence: int
    contract_version: str
    key_check: str
    time_zone: str
    files: list[ManifestFile]
    lines_read: int
    blank: int
    rejected: int
    typed: int
    warnings: int
    first_event_timestamp: datetime | None
    last_event_timestamp: datetime | None
    parts: list[Part]
    rejects: list[str]
    issues: list[Issue]
    ingested_at: datetime
    rejects_expired_at: datetime | None = None
    texts_masked_at: datetime | None = None

    def paths(self, lake: Path, dates: set[date] | None = None) -> list[str]:
        """Parquet files of the load, of the given dates only if there are any."""
        return [str(lake / part.path) for part in self.parts if dates is None or part.event_date in dates]


def folder(lake: Path) -> Path:
    """Where manifests lie."""
    return lake / "_loads"


def read_manifests(lake: Path, source: str | None = None) -> list[Manifest]:
    """All loads of a source (of every source without one), in the order of arrival.

    Raises LakeError that names a manifest which cannot be read: going on without it would lose its rows.
    """
    manifests = []
    place = folder(lake)
    for path in sorted(place.glob("*.json")) if place.is_dir() else []:
        try:
            manifest = Manifest.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise LakeError(f"The manifest {path} cannot be read ({type(error).__name__}).") from None
        if source is None or manifest.source == source:
            manifests.append(manifest)
    return sorted(manifests, key=lambda item: item.sequence)


def put_manifest(lake: Path, manifest: Manifest) -> None:
    """Make the load exist: written beside, flushed to disk, then renamed. The last act of an ingest."""
    place = folder(lake)
    place.mkdir(parents=True, exist_ok=True)
    target = place / f"{manifest.load_id}.json"
    temporary = target.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as stream:
        stream.write(manifest.model_dump_json(indent=1))
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(target)
    directory = os.open(place, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def now_utc() -> datetime:
    """Time of day, UTC; replaced in tests."""
    return datetime.now(UTC)
