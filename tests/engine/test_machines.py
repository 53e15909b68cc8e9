"""State machines: random programs on trees and on transactions, beside a dict; closing, kills and losses of power are steps.

Hypothesis shrinks a program that goes wrong to a short one, and prints it.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

import engine
from engine.storage.file_memory import MemoryFileSystem
from engine.storage.file_recording import RecordingFileSystem
from tests.conftest import CHECKED_BUILD
from tests.crash.disk import Disk
from tests.crash.states import CHOICES

PATH = "/db.ank"
OPTIONS: dict[str, Any] = {
    "page_size": 4096,
    "pool_bytes": 1 << 20,
    "segment_size": 32 << 10,
    "checkpoint_bytes": 0,
    "synchronous": "full",
}
PROGRAMS = settings(
    max_examples=int(os.environ.get("ANOKURO_PROGRAMS", "5" if CHECKED_BUILD else "25")), stateful_step_count=40
)

# Few keys, so that they meet; among them the empty one, a prefix of another, and the longest.
KEYS = st.one_of(st.integers(0, 30).map(lambda i: b"%02d" % i), st.sampled_from([b"", b"\0", b"1", b"\xff" * 512]))
VALUES = st.one_of(st.binary(max_size=8), st.integers(0, 9000).map(lambda n: b"v" * n))
BOUNDS = st.one_of(st.none(), KEYS)
UNIVERSE = {b"%02d" % i for i in range(31)} | {b"", b"\0", b"1", b"\xff" * 512}


def within(
    state: dict[bytes, bytes], start: bytes | None, stop: bytes | None, reverse: bool
) -> list[tuple[bytes, bytes]]:
    """What a scan of [start, stop) gives."""
    items = sorted(state.items(), reverse=reverse)
    return [(k, v) for k, v in items if is_within(k, start, stop)]


def is_within(key: bytes, start: bytes | None, stop: bytes | None) -> bool:
    return (start is None or key >= start) and (stop is None or key < stop)


class Stored(RuleBasedStateMachine):
    """A database that can be closed, killed and robbed of its power; everything committed must be there again."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes | None] = {}
        self.state: dict[bytes, bytes] = {}
        self.open()

    def open(self) -> None:
        self.fs = RecordingFileSystem(MemoryFileSystem(self.files))
        self.db = engine.open(PATH, fs=self.fs, **OPTIONS)
        self.tree = self.db.tree("t")

    def judge(self) -> None:
        assert self.db.check() == []
        assert dict(self.tree.scan()) == self.state

    def forget(self) -> None:
        """What is open is lost."""

    @rule()
    def reopen(self) -> None:
        self.forget()
        self.db.close()
        self.files = self.fs.inner.contents()
        self.open()
        self.judge()

    @rule()
    def kill(self) -> None:
        """The process ends; the operating system has all that was written."""
        self.files = self.fs.inner.contents()
        self.forget()
        self.db.close()
        self.open()
        self.judge()

    @rule(choice=st.sampled_from(sorted(CHOICES)), seed=st.integers(0, 1 << 20))
    def lose_power(self, choice: str, seed: int) -> None:
        """The disk keeps what was synced, and of the rest what the choice says."""
        disk = Disk(self.files)
        for operation in list(self.fs.operations):
            disk.play(operation)
        self.forget()
        self.db.close()
        self.files = disk.image(CHOICES[choice](disk.pending, random.Random(seed)), choice).file_system().contents()
        self.open()
        self.judge()

    @rule()
    def checkpoint(self) -> None:
        self.db.checkpoint()

    @rule()
    def vacuum(self) -> None:
        self.db.vacuum()
        assert self.db.store.file.size() <= (self.db.stats()["slots_used"] + 8) * OPTIONS["page_size"]

    def teardown(self) -> None:
        self.forget()
        self.judge()
        self.db.close()


class TreeMachine(Stored):
    """Operations on a tree, each a transaction of its own."""

    @rule(key=KEYS, value=VALUES)
    def put(self, key: bytes, value: bytes) -> None:
        self.tree.put(key, value)
        self.state[key] = value

    @rule(pairs=st.lists(st.tuples(KEYS, VALUES), max_size=12))
    def put_many(self, pairs: list[tuple[bytes, bytes]]) -> None:
        assert self.tree.put_many(pairs) == len(dict(pairs))
        self.state.update(pairs)

    @rule(key=KEYS)
    def delete(self, key: bytes) -> None:
        assert self.tree.delete(key) == (key in self.state)
        self.state.pop(key, None)

    @rule(start=BOUNDS, stop=BOUNDS)
    def delete_range(self, start: bytes | None, stop: bytes | None) -> None:
        gone = within(self.state, start, stop, False)
        assert self.tree.delete_range(start, stop) == len(gone)
        for key, _ in gone:
            del self.state[key]

    @rule(keys=st.lists(KEYS, max_size=6))
    def get(self, keys: list[bytes]) -> None:
        assert self.tree.get_many(keys) == [self.state.get(key) for key in keys]
        assert [self.tree.get(key) for key in keys] == [self.state.get(key) for key in keys]

    @rule(start=BOUNDS, stop=BOUNDS, reverse=st.booleans())
    def scan(self, start: bytes | None, stop: bytes | None, reverse: bool) -> None:
        assert list(self.tree.scan(start, stop, reverse)) == within(self.state, start, stop, reverse)

    @invariant()
    def has_its_length(self) -> None:
        assert len(self.tree) == len(self.state)


