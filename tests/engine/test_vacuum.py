"""File space given back: by VACUUM, by checkpoints, beside readers and writers; what is needed is never cut off."""

from __future__ import annotations

import errno
import random
import threading
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.storage.file_faulty import Fault, FaultyFileSystem
from engine.storage.file_memory import MemoryFileSystem

PATH = "/db/v.ank"
PAGE = 4096
SMALL: dict[str, Any] = {"page_size": PAGE, "pool_bytes": 1 << 20, "segment_size": 64 << 10, "checkpoint_bytes": 0}


def opened(fs: Any, **options: Any) -> Any:
    return engine.open(PATH, fs=fs, **{**SMALL, **options})


def fresh() -> MemoryFileSystem:
    return MemoryFileSystem({"/db": None})


def pairs(start: int, stop: int, size: int = 900) -> list[tuple[bytes, bytes]]:
    return [(b"%06d" % i, bytes([i % 251]) * size) for i in range(start, stop)]


def shrunk(db: Any, keep: range, count: int) -> dict[bytes, bytes]:
    """Load `count` pairs, delete all but those of `keep`; what must be left."""
    tree = db.tree("t")
    tree.put_many(pairs(0, count))
    db.checkpoint()
    with db.begin() as txn:
        for i in range(count):
            if i not in keep:
                txn.tree("t").delete(b"%06d" % i)
    return {key: value for key, value in pairs(0, count) if int(key) in keep}


def slots(db: Any) -> int:
    size: int = db.store.file.size()
    assert size % PAGE == 0
    return size // PAGE


@pytest.mark.parametrize("pool_bytes", [1 << 20, 16 << 20])
@pytest.mark.parametrize("keep", [range(100), range(1900, 2000), range(0, 2000, 20), range(0)])
def test_vacuum_cuts_the_file_to_what_is_used(keep: range, pool_bytes: int) -> None:
    fs = fresh()
    with opened(fs, pool_bytes=pool_bytes) as db:
        left = shrunk(db, keep, 2000)
        done = db.vacuum()
        assert done.bytes_before > 500 * PAGE
        assert done.bytes_after == db.store.file.size() == fs.size(PATH)
        assert done.bytes_given_back == done.bytes_before - done.bytes_after
        used = db.stats()["slots_used"]
        assert slots(db) <= used + 2 + 4, "but for a few, every slot of the file is in use"
        assert db.check() == []
        assert dict(db.tree("t").scan()) == left
        assert db.vacuum().bytes_given_back == 0
        crashed = MemoryFileSystem(fs.contents())
    for files in (fs, crashed):
        with opened(files) as db:
            assert db.check() == []
            assert dict(db.tree("t").scan()) == left


@pytest.mark.parametrize("sizes", [(20,), (900,), (0, 60, 3000)])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_pages_that_scattered_deletions_leave_thin_are_merged(share: float, sizes: tuple[int, ...]) -> None:
    """Into about half a page's load and more each, in trees with several levels; values and other trees are untouched."""
    rng = random.Random(f"{share} {sizes}")
    keys = [b"%08d" % i + b"k" * rng.randrange(60) for i in range(3000)]
    model = {key: rng.randbytes(rng.choice(sizes)) for key in keys}
    fs = fresh()
    with opened(fs, pool_bytes=4 << 20) as db:
        tree = db.tree("t")
        db.tree("other").put_many(pairs(0, 50))
        for key in rng.sample(keys, len(keys)):
            tree.put(key, model[key])
        with db.begin() as txn:
            for key in keys:
                if rng.random() < share:
                    txn.tree("t").delete(key)
                    del model[key]
        before, reader = db.stats()["pages"], db.begin(readonly=True)
        done = db.vacuum()
        assert db.check() == []
        assert dict(tree.scan()) == dict(reader.tree("t").scan()) == model
        reader.rollback()
        assert db.stats()["pages"] == before - done.pages_merged
        assert db.vacuum().pages_merged == 0
        (fills,) = zip(*db.execute("SELECT fill FROM sys.pages WHERE kind = 'leaf' AND owner = 'tree t'"), strict=True)
        assert len(fills) > 2
        assert sum(fills) / len(fills) > 0.5
        assert list(db.tree("other").scan()) == pairs(0, 50)
    with opened(fs) as db:
        assert dict(db.tree("t").scan()) == model


def test_pages_near_the_end_move() -> None:
    fs = fresh()
    with opened(fs) as db:
        shrunk(db, range(1990, 2000), 2000)
        assert db.vacuum().pages_moved > 0


def test_an_old_snapshot_reads_on() -> None:
    """What a reader began before the deletion sees is neither moved away nor cut off."""
    with opened(fresh()) as db:
        tree = db.tree("t")
        tree.put_many(pairs(0, 2000))
        db.checkpoint()
        reader = db.begin(readonly=True)
        with db.begin() as txn:
            for i in range(1990):
                txn.tree("t").delete(b"%06d" % i)
        db.vacuum()
        assert list(reader.tree("t").scan()) == pairs(0, 2000)
        assert db.check() == []
        with_reader = slots(db)
        reader.rollback()
        db.vacuum()
        assert slots(db) < with_reader // 4
        assert list(tree.scan()) == pairs(1990, 2000)


