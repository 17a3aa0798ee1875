"""Kills a process at an exact place: Python imports this at its start where the folder is on PYTHONPATH.

KILL_AT holds a `Point` (see kill_points.py) as JSON. KILL_MARK names a file that says, before the end comes, that the
place was reached and by whom. Without KILL_AT nothing happens.
"""

import importlib.abc
import importlib.machinery
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any


def die(point: dict[str, Any]) -> None:
    """Note that the place is reached, and end whom the point names."""
    mark = os.open(os.environ["KILL_MARK"], os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    os.write(mark, f"{point['name']} in {Path(sys.argv[0]).name}".encode())
    os.close(mark)
    if point["victim"] == "all":
        os.killpg(0, signal.SIGKILL)
    elif point["victim"] == "parent":
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(30)
    os.kill(os.getpid(), signal.SIGKILL)


def arm(module: ModuleType, point: dict[str, Any]) -> None:
    """Wrap the function of the point, which counts its calls that have `text` in their arguments."""
    *classes, name = point["function"].split(".")
    owner: Any = module
    for part in classes:
        owner = getattr(owner, part)
    original = getattr(owner, name)
    seen = 0

    def wrapped(*args: Any, **options: Any) -> Any:
        nonlocal seen
        matches = not point["text"] or point["text"] in repr(args) + repr(options)
        seen += matches
        here = matches and seen == point["call"]
        if here and point["when"] == "before":
            die(point)
        result = original(*args, **options)
        if here and point["when"] == "after":
            die(point)
        return result

    setattr(owner, name, wrapped)


class Finder(importlib.abc.MetaPathFinder):
    """Arms the module of the point when it has been imported, before anyone can take a name out of it."""

    def __init__(self, point: dict[str, Any]) -> None:
        self.point = point

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.point["module"]:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return None
        loader, point = spec.loader, self.point
        execute = loader.exec_module

        def and_arm(module: ModuleType) -> None:
            execute(module)
            arm(module, point)

        loader.exec_module = and_arm  # type: ignore[method-assign]
        return spec


def watch(point: dict[str, Any]) -> None:
    """Die as soon as a file that is being written is there: in the middle of the writing."""
    folder, pattern = Path(point["folder"]), point["pattern"]
    known = {(path, path.stat().st_mtime_ns) for path in folder.glob(pattern)}
    while True:
        for path in folder.glob(pattern):
            try:
                stat = path.stat()
            except OSError:
                continue
            if stat.st_size and (path, stat.st_mtime_ns) not in known:
                die(point)
        time.sleep(0.0005)


if "KILL_AT" in os.environ:
    wanted = json.loads(os.environ["KILL_AT"])
    # The console script that the point is about, no other process of the run.
    if Path(sys.argv[0] if sys.argv else "").name == wanted["process"] or wanted["process"] in sys.orig_argv[1:2]:
        if wanted.get("pattern"):
            threading.Thread(target=watch, args=(wanted,), daemon=True).start()
        elif wanted["module"] in sys.modules:
            arm(sys.modules[wanted["module"]], wanted)
        else:
            sys.meta_path.insert(0, Finder(wanted))
