"""Large transactions: what outgrows the memtable goes into pages, and is as much a transaction as any other."""

from __future__ import annotations

import os
import random
import resource
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import engine
from engine.storage.file_memory import MemoryFileSystem

PATH = "/db/large.ank"
OPTIONS: dict[str, Any] = {
    "page_size": 4096,
    "pool_bytes": 1 << 20,
    "memtable_bytes": 1 << 18,
    "synchronous": "off",
    "checkpoint_bytes": 0,
}


@pytest.fixture
def db() -> Iterator[Any]:
    database = engine.open(PATH, fs=MemoryFileSystem({"/db": None}), **OPTIONS)
    yield database
    assert database.check() == []
    assert database.stats()["versions"] == 0
    assert database.store.active_writers == 0 and database.store.large is None
    database.close()


def key(number: int) -> bytes:
    return b"%06d" % (number * 7919 % 1_000_000)


def everything(db: Any) -> dict[bytes, bytes]:
    return dict(db.tree("t").scan())


def grow(txn: Any, count: int = 5000, value: bytes = b"large" * 20) -> dict[bytes, bytes]:
    data = {key(number): value for number in range(count)}
    txn.tree("t").put_many(data.items())
    assert txn.inner.flushes > 2
    return data


@pytest.mark.parametrize("isolation", ["serializable", "snapshot"])
def test_it_commits_as_a_whole(db: Any, isolation: str) -> None:
    db.tree("t").put(b"old", b"1")
    reader = db.begin(readonly=True)
    with db.begin(isolation) as txn:
        data = grow(txn)
        assert everything(db) == {b"old": b"1"} == dict(reader.tree("t").scan())
        assert txn.tree("t").get(key(17)) == data[key(17)]
        assert len(txn.tree("t")) == 5001
        txn.tree("t").delete(b"old")
    assert everything(db) == data
    assert dict(reader.tree("t").scan()) == {b"old": b"1"}
    reader.rollback()


@pytest.mark.parametrize("end", ["rollback", "forgotten", "error"])
def test_it_is_undone_as_a_whole(db: Any, end: str) -> None:
    before = {b"%06d" % number: b"0" * 50 for number in range(3000)}
    db.tree("t").put_many(before.items())
    txn = db.begin()
    grow(txn)
    for number in range(0, 3000, 3):
        txn.tree("t").delete(b"%06d" % number)
    match end:
        case "rollback":
            txn.rollback()
        case "forgotten":
            del txn
        case _:
            with pytest.raises(ZeroDivisionError), txn:
                raise ZeroDivisionError
    assert everything(db) == before
    db.tree("t").put(b"after", b"1")
    assert db.tree("t").get(b"after") == b"1"


def test_it_sees_what_a_dict_would(db: Any) -> None:
    seed = 5
    rnd = random.Random(seed)
    model = {key(number): b"0" for number in range(500)}
    db.tree("t").put_many(model.items())
    with db.begin() as txn:
        tree = txn.tree("t")
        for step in range(12_000):
            k = key(rnd.randrange(1500))
            match rnd.randrange(8):
                case 0 | 1:
                    assert tree.delete(k) == (model.pop(k, None) is not None), (seed, step)
                case 2:
                    assert tree.get(k) == model.get(k), (seed, step)
                case _:
                    model[k] = rnd.randbytes(rnd.choice((5, 60, 2000)))
                    tree.put(k, model[k])
            if step % 1500 == 0:
                assert list(tree.scan()) == sorted(model.items()), (seed, step)
                assert list(tree.scan(reverse=True)) == sorted(model.items(), reverse=True)
        assert txn.inner.flushes > 5
    assert everything(db) == model


def test_a_scan_does_not_meet_what_is_written_meanwhile(db: Any) -> None:
    """Every row moved behind the scan, a hundred times as much as the memtable holds: each is seen once."""
    with db.begin() as txn:
        data = grow(txn)
        seen = []
        for k, value in txn.tree("t").scan():
            seen.append(k)
            txn.tree("t").put(b"z" + k, value)
            txn.tree("t").delete(k)
        assert seen == sorted(data)
    assert everything(db) == {b"z" + k: value for k, value in data.items()}


