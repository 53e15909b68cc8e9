"""Threads that take page latches in the wrong order: while one loads a page, and so holds it, it asks for another.

The engine never does that; a file system does, from inside the reads of the threads that `cross` starts.

    python -m tests.inspect.crossing FILE            two threads for ever wait for each other: prints what INSPECT LATCHES says of them
    python -m tests.inspect.crossing FILE section    the same, one of them for the commit section
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import engine
from anokuro_cli.render.inspections import show_model
from anokuro_cli.render.output import Output
from engine.api.database import open_database
from engine.storage.file import FileSystem
from engine.storage.file_os import OsFileSystem
from engine.storage.file_wrapper import WrapperFileSystem

T = TypeVar("T")
KEYS = [b"%05d" % i for i in range(600)]


class CrossingFileSystem(WrapperFileSystem):
    """Before the next read of the data file in a thread, what `first` has for the thread's name is done once."""

    def __init__(self, inner: FileSystem, suffix: str) -> None:
        super().__init__(inner)
        self.suffix = suffix
        self.first: dict[str, Callable[[], object]] = {}

    def perform(self, name: str, path: str, action: Callable[[], T]) -> T:
        if name == "read" and path.endswith(self.suffix):
            do = self.first.pop(threading.current_thread().name, None)
            if do is not None:
                do()
        return action()


def make(path: str) -> tuple[Any, CrossingFileSystem]:
    """A database of one tree with many leaves, of which only the first is in the pool."""
    with engine.open(path, page_size=4096) as db:
        db.tree("t").put_many((key, key * 20) for key in KEYS)
    fs = CrossingFileSystem(OsFileSystem(), os.path.basename(path))
    db = open_database(path, fs, io="sync")
    assert db.tree("t").get(KEYS[0])
    return db, fs


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "the other threads did not come so far"
        time.sleep(0.002)


def main(path: str, section: bool) -> None:
    db, fs = make(path)
    if section:
        cross_section(db, fs)
    else:
        cross_pages(db, fs)
    wait_until(lambda: db.inspect.latches().orders.cycles > 0)
    model = db.inspect.latches()
    rows = db.execute("SELECT waiter_name, holder_name, page, cycle FROM sys.latch_graph ORDER BY 1").fetchall()
    print(json.dumps({"model": model.to_json(), "rows": rows}), flush=True)
    show_model(model, Output(sys.stdout, False, 100, 50, False, True))
    sys.stdout.flush()
    os._exit(0)  # they wait for ever


def cross_section(db: Any, fs: CrossingFileSystem) -> None:
    """While it loads a page, "left" commits; "right" is in the commit section, and waits for that page."""
    tree = db.tree("t")

    def meet() -> None:
        threading.Thread(target=tree.put, args=(KEYS[300], b"right"), name="right", daemon=True).start()
        wait_until(lambda: any(t.section == "holds" and t.name == "right" for t in db.inspect.latches().threads))
        wait_until(lambda: len(db.inspect.latches().graph) == 1)
        tree.put(KEYS[0], b"left")

    fs.first["left"] = meet
    threading.Thread(target=tree.get, args=(KEYS[300],), name="left", daemon=True).start()


def cross_pages(db: Any, fs: CrossingFileSystem) -> None:
    """Each loads a page, and meanwhile wants the other's."""
    tree, both = db.tree("t"), threading.Barrier(2)
    for name, other in (("left", KEYS[-1]), ("right", KEYS[300])):
        fs.first[name] = lambda other=other: (both.wait(30), tree.get(other))
    for name, key in (("left", KEYS[300]), ("right", KEYS[-1])):
        threading.Thread(target=tree.get, args=(key,), name=name, daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1], "section" in sys.argv[2:])
