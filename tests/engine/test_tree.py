"""The tree interface against a dict: keys and values of every shape, all page sizes, a pool that is too small, reopening.

The model is a dict and its sorted keys. Every run ends with a full check. Seeds are part of the tests' names.
"""

from __future__ import annotations

import errno
import gc
import random
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

import engine
from engine.storage.file_faulty import Fault, FaultyFileSystem
from engine.storage.file_memory import MemoryFileSystem

PATH = "/db/tree.ank"
POOL = 1 << 20
SCALE = 1
Keys = Callable[[random.Random, int], bytes]


def random_key(rng: random.Random, limit: int) -> bytes:
    return rng.randbytes(rng.choice((1, 2, 4, 8, 16, 40)))


def number_key(rng: random.Random, limit: int) -> bytes:
    return rng.randrange(4000).to_bytes(8, "big")


def prefix_key(rng: random.Random, limit: int) -> bytes:
    shared = rng.choice((0, 3, limit // 2, limit - 4))
    return b"p" * shared + rng.randrange(300).to_bytes(4, "big")


def edge_key(rng: random.Random, limit: int) -> bytes:
    """Few different bytes, so that keys are prefixes of each other, with lengths at the limits."""
    return bytes(rng.choice((0, 0xFF)) for _ in range(rng.choice((0, 1, 2, 3, 4, 5, 6, 9)))) + rng.choice(
        (b"", b"\x00" * (limit - 9), b"\xff" * (limit - 9), b"\x00" * 4, b"a")
    )


def long_key(rng: random.Random, limit: int) -> bytes:
    return (b"%03d" % rng.randrange(400)).ljust(limit - rng.randrange(3), rng.choice((b"\x00", b"z", b"\xff")))


KEYS: dict[str, Keys] = {
    "random": random_key,
    "number": number_key,
    "prefix": prefix_key,
    "edge": edge_key,
    "long": long_key,
}


def value_of(rng: random.Random, page_size: int) -> bytes:
    kind = rng.random()
    if kind < 0.1:
        return b""
    if kind < 0.75:
        return rng.randbytes(rng.randrange(60))
    if kind < 0.93:
        return rng.randbytes(rng.randrange(page_size // 4 + 1))
    if kind < 0.97:
        return rng.randbytes(page_size // 4 + rng.choice((0, 1)))
    return rng.randbytes(rng.randrange(3 * page_size))


@dataclass
class Model:
    """The tree under test beside the dict that says what it holds."""

    kv: Any
    rng: random.Random
    make: Keys
    page_size: int
    data: dict[bytes, bytes] = field(default_factory=dict)
    _order: list[bytes] = field(default_factory=list)
    _dirty: bool = True

    def key(self) -> bytes:
        if self.data and self.rng.random() < 0.5:
            return self.rng.choice(self.order())
        return self.make(self.rng, self.page_size // 8)

    def order(self) -> list[bytes]:
        if len(self._order) != len(self.data) or self._dirty:
            self._order = sorted(self.data)
            self._dirty = False
        return self._order

    def step(self) -> None:
        """One random operation on both, with the answers compared."""
        self.rng.choices(
            (self.put, self.delete, self.read, self.put_many, self.scan, self.delete_range),
            (10, 6, 6, 1, 1, 0.15),
        )[0]()

    def put(self) -> None:
        key, value = self.key(), value_of(self.rng, self.page_size)
        self.kv.put(key, value)
        self._dirty |= key not in self.data
        self.data[key] = value

    def delete(self) -> None:
        key = self.key()
        assert self.kv.delete(key) == (key in self.data)
        self._dirty |= self.data.pop(key, None) is not None

    def put_many(self) -> None:
        pairs = [(self.key(), value_of(self.rng, self.page_size)) for _ in range(self.rng.randrange(80))]
        assert self.kv.put_many(pairs) == len(dict(pairs))
        self.data.update(pairs)
        self._dirty = True

    def delete_range(self) -> None:
        """Many neighbours go, so that pages merge."""
        order = self.order()
        at = self.rng.randrange(len(order) + 1)
        for key in order[at : at + 150]:
            assert self.kv.delete(key)
            del self.data[key]
        self._dirty = True

    def read(self) -> None:
        keys = [self.key() for _ in range(5)]
        assert self.kv.get(keys[0], b"none") == self.data.get(keys[0], b"none")
        assert (keys[1] in self.kv) == (keys[1] in self.data)
        assert self.kv.get_many(keys) == [self.data.get(key) for key in keys]

    def scan(self) -> None:
        """A range in both directions; one in four scans everything."""
        order = self.order()
        start = self.key() if self.rng.random() < 0.75 else None
        stop = self.key() if self.rng.random() < 0.75 else None
        low = 0 if start is None else bisect_left(order, start)
        high = len(order) if stop is None else bisect_left(order, stop)
        wanted = [(key, self.data[key]) for key in order[low:high]]
        assert list(self.kv.scan(start, stop)) == wanted
        assert list(self.kv.scan(start, stop, reverse=True)) == wanted[::-1]

    def verify(self) -> None:
        """Everything is there, in order, and nothing else."""
        wanted = [(key, self.data[key]) for key in self.order()]
        assert list(self.kv.scan()) == wanted
        assert list(self.kv.scan(reverse=True)) == wanted[::-1]
        assert len(self.kv) == len(wanted)


def open_memory(memory: MemoryFileSystem, **options: Any) -> Any:
    options = {"pool_bytes": POOL, "synchronous": "off", "segment_size": 1 << 20, **options}
    return engine.open(PATH, fs=memory, **options)


@pytest.fixture
def memory() -> MemoryFileSystem:
    return MemoryFileSystem({"/db": None})


@pytest.mark.parametrize("page_size", [4096, 8192, 65536])
@pytest.mark.parametrize("keys", KEYS)
def test_random_operations(memory: MemoryFileSystem, page_size: int, keys: str) -> None:
    rng = random.Random(f"{keys} {page_size}")
    db = open_memory(memory, page_size=page_size)
    model = Model(db.tree("t"), rng, KEYS[keys], page_size)
    for number in range(600 * SCALE):
        model.step()
        if number % 150 == 149:
            model.verify()
            assert db.check() == []
        if number % 200 == 199:
            db.close() if rng.random() < 0.5 else db.checkpoint()
            if not db.closed:
                memory = crashed(memory)
            db = open_memory(memory)
            model.kv = db.tree("t")
            model.verify()
    assert db.check() == []
    db.close()


def crashed(memory: MemoryFileSystem) -> MemoryFileSystem:
    """The files as they are now, without those who have them open."""
    return MemoryFileSystem(memory.contents())


# --- a pool that is too small ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("page_size", [4096, 8192, 65536])
def test_a_batch_larger_than_the_pool(memory: MemoryFileSystem, page_size: int) -> None:
    """Pages of the batch are written out and read again while it goes on changing them; no change may be lost."""
    rng = random.Random(page_size)
    db = open_memory(memory, page_size=page_size)
    kv = db.tree("t")
    data: dict[bytes, bytes] = {}
    for _ in range(2):
        pairs = [(rng.randbytes(8), rng.randbytes(rng.randrange(300))) for _ in range(12_000)]
        assert kv.put_many(pairs) == len(dict(pairs))
        data.update(pairs)
    assert db.stats()["evictions_dirty"] > 0
    assert dict(kv.scan()) == data
    assert db.check() == []
    again = open_memory(crashed_after(db, memory))
    assert dict(again.tree("t").scan()) == data
    assert again.check() == []
    again.close()
    db.close()


def crashed_after(db: Any, memory: MemoryFileSystem) -> MemoryFileSystem:
    """The files after a crash that spared the log."""
    db.store.log.sync()
    return crashed(memory)


def test_a_batch_that_fails_for_want_of_room_leaves_every_page(memory: MemoryFileSystem) -> None:
    """The disk fills up while the batch needs frames: the pages it had not changed yet are still there afterwards."""
    data = {number.to_bytes(4, "big"): bytes([number % 251]) * 300 for number in range(8000)}
    db = open_memory(memory)
    db.tree("t").put_many(data.items())
    db.close()
    rng = random.Random(5)
    for at in (0, 1, 5, 40):
        fault = Fault(("write",), at=1 << 60, error=errno.ENOSPC, forever=True, where="tree.ank")
        db = engine.open(
            PATH, fs=FaultyFileSystem(crashed(memory), fault), pool_bytes=POOL, synchronous="off", checkpoint_bytes=0
        )
        kv = db.tree("t")
        fault.where, fault.at = PATH, fault.seen + at
        changes = {key: rng.randbytes(300) for key in rng.sample(sorted(data), 3000)}
        with pytest.raises(engine.OperationalError):
            kv.put_many(changes.items())
        fault.at = 1 << 60
        assert db.check() == []
        assert dict(kv.scan()) == data
        kv.put_many(changes.items())
        assert dict(kv.scan()) == data | changes
        assert db.check() == []
        assert db.stats()["versions"] == 0
        db.close()


def test_ascending_and_descending_keys_of_the_maximal_length(memory: MemoryFileSystem) -> None:
    """Fences as long as keys: a page that gives cells away must have room for its new one."""
    db = open_memory(memory, page_size=4096)
    for name, numbers in (("up", range(300)), ("down", range(299, -1, -1))):
        kv = db.tree(name)
        data = {b"p" * 504 + b"%08d" % number: b"v" * (number % 90) for number in numbers}
        for key, value in data.items():
            kv.put(key, value)
        assert dict(kv.scan()) == data
    assert db.check() == []
    db.close()


def test_limits() -> None:
    with engine.open(":memory:", page_size=4096) as db:
        kv = db.tree("t")
        kv.put(b"k" * 512, b"")
        for call in (lambda: kv.put(b"k" * 513, b""), lambda: kv.put_many([(b"k" * 513, b"")])):
            with pytest.raises(engine.LimitError):
                call()
        wrong: Any
        for wrong in ("text", 7, None, bytearray(b"k")):
            with pytest.raises(engine.InterfaceError):
                kv.put(wrong, b"")
            with pytest.raises(engine.InterfaceError):
                kv.put(b"k", wrong)
            with pytest.raises(engine.InterfaceError):
                kv.get(wrong)
            with pytest.raises(engine.InterfaceError):
                kv.delete(wrong)
        assert kv.get(b"k" * 100_000) is None
        with db.begin() as txn:
            number = db.catalog.named_tree(txn.inner, "t")
            assert number is not None
            with pytest.raises(engine.LimitError):
                txn.inner.count(number, b"k" * 100_000)
        assert dict(kv.scan()) == {b"k" * 512: b""}


def test_long_values(memory: MemoryFileSystem) -> None:
    """Values of many pages: written, replaced by longer and shorter ones, deleted; the pages are reused."""
    rng = random.Random(3)
    db = open_memory(memory)
    kv = db.tree("t")
    sizes = (0, 1, 2047, 2048, 2049, 8143, 8144, 8145, 100_000, 3 << 20)
    for _ in range(2):
        for key in range(4):
            for size in rng.sample(sizes, 3):
                value = rng.randbytes(size)
                kv.put(b"%d" % key, value)
                assert kv.get(b"%d" % key) == value
                assert list(kv.scan(b"%d" % key, b"%d~" % key)) == [(b"%d" % key, value)]
        db.checkpoint()
    for key in range(4):
        assert kv.delete(b"%d" % key)
    db.checkpoint()
    assert db.check() == []
    pages = db.stats()["pages"]
    assert pages < 10, "pages of deleted values are free"
    db.close()


def test_a_scan_sees_the_state_in_which_it_began(memory: MemoryFileSystem) -> None:
    db = open_memory(memory)
    kv = db.tree("t")
    data = {b"%06d" % number: b"old" for number in range(3000)}
    kv.put_many(data.items())
    forward, backward = kv.scan(), kv.scan(reverse=True)
    first = [next(forward) for _ in range(10)], [next(backward) for _ in range(10)]
    for number in range(0, 3000, 3):
        kv.delete(b"%06d" % number)
        kv.put(b"%06d" % (number + 1), b"new" * 40)
        kv.put(b"x%06d" % number, b"more")
    assert first[0] + list(forward) == sorted(data.items())
    assert first[1] + list(backward) == sorted(data.items(), reverse=True)
    del forward, backward
    gc.collect()
    assert db.stats()["versions"] == 0
    assert db.check() == []
    db.close()