def test_one_that_is_in_conflict_says_so_when_it_grows(db: Any) -> None:
    for isolation in ("serializable", "snapshot"):
        txn = db.begin(isolation)
        txn.tree("t").get(b"x")
        txn.tree("t").put(b"y", b"")
        db.tree("t").put(b"x", isolation.encode())
        with pytest.raises(engine.ConflictError):
            grow(txn)
        assert not txn.is_open
        assert everything(db) == {b"x": isolation.encode()}


def test_smaller_ones_lose_against_it_where_they_met(db: Any) -> None:
    fill = {b"%06d" % number: b"0" * 100 for number in range(5000)}
    db.tree("t").put_many(fill.items())
    db.tree("v").put(b"", b"")
    near, far = db.begin(), db.begin()
    near.tree("t").get(b"000010")
    near.tree("v").put(b"near", b"")
    far.tree("t").get(b"004990")
    far.tree("v").put(b"far", b"")
    with db.begin() as txn:
        for _ in range(3):
            for number in range(1000):
                txn.tree("t").put(b"%06d" % number, b"1" * 100)
        assert txn.inner.flushes > 2
    with pytest.raises(engine.ConflictError):
        near.commit()
    far.commit()
    assert list(db.tree("v")) == [b"", b"far"]


def test_others_wait_and_the_same_thread_is_told(db: Any) -> None:
    db.tree("t").put(b"a", b"1")
    txn = db.begin()
    data = grow(txn)
    for deed in (lambda: db.tree("t").put(b"b", b""), db.checkpoint, lambda: db.execute("CREATE TABLE x (y INTEGER)")):
        with pytest.raises(engine.OperationalError, match="outgrown"):
            deed()
    started, done = threading.Event(), threading.Event()

    def other() -> None:
        started.set()
        db.tree("t").put(b"b", b"2")
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    started.wait()
    assert db.tree("t").get(b"a") == b"1"  # readers go on
    assert not done.is_set()
    txn.commit()
    thread.join()
    assert everything(db) == data | {b"a": b"1", b"b": b"2"}


def test_trees_that_come_and_go_in_it(db: Any) -> None:
    db.tree("gone").put_many((key(number), b"x" * 100) for number in range(500))
    db.execute("CREATE TABLE kept (a INTEGER PRIMARY KEY, b TEXT)")
    with db.begin() as txn:
        txn.execute("CREATE TABLE made (a INTEGER PRIMARY KEY, b TEXT)")
        txn.execute("CREATE INDEX made_b ON made (b)")
        txn.executemany("INSERT INTO made VALUES (?, ?)", ((number, f"name {number:06}") for number in range(4000)))
        assert txn.inner.flushes > 2
        txn.execute("CREATE TABLE brief (a INTEGER PRIMARY KEY, b TEXT)")
        txn.executemany("INSERT INTO brief VALUES (?, ?)", ((number, "b" * 50) for number in range(2000)))
        txn.execute("DROP TABLE brief")
        assert txn.execute("SELECT count(*) FROM made WHERE b >= 'name 003000'").fetchone() == (1000,)
    assert db.execute("SELECT a FROM made WHERE b = 'name 001234'").fetchall() == [(1234,)]
    with pytest.raises(engine.Error):
        db.execute("SELECT * FROM brief")


def test_a_savepoint_from_before_a_flush_ends_it(db: Any) -> None:
    with pytest.raises(engine.OperationalError, match="rolled back"), db.begin() as txn:
        first = txn.savepoint()
        grow(txn)
        second = txn.savepoint()
        txn.tree("t").put(b"x", b"")
        txn.rollback_to(second)
        assert txn.tree("t").get(b"x") is None
        txn.rollback_to(first)
    assert everything(db) == {}


@pytest.mark.parametrize("end", ["commit", "rollback", "open"])
def test_it_survives_or_not_as_a_whole(end: str) -> None:
    files = MemoryFileSystem({"/db": None})
    db = engine.open(PATH, fs=files, **OPTIONS)
    db.tree("t").put(b"old", b"1")
    txn = db.begin()
    data = grow(txn)
    if end == "commit":
        txn.commit()
    elif end == "rollback":
        txn.rollback()
        db.tree("t").put(b"later", b"2")
    db.store.log.sync()
    with engine.open(PATH, fs=MemoryFileSystem(files.contents()), **OPTIONS) as again:
        expected = {b"old": b"1"} | (data if end == "commit" else {}) | ({b"later": b"2"} if end == "rollback" else {})
        assert everything(again) == expected
        assert again.check() == []
    db.close()  # an open one is rolled back
    with engine.open(PATH, fs=files, **OPTIONS) as again:
        assert everything(again) == expected
        assert again.check() == []