def test_commits_and_readers_go_on_meanwhile() -> None:
    """Threads write and read while one VACUUM follows the other; at the end everything is there."""
    fs = fresh()
    stop = threading.Event()
    failures: list[BaseException] = []
    with opened(fs, synchronous="off") as db:
        db.tree("t").put_many(pairs(0, 1500))
        model: dict[bytes, bytes] = {}

        def write() -> None:
            rng = random.Random(5)
            tree = db.tree("w")
            try:
                for round_ in range(100_000):
                    if stop.is_set() and round_ > 300:
                        return
                    key = b"%03d" % rng.randrange(300)
                    if rng.random() < 0.3:
                        tree.delete(key)
                        model.pop(key, None)
                    else:
                        model[key] = rng.randbytes(rng.choice((20, 800, 5000)))
                        tree.put(key, model[key])
            except BaseException as error:
                failures.append(error)

        def read() -> None:
            try:
                while not stop.is_set():
                    found = sum(1 for _ in db.tree("t").scan())
                    assert found in (1500, 100), found
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=write), threading.Thread(target=read)]
        for thread in threads:
            thread.start()
        for round_ in range(6):
            if round_ == 2:
                with db.begin() as txn:
                    for i in range(1400):
                        txn.tree("t").delete(b"%06d" % i)
            db.vacuum()
        stop.set()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        assert failures == []
        db.vacuum()
        assert db.check() == []
        assert dict(db.tree("w").scan()) == model
    with opened(fs) as db:
        assert dict(db.tree("w").scan()) == model
        assert list(db.tree("t").scan()) == pairs(1400, 1500)


def test_checkpoints_cut_what_was_long_not_needed() -> None:
    """Not at once, lest the file breathe; but after some checkpoints."""
    fs = fresh()
    with opened(fs) as db:
        shrunk(db, range(20), 2000)
        before = slots(db)
        sizes = []
        for i in range(40):
            db.tree("t").put(b"x", b"%d" % i)
            db.checkpoint()
            sizes.append(slots(db))
        assert sizes[0] >= before
        assert sizes[-1] < before // 4
        assert db.check() == []


def test_a_file_that_needs_its_room_keeps_it() -> None:
    """A third of the pages changes between checkpoints: the room for them is not given back each time."""
    with opened(fresh(), pool_bytes=16 << 20) as db:
        tree = db.tree("t")
        tree.put_many(pairs(0, 2000))
        sizes = set()
        for i in range(16):
            tree.put_many(pairs(0, 700, 890 + i % 2))
            db.checkpoint()
            if i >= 4:
                sizes.add(slots(db))
        assert len(sizes) == 1, sizes


def test_vacuum_can_be_ended() -> None:
    """What the progress function raises comes out, and nothing is lost."""
    with opened(fresh()) as db:
        left = shrunk(db, range(1000, 1500), 2000)

        def progress(at: int, last: int) -> None:
            assert 0 < at < last
            if at > last // 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            db.vacuum(progress)
        assert db.check() == []
        assert dict(db.tree("t").scan()) == left
        db.vacuum()
        assert dict(db.tree("t").scan()) == left


def test_a_failed_cut_is_told_and_harmless() -> None:
    files = fresh()
    with opened(files) as db:
        left = shrunk(db, range(50), 2000)
    fs = FaultyFileSystem(files, Fault(("truncate",), 0, errno.EIO, where=PATH))
    db = opened(fs)
    with pytest.raises(engine.OperationalError):
        db.vacuum()
    assert dict(db.tree("t").scan()) == left
    assert db.check() == []
    db.vacuum()
    db.close()
    with opened(files) as db:
        assert dict(db.tree("t").scan()) == left


def test_the_statement(tmp_path: Path) -> None:
    with engine.open(tmp_path / "v.ank", page_size=PAGE, checkpoint_bytes=0) as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)")
        db.executemany("INSERT INTO t VALUES (?, ?)", [(i, "x" * 500) for i in range(3000)])
        db.checkpoint()
        db.execute("DELETE FROM t WHERE id >= 100")
        result = db.execute("VACUUM")
        assert result.columns == ("bytes_before", "bytes_after", "bytes_given_back", "pages_moved", "pages_merged")
        before, after, back, *_ = result.fetchone()
        assert before - after == back > 1_000_000
        assert (tmp_path / "v.ank").stat().st_size == after
        assert db.execute("SELECT count(*) FROM t").fetchone() == (100,)
        db.execute("BEGIN")
        with pytest.raises(engine.OperationalError, match="COMMIT first"):
            db.execute("VACUUM")
        db.execute("ROLLBACK")
        with pytest.raises(engine.NotSupportedError):
            db.execute("VACUUM t")
    with engine.open(tmp_path / "v.ank", readonly=True) as db, pytest.raises(engine.ReadOnlyError):
        db.execute("VACUUM")