@dataclass(eq=False)
class Model:
    """A transaction: what the engine has, what it sees, and what a commit of another would conflict with."""

    txn: Any
    isolation: str
    base: dict[bytes, bytes]
    began: int
    written: dict[bytes, bytes | None] = field(default_factory=dict)
    erased: set[bytes] = field(default_factory=set)  # all keys there can be in ranges that were deleted, there or not
    read: set[bytes] = field(default_factory=set)
    ranges: list[tuple[bytes | None, bytes | None]] = field(default_factory=list)
    saved: list[tuple[int, dict[bytes, bytes | None], set[bytes]]] = field(default_factory=list)

    def state(self) -> dict[bytes, bytes]:
        merged = {**{key: value for key, value in self.base.items() if key not in self.erased}, **self.written}
        return {key: value for key, value in merged.items() if value is not None}

    def conflicts(self, key: bytes) -> bool:
        if key in self.written or key in self.erased:
            return True
        if self.isolation == "snapshot":
            return False
        inside = any((a is None or key >= a) and (b is None or key < b) for a, b in self.ranges)
        return inside or key in self.read


class TransactionMachine(Stored):
    """Open transactions side by side; the model says which commits must be refused, and no other one may be."""

    transactions = Bundle("transactions")

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[set[bytes]] = []
        self.live: list[Model] = []

    @initialize(pairs=st.dictionaries(KEYS, VALUES, min_size=3))
    def fill(self, pairs: dict[bytes, bytes]) -> None:
        self.tree.put_many(pairs.items())
        self.state.update(pairs)

    def forget(self) -> None:
        for model in self.live:
            model.txn.rollback()
        self.live.clear()

    @rule(target=transactions, isolation=st.sampled_from(["serializable", "snapshot"]))
    def begin(self, isolation: str) -> Model:
        model = Model(self.db.begin(isolation=isolation), isolation, dict(self.state), len(self.commits))
        self.live.append(model)
        return model

    @rule(model=transactions, key=KEYS, value=VALUES)
    def put(self, model: Model, key: bytes, value: bytes) -> None:
        if model in self.live:
            model.txn.tree("t").put(key, value)
            model.written[key] = value

    @rule(model=transactions, key=KEYS)
    def delete(self, model: Model, key: bytes) -> None:
        if model in self.live:
            there = key in model.state()
            assert model.txn.tree("t").delete(key) == there
            if key not in model.written and key not in model.erased:
                model.read.add(key)
            if there:
                model.written[key] = None

    @rule(model=transactions, key=KEYS)
    def get(self, model: Model, key: bytes) -> None:
        if model in self.live:
            assert model.txn.tree("t").get(key) == model.state().get(key)
            if key not in model.written and key not in model.erased:
                model.read.add(key)

    @rule(model=transactions, start=BOUNDS, stop=BOUNDS)
    def delete_range(self, model: Model, start: bytes | None, stop: bytes | None) -> None:
        if model not in self.live:
            return
        assert model.txn.tree("t").delete_range(start, stop) == len(within(model.state(), start, stop, False))
        if start is not None and stop is not None and start >= stop:
            return
        model.ranges.append((start, stop))
        model.written = {k: v for k, v in model.written.items() if not is_within(k, start, stop)}
        if any(is_within(key, start, stop) for key in model.base.keys() - model.erased):
            model.erased |= {key for key in UNIVERSE if is_within(key, start, stop)}

    @rule(model=transactions, start=BOUNDS, stop=BOUNDS, reverse=st.booleans())
    def scan(self, model: Model, start: bytes | None, stop: bytes | None, reverse: bool) -> None:
        if model in self.live:
            found = list(model.txn.tree("t").scan(start, stop, reverse))
            assert found == within(model.state(), start, stop, reverse)
            model.ranges.append((start, stop))

    @rule(model=transactions)
    def savepoint(self, model: Model) -> None:
        if model in self.live:
            model.saved.append((model.txn.savepoint(), dict(model.written), set(model.erased)))

    @rule(model=transactions, at=st.integers(0, 5), release=st.booleans())
    def roll_back_to(self, model: Model, at: int, release: bool) -> None:
        if model in self.live and model.saved:
            at %= len(model.saved)
            number, written, erased = model.saved[at]
            model.txn.rollback_to(number)
            model.written, model.erased = dict(written), set(erased)
            del model.saved[at + 1 :]
            if release:
                model.txn.release(number)
                del model.saved[at:]

    @rule(model=consumes(transactions))
    def commit(self, model: Model) -> None:
        if model not in self.live:
            return
        self.live.remove(model)
        later: set[bytes] = set().union(*self.commits[model.began :])
        if (model.written or model.erased) and any(model.conflicts(key) for key in later):
            with pytest.raises(engine.ConflictError):
                model.txn.commit()
            return
        model.txn.commit()
        self.apply(dict.fromkeys(model.erased) | model.written)

    @rule(model=consumes(transactions))
    def roll_back(self, model: Model) -> None:
        if model in self.live:
            self.live.remove(model)
            model.txn.rollback()

    @rule(key=KEYS, value=st.one_of(st.none(), VALUES))
    def change_alone(self, key: bytes, value: bytes | None) -> None:
        """A put or delete outside of all transactions, which they must notice."""
        if value is not None:
            self.tree.put(key, value)
            self.apply({key: value})
        elif self.tree.delete(key):
            self.apply({key: None})

    def apply(self, written: dict[bytes, bytes | None]) -> None:
        self.commits.append(set(written))
        for key, value in written.items():
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value

    @invariant()
    def what_is_not_committed_is_not_seen(self) -> None:
        assert dict(self.tree.scan()) == self.state


TestTree = TreeMachine.TestCase
TestTree.settings = PROGRAMS
TestTransactions = TransactionMachine.TestCase
TestTransactions.settings = PROGRAMS