# --- put_many of more than memory -----------------------------------------------------------------------------------


def test_put_many_streams_what_memory_does_not_hold(db: Any) -> None:
    """The iterable is taken run by run; what others see is all of it, or nothing."""
    tree = db.tree("t")
    taken, seen = 0, set()

    def pairs() -> Iterator[tuple[bytes, bytes]]:
        nonlocal taken
        for taken in range(1, 9001):
            if taken % 1000 == 0:
                seen.add((taken // 5000, db.stats()["log_appends"] > 100, len(tree)))
            yield key(taken), b"%d" % taken * 10

    assert tree.put_many(pairs()) == 9000
    assert {length for _, _, length in seen} == {0}, "nothing of it was seen before its end"
    assert (1, True, 0) in seen, "pages were changed while pairs still came"
    assert everything(db) == {key(n): b"%d" % n * 10 for n in range(1, 9001)}
    assert tree.put_many((key(n % 3000), b"again") for n in range(1, 9001)) >= 3000
    assert sum(value == b"again" for value in everything(db).values()) == 3000


@pytest.mark.parametrize("wrong", [RuntimeError("no more"), ("no pair",), (b"k" * 5000, b""), (1, 2)])
def test_a_stream_that_fails_is_undone_as_a_whole(db: Any, wrong: Any) -> None:
    tree = db.tree("t")
    tree.put(b"old", b"1")

    def pairs() -> Iterator[Any]:
        for number in range(6000):
            yield key(number), b"v" * 50
        if isinstance(wrong, Exception):
            raise wrong
        yield wrong

    with pytest.raises((RuntimeError, engine.InterfaceError, engine.LimitError)):
        tree.put_many(pairs())
    assert everything(db) == {b"old": b"1"}
    tree.put(b"new", b"2")
    with db.begin() as txn, pytest.raises((RuntimeError, engine.InterfaceError, engine.LimitError)):
        txn.tree("t").put_many(pairs())
    assert db.check() == []


def test_a_stream_makes_its_tree_and_waits_for_others(db: Any) -> None:
    other = db.begin()
    other.tree("u").put(b"x", b"1")
    assert db.tree("made by it").put_many((key(n), b"v" * 60) for n in range(5000)) == 5000
    with pytest.raises(engine.ConflictError):
        other.commit()  # both changed the catalog's pages, and a large transaction is known by pages
    assert len(db.tree("made by it")) == 5000


def test_a_transaction_of_many_rows() -> None:
    """A transaction many times its pool and its memory. `python -m tests.long large` has twenty million rows."""
    rows = int(os.environ.get("ANOKURO_LARGE_ROWS", "60000"))
    pool = (64 << 20) if rows > 1_000_000 else 1 << 20
    with tempfile.TemporaryDirectory() as directory:
        options = {"pool_bytes": pool, "memtable_bytes": pool // 2, "synchronous": "normal"}
        db = engine.open(os.path.join(directory, "l.ank"), **options)
        began = time.monotonic()
        with db.begin() as txn:
            tree = txn.tree("t")
            for number in range(rows):
                tree.put(b"%012d" % (number ^ 31), b"%0100d" % number)
                if number == rows // 2:
                    halfway = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        seconds = time.monotonic() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        log = sum(segment.size for segment in db.store.log.segments())
        print(
            f"\n{rows} rows in one transaction: {rows / seconds:,.0f} rows/s, peak of memory {peak / 1024:.0f} MiB "
            f"(halfway {halfway / 1024:.0f}), log {log / 2**20:.0f} MiB, file {db.store.file.size() / 2**20:.0f} MiB"
        )
        assert peak - halfway < 96 << 10, "memory does not grow with the rows"
        assert len(db.tree("t")) == rows
        assert db.tree("t").get(b"%012d" % 0) == b"%0100d" % 31
        began = time.monotonic()
        assert db.tree("s").put_many((b"%012d" % number, b"%0100d" % number) for number in range(rows)) == rows
        print(f"{rows} rows by put_many, in order: {rows / (time.monotonic() - began):,.0f} rows/s")
        assert len(db.tree("s")) == rows
        db.checkpoint()
        db.close()
