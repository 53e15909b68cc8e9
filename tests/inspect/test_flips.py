"""Flipped bytes: in every kind of page and in the log. Never a signal, a hang or a wrong row; and check says so, or nothing uses the byte.

A few of them here; ANOKURO_FLIPS=1 flips every byte (tests/long.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import engine
from engine.inspect import offline
from engine.wal.segments import list_segments
from tests.inspect.test_recover import PAGE, copy_files

EVERY = os.environ.get("ANOKURO_FLIPS") == "1"
META_USED = 128
Rows = tuple[object, ...]


@dataclass
class Target:
    """A database's files, what they hold, and where what lies: kind -> (file, offset, bytes)."""

    path: Path
    whole: Rows
    before: Rows
    places: dict[str, tuple[Path, int, int]]
    padding: set[int]


def everything(db: engine.Database) -> Rows:
    rows = db.execute("SELECT a, b FROM t").fetchall()
    indexed = db.execute("SELECT b FROM t ORDER BY b").fetchall()
    with db.begin(as_of="named") as then:
        named = then.execute("SELECT count(*), sum(a) FROM t").fetchall()
    return rows, indexed, list(db.tree("events").scan()), named


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("flips")
    path, copy = folder / "made.ank", folder / "copy.ank"
    with engine.open(str(path), page_size=PAGE, segment_size=1 << 16) as db:
        db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
        db.execute("CREATE INDEX tb ON t (b)")
        db.executemany("INSERT INTO t VALUES (?, ?)", [(i, f"row {i % 50} " + "x" * 30) for i in range(200)])
        db.tree("events").put(b"long", b"v" * 5000)
        db.checkpoint("named")
        db.execute("UPDATE t SET b = 'changed' WHERE a < 20")
        db.checkpoint()
        before = everything(db)
        for i in range(200, 215):
            db.execute("INSERT INTO t VALUES (?, 'late')", (i,))
        whole = everything(db)
        copy_files(path, copy)
    places: dict[str, tuple[Path, int, int]] = {"meta 0": (copy, 0, PAGE), "meta 1": (copy, PAGE, PAGE)}
    with offline(copy) as files:
        for slot in files.file().slots:
            if slot.state == "live" and slot.kind != "meta" and slot.page not in (1,):
                places.setdefault(slot.kind if slot.page != 2 else "catalog", (copy, slot.offset, PAGE))
        segment = list_segments(files.source.fs, str(copy) + "-wal")[-1]
        wal = files.wal()
        places["log"] = (Path(segment.path), 0, wal.end_lsn - segment.first_lsn)
        reader = files.source.log_reader()
        reader.seek(segment.first_lsn)
        padding = {at - segment.first_lsn for r in reader for at in range(r.lsn + r.length, r.end_lsn)}
    yield Target(copy, whole, before, places, padding)


KINDS = ["meta 0", "meta 1", "leaf", "branch", "overflow", "page table", "retained checkpoints", "catalog", "log"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_flip_is_an_error_or_nothing(target: Target, kind: str) -> None:
    path, start, length = target.places[kind]
    step = 1 if EVERY else max(length // 25, 1)
    handle = os.open(path, os.O_RDWR)
    refused = 0
    try:
        for at in (*range(0, min(length, 64), 1 if EVERY else 7), *range(64, length, step)):
            old = os.pread(handle, 1, start + at)
            os.pwrite(handle, bytes([old[0] ^ 0xFF]), start + at)
            refused += look(target, kind, at)
            os.pwrite(handle, old, start + at)
    finally:
        os.close(handle)
    assert refused > 0 or kind.startswith("meta")


def look(target: Target, kind: str, at: int) -> bool:
    """Read everything of the flipped files: an error of ours, or what was there. Whether it was refused."""
    refused = False
    try:
        with engine.open(str(target.path), readonly=True) as db:
            found = everything(db)
        # what a crash could have cut off behind the last sync is no lie either: the log then ends earlier
        assert found == target.whole or (kind == "log" and is_prefix(found, target)), f"{kind}, byte {at}"
    except engine.Error as error:
        assert str(error)
        refused = True
    with offline(target.path) as files:
        findings = [str(one) for one in files.damage()]
    unused = (kind.startswith("meta") and at >= META_USED) or (kind == "log" and at in target.padding)
    assert findings or unused, f"{kind}, byte {at}: not reported"
    return refused


def is_prefix(found: Rows, target: Target) -> bool:
    """Whether these are the rows after some of the last commits, the first ones."""
    rows, whole = found[0], target.whole[0]
    assert isinstance(rows, list) and isinstance(whole, list)
    return rows == whole[: len(rows)] and len(rows) >= 200 and found[2:] == target.whole[2:]


def test_sound_files_have_no_findings(target: Target) -> None:
    with offline(target.path) as files:
        assert files.damage() == []
    with engine.open(str(target.path), readonly=True) as db:
        assert everything(db) == target.whole
