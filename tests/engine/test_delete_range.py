"""Deleting ranges: every shape of tree and range, beside a dict; inside transactions; against others that meet the range."""

from __future__ import annotations

import random
from typing import Any

import pytest

import engine
from engine.storage.file_memory import MemoryFileSystem
from engine.txn.ranges import covers, gaps, overlap, with_range

PATH = "/db/e.ank"
SMALL: dict[str, Any] = {"page_size": 4096, "pool_bytes": 1 << 20, "segment_size": 64 << 10, "checkpoint_bytes": 0}
Data = dict[bytes, bytes]


def opened(fs: Any, **options: Any) -> Any:
    return engine.open(PATH, fs=fs, **{**SMALL, **options})


def fresh() -> MemoryFileSystem:
    return MemoryFileSystem({"/db": None})


def remove(data: Data, start: bytes | None, stop: bytes | None) -> int:
    """What delete_range does, to a dict."""
    gone = [k for k in data if (start is None or k >= start) and (stop is None or k < stop)]
    for key in gone:
        del data[key]
    return len(gone)


def bound(rng: random.Random, keys: list[bytes]) -> bytes | None:
    """A key of the tree, something between keys, beyond them, or no bound."""
    kind = rng.randrange(8)
    if kind == 0:
        return None
    if kind == 1:
        return rng.choice((b"", b"\0", b"\xff" * 20, b"z"))
    key = rng.choice(keys)
    return key if kind < 5 else key + b"\0" if kind == 5 else key[: rng.randrange(len(key) + 1)]


