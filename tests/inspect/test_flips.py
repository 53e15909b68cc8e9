"""Flipped bytes: in every kind of page and in the log. Never a signal, a hang or a wrong row; and check says so, or nothing uses the byte.

A few of them here; ANOKURO_FLIPS=1 flips every byte (tests/long.py): of one page of each kind, of the log's last segment, and
of full segments that hold every type of record and that recovery needs.
"""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import engine
from engine.inspect import offline
from engine.wal.records import RECORD_NUMBERS
from engine.wal.segments import list_segments
from tests.inspect.test_recover import PAGE, copy_files

EVERY = os.environ.get("ANOKURO_FLIPS") == "1"
HANG = 120
"""Seconds for one flip, in the long run: then it ends with a traceback."""
META_USED = 128
SEGMENT = 1 << 14
SEGMENT_HEADER = 64
Rows = tuple[object, ...]


@dataclass
class Target:
    """A database's files, what they hold, and where what lies: kind -> (file, offset, bytes)."""

    path: Path
    whole: Rows
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
        for i in range(200, 215):
            db.execute("INSERT INTO t VALUES (?, 'late')", (i,))
        whole = everything(db)
        copy_files(path, copy)
    places: dict[str, tuple[Path, int, int]] = {"meta 0": (copy, 0, PAGE), "meta 1": (copy, PAGE, PAGE)}
    with offline(copy) as files:
        for slot in files.file().slots:
            if slot.state == "live" and slot.kind != "meta":
                places.setdefault(SPECIAL.get(slot.page or 0, slot.kind), (copy, slot.offset, PAGE))
        segment = list_segments(files.source.fs, str(copy) + "-wal")[-1]
        wal = files.wal()
        places["log"] = (Path(segment.path), 0, wal.end_lsn - segment.first_lsn)
        reader = files.source.log_reader()
        reader.seek(segment.first_lsn)
        padding = {at - segment.first_lsn for r in reader for at in range(r.lsn + r.length, r.end_lsn)}
    yield Target(copy, whole, places, padding)


SPECIAL = {1: "directory", 2: "catalog"}
KINDS = [
    "meta 0",
    "meta 1",
    "directory",
    "leaf",
    "branch",
    "overflow",
    "page table",
    "retained checkpoints",
    "catalog",
    "log",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_flip_is_an_error_or_nothing(target: Target, kind: str) -> None:
    path, start, length = target.places[kind]
    step = 1 if EVERY else max(length // 25, 1)
    offsets = (*range(0, min(length, 64), 1 if EVERY else 7), *range(64, length, step))
    refused = flip(target, kind, path, [start + at for at in offsets], start)
    assert refused > 0 or kind.startswith("meta")


def flip(target: Target, kind: str, path: Path, offsets: list[int], start: int) -> int:
    """Each of these bytes by itself, looked at, and put back; how many were refused. start: what offsets are told from."""
    handle = os.open(path, os.O_RDWR)
    refused = 0
    try:
        for at in offsets:
            if EVERY:
                faulthandler.dump_traceback_later(HANG, exit=True)
            old = os.pread(handle, 1, at)
            os.pwrite(handle, bytes([old[0] ^ 0xFF]), at)
            refused += look(target, kind, at - start)
            os.pwrite(handle, old, at)
    finally:
        faulthandler.cancel_dump_traceback_later()
        os.close(handle)
    return refused


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
    unused = (kind.startswith("meta") and at >= META_USED) or (kind in ("log", "segment") and at in target.padding)
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


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Files with full segments behind the last checkpoint: where each lies, by its name."""
    folder = tmp_path_factory.mktemp("segments")
    path, copy = folder / "made.ank", folder / "copy.ank"
    with engine.open(
        str(path),
        page_size=PAGE,
        segment_size=SEGMENT,
        memtable_bytes=1 << 18,
        checkpoint_bytes=0,
        wal_retention=1 << 30,
    ) as db:
        db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
        db.execute("CREATE INDEX tb ON t (b)")
        db.executemany("INSERT INTO t VALUES (?, ?)", [(i, f"row {i % 50} " + "x" * 30) for i in range(200)])
        events = db.tree("events")
        events.put(b"long", b"v" * 5000)
        db.checkpoint("named")
        begun = db.inspect.wal().end_lsn
        with db.begin() as txn:  # outgrows a quarter of the memory for writes: it is in the log, and ends with ABORT
            for i in range(11):
                txn.tree("events").put(b"gone %02d" % i, bytes([i]) * 7000)
            txn.rollback()
        db.execute("UPDATE t SET b = 'changed' WHERE a < 20")
        db.execute("DELETE FROM t WHERE a BETWEEN 40 AND 189")
        events.put(b"other", b"w" * 4500)
        events.delete(b"long")
        for i in range(200, 230):
            db.execute("INSERT INTO t VALUES (?, ?)", (i, "late " * 60))
        whole = everything(db)
        copy_files(path, copy)
    with offline(copy) as files:
        full = list_segments(files.source.fs, str(copy) + "-wal")[:-1]
        unused = set(range(full[0].first_lsn, full[-1].first_lsn + SEGMENT))
        for segment in full:
            unused -= set(range(segment.first_lsn, segment.first_lsn + SEGMENT_HEADER))
        reader = files.source.log_reader()
        reader.seek(full[0].first_lsn, with_pads=True)
        types: dict[str, set[int]] = {}
        for record in reader:
            unused -= set(range(record.lsn, record.lsn + record.length))
            if record.lsn >= begun:
                types.setdefault(record.type.name, set()).add(record.lsn // SEGMENT * SEGMENT)
        assert types.keys() >= RECORD_NUMBERS.keys() - {"CHECKPOINT"}
    # of segments that hold the same types of records, one is enough
    wanted = {min(found) for found in types.values()}
    places = {str(s.first_lsn): (Path(s.path), 0, SEGMENT) for s in full if s.first_lsn in wanted}
    yield Target(copy, whole, places, unused)


def test_a_flip_in_a_full_segment_is_an_error_or_nothing(logged: Target) -> None:
    """Valid log follows, so nothing can be taken for the end that a crash has left: all rows, or an error."""
    assert len(logged.places) >= 3
    print(len(logged.places), "segments")
    for name, (path, _, length) in logged.places.items():
        first = int(name)
        offsets = list(range(length)) if EVERY else [*range(0, 104, 13), *range(104, length, length // 8)]
        assert flip(logged, "segment", path, offsets, -first) > 0
