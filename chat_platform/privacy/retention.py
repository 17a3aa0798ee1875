"""What is kept for a time only: delivered files, the text of refused lines, unmasked text of typed rows
(docs/privacy.md).

Typed rows stay: every table is made from them. What was deleted is noted in the manifest of its load first, so that
nothing is taken for new and nothing for lost; what was masked is noted when it is done.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chat_platform.lake import manifest as manifests
from chat_platform.lake.manifest import Manifest
from chat_platform.landing.files import LandingFile, scan
from chat_platform.locks import locked
from chat_platform.privacy import lake_texts
from chat_platform.privacy.removal import clear_staged
from chat_platform.privacy.tombstones import read_tombstones
from chat_platform.settings import Settings
from chat_platform.status import published_load_ids


@dataclass(frozen=True)
class Expired:
    """How many delivered files were deleted, of how many loads the refused lines, and of how many texts were masked."""

    files: int
    loads: int
    masked: int


def expire(settings: Settings, sources: tuple[str, ...]) -> Expired:
    """Delete, or of typed rows mask, what is older than the setting `retention_days` and belongs to published loads.

    A file is as old as the load that took it; one that was put back later, as its own time says. Files that no load
    knows are left alone. Killed at any moment and called again, it goes on.
    """
    before = manifests.now_utc().replace(tzinfo=None) - timedelta(days=settings.retention_days)
    with ExitStack() as held:
        held.enter_context(locked(settings.locks, "run"))
        for source in sources:
            held.enter_context(locked(settings.locks, f"ingest_{source}"))
        published = published_load_ids(settings)
        loads = [item for item in manifests.read_manifests(settings.lake) if item.load_id in published]
        old = [item for item in loads if item.ingested_at <= before]
        files = [file for file in scan(settings.landing, sources).files if _is_expired(file, old, before)]
        gone = {file.name for file in files}
        now = manifests.now_utc().replace(tzinfo=None)
        with_rejects = sum(bool(item.rejects) for item in old)
        kept = [_noted(item, gone, now) for item in old]
        for item, noted in zip(old, kept, strict=True):
            if noted != item:
                manifests.put_manifest(settings.lake, noted)
        for file in files:
            file.path.unlink(missing_ok=True)
        _drop_unknown_rejects(settings, sources)
        masked = _mask(settings, [item for item in kept if item.source in sources])
    return Expired(len(files), with_rejects, masked)


def _mask(settings: Settings, loads: list[Manifest]) -> int:
    """Mask the texts of the loads that are not masked yet; how many these were."""
    if any(item.plan is not None for item in read_tombstones(settings.lake)):
        # A removal that was killed has files ready that were made of the text; the next run puts them in place.
        return 0
    clear_staged(settings)
    due = [item for item in loads if item.source in lake_texts.SOURCES and item.texts_masked_at is None]
    for item in due:
        lake_texts.mask_texts(settings, item)
        now = manifests.now_utc().replace(tzinfo=None)
        manifests.put_manifest(settings.lake, item.model_copy(update={"texts_masked_at": now}))
    return len(due)


def _is_expired(file: LandingFile, old: list[Manifest], before: datetime) -> bool:
    states = [state for load in old if load.source == file.source for item in load.files if item.name == file.name
              for state in item.states]  # fmt: skip
    if not states:
        return False
    if file.fingerprint in {fingerprint for fingerprint, _ in states}:
        return True
    modified = datetime.fromtimestamp(file.mtime_ns / 1e9, UTC).replace(tzinfo=None)
    return modified <= before and file.sha256() in {sha256 for _, sha256 in states}


def _noted(load: Manifest, gone: set[str], now: datetime) -> Manifest:
    files = [
        item.model_copy(update={"expired_at": now}) if item.name in gone and item.expired_at is None else item
        for item in load.files
    ]
    changes: dict[str, object] = {"files": files}
    if load.rejects:
        changes |= {"rejects": [], "rejects_expired_at": now}
    return load.model_copy(update=changes)


def _drop_unknown_rejects(settings: Settings, sources: tuple[str, ...]) -> None:
    """Delete refused lines that no manifest names: they have just expired, or their load never came to be."""
    known = {path for item in manifests.read_manifests(settings.lake) for path in item.rejects}
    for source in sources:
        for path in (settings.lake / "rejects" / source).glob("*.parquet"):
            if path.relative_to(settings.lake).as_posix() not in known:
                path.unlink()
