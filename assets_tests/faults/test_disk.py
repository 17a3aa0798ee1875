"""A disk that is full or read-only: the run says which folder and what is wrong, readers keep what they had, and the
next run makes everything good.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from homes import Home, assert_same
from test_killed import assert_as_never_killed

# Much more than a home of the small feed takes.
ROOM = 256 << 20


class Disk:
    """A small file system of its own at `place`, as large or as writable as a test wants it."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def mount(self, *options: str) -> None:
        """Mount it, or change how it is mounted."""
        told = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(self.place)]
        done = subprocess.run(told, capture_output=True, text=True, check=False)
        if done.returncode and "remount" not in options:
            pytest.skip(f"a file system can be mounted by root only: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr

    def leave(self, room: int) -> None:
        """Leave so many bytes of room."""
        found = os.statvfs(self.place)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        self.mount("remount", f"size={used + room}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    place = tmp_path / "disk"
    place.mkdir()
    made = Disk(place)
    made.mount(f"size={ROOM}")
    yield made
    subprocess.run(["umount", "-l", str(place)], check=False)


@pytest.fixture
def on_disk(half: Home, lines: list[bytes], tmp_path: Path, disk: Disk) -> Callable[[str], Home]:
    """Half of the feed is published, the other half is delivered, and one folder of the home lies on the small disk."""

    def make(folder: str) -> Home:
        home = half.copy_to(tmp_path / "home")
        home.write("second.jsonl", b"\n".join(lines[1::2]) + b"\n")
        if folder == "warehouse":
            for path in home.root.glob("warehouse.duckdb*"):
                shutil.move(path, disk.place / path.name)
            return Home(home.root, warehouse=str(disk.place / "warehouse.duckdb"))
        shutil.copytree(home.root / folder, disk.place, symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(home.root / folder)
        (home.root / folder).symlink_to(disk.place)
        return home

    return make


def check(home: Home, said: str, half: Home, refreshed: Home, mend: Callable[[], None]) -> None:
    done = home.command("run")
    assert done.returncode in (1, 2), done.stdout
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert_same(home.dump(), half.dump())
    mend()
    home.publish()
    assert_as_never_killed(home, refreshed)


# What is full, the room that is left, and what the run says; the room of a warehouse decides which step meets the end.
FULL = {
    "lake": ("lake", 8 << 10, "The lake {home}/lake cannot be written: no space left on the device"),
    "chat_tables": ("warehouse", 4 << 10, "The warehouse {disk}/warehouse.duckdb cannot be used: no space is left"),
    "models": ("warehouse", 1 << 20, "(no space is left on the device). The loads stay pending"),
    "snapshot": ("warehouse", 6 << 20, "The snapshot {disk}/warehouse.duckdb cannot be written: no space is left"),
    "dagster": ("dagster", 0, "Dagster's records in {home}/dagster cannot be used"),
    "dagster_later": ("dagster", 60 << 10, "Dagster's records in {home}/dagster cannot be used"),
    "dbt": ("dbt", 0, "build_models: [Errno 28] No space left on device: '{home}/dbt/"),
}  # fmt: skip
READ_ONLY = {
    "lake": "The lake {home}/lake cannot be written: read-only file system",
    "warehouse": "The warehouse {disk}/warehouse.duckdb cannot be used: the file system is read-only",
    "dagster": "Dagster's records in {home}/dagster cannot be used",
    "locks": "The lock {home}/locks/dbt_manifest.lock cannot be taken: read-only file system",
    "models": "Read-only file system: '{disk}/",
    "dbt": "Read-only file system: '{home}/dbt/",
}


@pytest.mark.long
@pytest.mark.timeout(200)
@pytest.mark.parametrize("case", FULL)
def test_a_full_disk(case: str, on_disk: Callable[[str], Home], disk: Disk, half: Home, refreshed: Home) -> None:
    folder, room, said = FULL[case]
    home = on_disk(folder)
    disk.leave(room)
    said = said.format(home=home.root, disk=disk.place)
    check(home, said, half, refreshed, lambda: disk.mount("remount", f"size={ROOM}"))


@pytest.mark.long
@pytest.mark.timeout(200)
@pytest.mark.parametrize("folder", READ_ONLY)
def test_a_read_only_folder(
    folder: str, on_disk: Callable[[str], Home], disk: Disk, half: Home, refreshed: Home
) -> None:
    home = on_disk(folder)
    disk.mount("remount", "ro")
    said = READ_ONLY[folder].format(home=home.root, disk=disk.place)
    check(home, said, half, refreshed, lambda: disk.mount("remount", "rw"))


@pytest.mark.long
def test_landing_may_be_read_only(on_disk: Callable[[str], Home], disk: Disk, refreshed: Home) -> None:
    home = on_disk("landing")
    disk.mount("remount", "ro")
    done = home.command("run")
    assert done.returncode == 0, done.stderr
    assert_as_never_killed(home, refreshed)