LOADS: dict[str, Any] = {
    "small cells, three levels": lambda rng: {b"%06d" % i: b"v" * rng.randrange(40) for i in range(9000)},
    "two cells a page": lambda rng: {b"%05d" % i + b"k" * 400: rng.randbytes(1000) for i in range(300)},
    "long values": lambda rng: {b"%04d" % i: rng.randbytes(rng.choice((5, 700, 1500, 9000))) for i in range(250)},
    "long common prefixes": lambda rng: {
        b"p" * 300 + b"%03d" % (i // 40) + b"q" * 50 + b"%02d" % (i % 40): b"v" * 30 for i in range(2000)
    },
    "one leaf": lambda rng: {b"%02d" % i: b"v" for i in range(20)},
}


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("seed", range(4))
def test_any_range_of_any_tree(load: str, seed: int) -> None:
    """Load, delete ranges, check the tree, put keys back; then recover: from the log, and from a checkpoint."""
    rng = random.Random(f"{load}{seed}")
    fs = fresh()
    db = opened(fs, synchronous="off")
    full: Data = LOADS[load](rng)
    keys = sorted(full)
    tree = db.tree("t")
    tree.put_many(full.items())
    data = dict(full)
    for turn in range(12):
        start, stop = bound(rng, keys), bound(rng, keys)
        if rng.random() < 0.5 and start is not None:
            stop = keys[min(len(keys) - 1, keys.index(min(keys, key=lambda k: (k < start, k))) + rng.randrange(60))]
        assert tree.delete_range(start, stop) == remove(data, start, stop), (turn, start, stop)
        assert len(tree) == len(data)
        assert db.check() == [], (turn, start, stop)
        assert list(tree.scan()) == sorted(data.items())
        assert list(tree.scan(reverse=True)) == sorted(data.items(), reverse=True)
        some = [rng.randrange(len(keys)) for _ in range(3)]
        again = {keys[i]: full[keys[i]] for at in some for i in range(at, min(at + len(keys) // 12, len(keys)))}
        tree.put_many(again.items())
        data |= again
        if turn == 6:
            db.checkpoint()
    db.store.log.sync()
    crashed = MemoryFileSystem(fs.contents())
    db.close()
    for files in (crashed, fs):
        with opened(files) as db:
            assert db.check() == []
            assert dict(db.tree("t").scan()) == data


@pytest.mark.parametrize("count", [300, 40_000])
def test_everything(count: int) -> None:
    with opened(fresh(), synchronous="off") as db:
        tree = db.tree("t")
        tree.put_many((b"%06d" % i, b"v" * 50) for i in range(count))
        before = db.stats()["pages"]
        log = db.stats()["log_bytes"]
        assert tree.delete_range() == count
        assert db.stats()["log_bytes"] - log < 4000 + 100 * before
        assert len(tree) == 0
        assert db.check() == []
        assert db.stats()["pages"] < 12
        tree.put_many((b"%06d" % i, b"w") for i in range(count))
        assert len(tree) == count
        assert db.check() == []


def test_a_range_of_many_pages_costs_pages() -> None:
    """Log per deleted page, not per key; almost no page remains for what is gone."""
    with opened(fresh(), synchronous="off", pool_bytes=64 << 20) as db:
        tree = db.tree("t")
        tree.put_many((b"%06d" % i, b"v" * 20) for i in range(100_000))
        pages, log = db.stats()["pages"], db.stats()["log_bytes"]
        assert tree.delete_range(b"000100", b"099900") == 99_800
        assert db.stats()["log_bytes"] - log < 64 * pages + 50_000
        assert db.stats()["pages"] < 40
        assert db.check() == []


def test_an_empty_or_absent_range() -> None:
    with opened(fresh()) as db:
        tree = db.tree("t")
        assert tree.delete_range(b"a", b"b") == 0
        tree.put(b"b", b"1")
        end = db.stats()["log_bytes"]
        assert tree.delete_range(b"c", b"a") == 0
        assert tree.delete_range(b"b", b"b") == 0
        assert tree.delete_range(b"c") == 0
        assert tree.delete_range(None, b"b") == 0
        assert db.stats()["log_bytes"] == end, "nothing was deleted, nothing is logged"
        with pytest.raises(engine.InterfaceError):
            tree.delete_range("a", "b")
        with pytest.raises(engine.InterfaceError), db.begin() as txn:
            txn.tree("t").delete_range(1, 2)
    with pytest.raises(engine.InterfaceError):
        tree.delete_range()


def test_readers_see_the_old_state() -> None:
    with opened(fresh()) as db:
        tree = db.tree("t")
        pairs = [(b"%05d" % i, b"v" * 100) for i in range(4000)]
        tree.put_many(pairs)
        reader = db.begin(readonly=True)
        scan = tree.scan()
        assert next(scan) == pairs[0]
        tree.delete_range(b"00010", b"03990")
        tree.put(b"00500", b"new")
        assert list(reader.tree("t").scan()) == pairs
        assert list(scan) == pairs[1:]
        assert len(reader.tree("t")) == 4000
        assert len(tree) == 21
        reader.rollback()
        assert db.check() == []


# --- inside a transaction -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memtable_bytes", [64 << 20, 256 << 10])
@pytest.mark.parametrize("seed", range(6))
def test_own_writes_over_and_under_ranges(seed: int, memtable_bytes: int) -> None:
    """Puts, deletions, ranges and savepoints in random order, read back after each; with little memory the
    transaction becomes a large one on the way."""
    rng = random.Random(seed)
    with opened(fresh(), synchronous="off", memtable_bytes=memtable_bytes, pool_bytes=4 << 20) as db:
        data: Data = {b"%04d" % i: b"old" * rng.randrange(30) for i in range(0, 3000, 2)}
        db.tree("t").put_many(data.items())
        value = 900 if memtable_bytes < 1 << 20 else 30
        for _ in range(3):
            new = dict(data)
            txn = db.begin()
            tree = txn.tree("t")
            marks: list[tuple[int, Data]] = []
            for _ in range(120):
                kind = rng.randrange(12)
                at = rng.randrange(3000)
                key, stop = b"%04d" % at, b"%04d" % (at + rng.choice((1, 5, 80, 900)))
                if kind < 5:
                    for i in range(at, at + rng.randrange(12)):
                        new[b"%04d" % i] = b"new" * rng.randrange(value // 3)
                        tree.put(b"%04d" % i, new[b"%04d" % i])
                elif kind < 7:
                    assert tree.delete(key) == (new.pop(key, None) is not None)
                elif kind < 10:
                    low = None if kind == 9 and at < 60 else key
                    high = None if kind == 9 and at > 2900 else stop
                    assert tree.delete_range(low, high) == remove(new, low, high)
                elif kind == 10 and memtable_bytes > 1 << 20:
                    marks.append((txn.savepoint(), dict(new)))
                elif marks:
                    number, old = marks.pop(rng.randrange(len(marks)))
                    marks = [mark for mark in marks if mark[0] < number]
                    txn.rollback_to(number)
                    new = old
                assert tree.get(key) == new.get(key)
                assert len(tree) == len(new)
                wanted = sorted((k, v) for k, v in new.items() if key <= k < stop)
                assert list(tree.scan(key, stop)) == wanted
                assert list(tree.scan(key, stop, reverse=True)) == wanted[::-1]
            assert list(tree.scan()) == sorted(new.items())
            if rng.random() < 0.3:
                txn.rollback()
            else:
                txn.commit()
                data = new
            assert dict(db.tree("t").scan()) == data
            assert db.check() == []


def test_a_tree_made_in_the_transaction() -> None:
    with opened(fresh(), memtable_bytes=256 << 10) as db:
        with db.begin() as txn:
            tree = txn.tree("new")
            assert tree.delete_range() == 0
            for i in range(1000):
                tree.put(b"%04d" % i, b"v" * 400)
            assert tree.delete_range(b"0100", b"0990") == 890
            assert len(tree) == 110
        assert len(db.tree("new")) == 110
        assert db.check() == []


# --- against others -------------------------------------------------------------------------------------------------


def conflicting(db: Any, isolation: str, mine: Any, theirs: Any) -> bool:
    """Whether a transaction that does `mine` fails where `theirs` is committed meanwhile."""
    first = db.begin(isolation=isolation)
    mine(first.tree("t"))
    with db.begin(isolation=isolation) as other:
        theirs(other.tree("t"))
    first.tree("other").put(b"x", b"y")  # a transaction that wrote nothing never conflicts
    try:
        first.commit()
    except engine.ConflictError:
        return True
    return False


def erase(tree: Any) -> None:
    assert tree.delete_range(b"020", b"040") > 0


CASES: list[tuple[str, Any, bool, bool]] = [
    # what the other does, in the range of the first or not: conflict under serializable, under snapshot
    ("a put inside", lambda tree: tree.put(b"025", b"new"), True, True),
    ("a key that was not there", lambda tree: tree.put(b"025x", b"new"), True, True),
    ("a delete inside", lambda tree: tree.delete(b"025"), True, True),
    ("a range inside", lambda tree: tree.delete_range(b"030", b"031"), True, True),
    ("a range around", lambda tree: tree.delete_range(), True, True),
    ("a range that ends inside", lambda tree: tree.delete_range(b"010", b"021"), True, True),
    ("a put at the end", lambda tree: tree.put(b"040", b"new"), False, False),
    ("a put before", lambda tree: tree.put(b"01z", b"new"), False, False),
    ("a range that ends there", lambda tree: tree.delete_range(b"010", b"020"), False, False),
    ("a range that begins there", lambda tree: tree.delete_range(b"040", b"050"), False, False),
    ("a read inside", lambda tree: tree.get(b"025"), False, False),
]


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize(("name", "other", "serializable", "snapshot"), CASES, ids=[case[0] for case in CASES])
def test_a_range_is_a_write_of_every_key_in_it(
    name: str, other: Any, serializable: bool, snapshot: bool, single: bool
) -> None:
    """Both ways round; `single`: the other is an operation outside transactions."""
    for isolation, expected in (("serializable", serializable), ("snapshot", snapshot)):
        for turned in (False, True):
            with opened(fresh()) as db:
                db.tree("t").put_many((b"%03d" % i, b"v") for i in range(100))
                if single and not turned:
                    first = db.begin(isolation=isolation)
                    erase(first.tree("t"))
                    other(db.tree("t"))
                    try:
                        first.commit()
                        found = False
                    except engine.ConflictError:
                        found = True
                elif not turned:
                    found = conflicting(db, isolation, erase, other)
                else:
                    found = conflicting(db, isolation, other, erase)
                wanted = expected
                if turned and name == "a read inside":
                    wanted = isolation == "serializable"
                assert found == wanted, (isolation, turned)
                assert db.check() == []


def test_what_was_scanned_or_counted_conflicts_under_serializable() -> None:
    for isolation, wanted in (("serializable", True), ("snapshot", False)):
        for read in (lambda tree: list(tree.scan(b"039", b"050")), len, lambda tree: tree.get(b"0333")):
            with opened(fresh()) as db:
                db.tree("t").put_many((b"%03d" % i, b"v") for i in range(100))
                assert conflicting(db, isolation, read, erase) == wanted


def test_a_transaction_older_than_what_is_remembered_asks_the_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Far more ranges are deleted than are remembered singly."""
    with opened(fresh(), synchronous="off", pool_bytes=8 << 20) as db:
        db.tree("t").put_many((b"%05d" % i, b"v" * 30) for i in range(20_000))
        for key, wanted in ((b"10005", True), (b"00005", False)):
            old = db.begin()
            old.tree("t").put(key, b"mine")
            for i in range(1100):
                at = 10_000 + i
                assert db.tree("t").delete_range(b"%05d" % at, b"%05d" % (at + 1)) == (1 if wanted else 0)
                if not wanted:
                    db.tree("t").put(b"%05d" % at, b"back")
                    db.tree("t").delete_range(b"%05d" % at, b"%05d" % (at + 1))
            if wanted:
                with pytest.raises(engine.ConflictError):
                    old.commit()
            else:
                old.commit()
        assert db.check() == []


# --- the arithmetic of ranges ---------------------------------------------------------------------------------------


def test_ranges_are_what_sets_of_keys_say() -> None:
    rng = random.Random(3)
    keys = [b"%02d" % i for i in range(40)]

    def some() -> tuple[bytes, bytes | None]:
        at = rng.randrange(38)
        return keys[at], None if rng.random() < 0.08 else keys[rng.randrange(at + 1, 40)]

    def inside(key: bytes, low: bytes | None, high: bytes | None) -> bool:
        return (low is None or low <= key) and (high is None or key < high)

    for _ in range(500):
        ranges: tuple[tuple[bytes, bytes | None], ...] = ()
        held: set[bytes] = set()
        for _ in range(rng.randrange(8)):
            low, high = some()
            ranges = with_range(ranges, low, high)
            held |= {key for key in keys if inside(key, low, high)}
        assert list(ranges) == sorted(ranges)
        assert {key for key in keys if covers(ranges, key)} == held
        low, high = some()
        start = None if rng.random() < 0.1 else low
        assert overlap(ranges, [(start, high)]) == any(inside(key, start, high) for key in held)
        free = {key for key in keys if inside(key, start, high)} - held
        parts = gaps(ranges, start, high)
        assert {key for key in keys for a, b in parts if inside(key, a, b)} == free
