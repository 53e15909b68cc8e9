"""A store in plain Python with the interface of `engine.txn`, for tests of the layers above it.

Every key keeps the list of its committed versions; a transaction reads the newest one at its snapshot and keeps its
own writes in a dictionary until it commits. Validation is first-committer-wins, and for `serializable` also that
nothing was committed inside a range the transaction read.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from engine.base.errors import ConflictError, InterfaceError, LimitError, ReadOnlyError

KEY_LIMIT = 1024
_FIRST_FREE_TREE = 16


class FakeTree:
    """Keys in order, each with its versions [(version, value or None)]."""

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.versions: dict[bytes, list[tuple[int, bytes | None]]] = {}

    def get(self, key: bytes, version: int) -> bytes | None:
        for at, value in reversed(self.versions.get(key, ())):
            if at <= version:
                return value
        return None

    def put(self, key: bytes, value: bytes | None, version: int) -> None:
        chain = self.versions.get(key)
        if chain is None:
            chain = self.versions[key] = []
            insort(self.keys, key)
        chain.append((version, value))

    def range(self, start: bytes | None, stop: bytes | None) -> list[bytes]:
        low = 0 if start is None else bisect_left(self.keys, start)
        high = len(self.keys) if stop is None else bisect_left(self.keys, stop)
        return self.keys[low:high]


class FakeStore:
    """See the module."""

    def __init__(self) -> None:
        self.version = 0
        self.trees: dict[int, FakeTree] = {0: FakeTree(), 1: FakeTree()}
        self.next_tree = _FIRST_FREE_TREE
        self.commits: list[tuple[int, int, bytes]] = []  # version, tree, key
        self.mutex = threading.Lock()
        self.options = SimpleNamespace(memtable_bytes=1 << 30, query_memory=1 << 30)

    def check_pair(self, key: bytes, value: bytes) -> None:
        if len(key) > KEY_LIMIT:
            raise LimitError(f"a key has at most {KEY_LIMIT} bytes, this one has {len(key)}")

    def begin(self, isolation: str | None = None, readonly: bool = False) -> FakeTransaction:
        return FakeTransaction(self, isolation or "serializable", readonly)


class FakeTransaction:
    """See the module; one thread at a time may use it."""

    def __init__(self, store: FakeStore, isolation: str, readonly: bool) -> None:
        self.store = store
        self.isolation = isolation
        self.readonly = readonly
        with store.mutex:
            self.snapshot_lsn = store.version
            self._commits_seen = len(store.commits)
        self.is_open = True
        self._writes: dict[int, dict[bytes, bytes | None]] = {}
        self._reads: list[tuple[int, bytes | None, bytes | None]] = []
        self._undo: list[tuple[int, bytes, bool, bytes | None]] = []
        self._savepoints: dict[int, int] = {}

    def _check(self, write: bool = False) -> None:
        if not self.is_open:
            raise InterfaceError("the transaction is over")
        if write and self.readonly:
            raise ReadOnlyError("the transaction is read-only")

    def _look(self, tree: int, key: bytes) -> bytes | None:
        own = self._writes.get(tree)
        if own is not None and key in own:
            return own[key]
        found = self.store.trees.get(tree)
        return None if found is None else found.get(key, self.snapshot_lsn)

    def get(self, tree: int, key: bytes) -> bytes | None:
        self._check()
        if not self.readonly:
            self._reads.append((tree, key, key + b"\0"))
        return self._look(tree, key)

    def get_many(self, tree: int, keys: list[bytes]) -> list[bytes | None]:
        return [self.get(tree, key) for key in keys]

    def _write(self, tree: int, key: bytes, value: bytes | None) -> None:
        own = self._writes.setdefault(tree, {})
        self._undo.append((tree, key, key in own, own.get(key)))
        own[key] = value

    def put(self, tree: int, key: bytes, value: bytes) -> None:
        self._check(write=True)
        self.store.check_pair(key, value)
        self._write(tree, bytes(key), bytes(value))

    def delete(self, tree: int, key: bytes) -> bool:
        self._check(write=True)
        existed = self.get(tree, key) is not None
        if existed:
            self._write(tree, key, None)
        return existed

    def erase(self, tree: int, key: bytes) -> None:
        self._check(write=True)
        self._write(tree, key, None)

    def delete_range(self, tree: int, start: bytes | None = None, stop: bytes | None = None) -> int:
        self._check(write=True)
        keys = [key for key, _ in self.scan(tree, start, stop)]
        for key in keys:
            self._write(tree, key, None)
        return len(keys)

    def scan(
        self, tree: int, start: bytes | None = None, stop: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        self._check()
        if not self.readonly:
            self._reads.append((tree, start, stop))
        found = self.store.trees.get(tree)
        keys = [] if found is None else found.range(start, stop)
        own = dict(self._writes.get(tree, {}))
        if own:
            inside = {k for k in own if (start is None or k >= start) and (stop is None or k < stop)}
            keys = sorted(inside.union(keys))
        return self._scan(found, reversed(keys) if reverse else iter(keys), own)

    def _scan(
        self, found: FakeTree | None, keys: Iterator[bytes], own: dict[bytes, bytes | None]
    ) -> Iterator[tuple[bytes, bytes]]:
        for key in keys:
            value = own[key] if key in own else found.get(key, self.snapshot_lsn) if found else None
            if value is not None:
                yield key, value

    def estimate(self, tree: int) -> float:
        """How many keys the tree has; here exactly."""
        return float(self.count(tree))

    def count(self, tree: int, start: bytes | None = None, stop: bytes | None = None) -> int:
        return sum(1 for _ in self.scan(tree, start, stop))

    def holds(self, tree: int, start: bytes | None, stop: bytes | None) -> bool:
        return next(self.scan(tree, start, stop), None) is not None

    def create_tree(self) -> int:
        self._check(write=True)
        tree = self.store.next_tree
        self.store.next_tree += 1
        self.store.trees[tree] = FakeTree()
        return tree

    def drop_tree(self, tree: int) -> None:
        self._check(write=True)
        for key, _ in list(self.scan(tree)):
            self._write(tree, key, None)

    def savepoint(self) -> int:
        self._check()
        number = len(self._savepoints) + 1
        self._savepoints[number] = len(self._undo)
        return number

    def rollback_to(self, savepoint: int) -> None:
        self._check()
        mark = self._savepoints[savepoint]
        while len(self._undo) > mark:
            tree, key, had, value = self._undo.pop()
            if had:
                self._writes[tree][key] = value
            else:
                del self._writes[tree][key]
        for number in [n for n in self._savepoints if n > savepoint]:
            del self._savepoints[number]

    def release(self, savepoint: int) -> None:
        for number in [n for n in self._savepoints if n >= savepoint]:
            del self._savepoints[number]

    def _validate(self) -> None:
        for _, tree, key in self.store.commits[self._commits_seen :]:
            if key in self._writes.get(tree, ()):
                raise ConflictError("another transaction wrote the same row first")
            if self.isolation != "serializable":
                continue
            for read_tree, start, stop in self._reads:
                if read_tree == tree and (start is None or key >= start) and (stop is None or key < stop):
                    raise ConflictError("another transaction wrote what this one had read")

    def commit(self) -> None:
        self._check()
        self.is_open = False
        if not any(self._writes.values()):
            return
        with self.store.mutex:
            self._validate()
            version = self.store.version + 1
            for tree, writes in self._writes.items():
                for key, value in writes.items():
                    self.store.trees[tree].put(key, value, version)
                    self.store.commits.append((version, tree, key))
            self.store.version = version

    def rollback(self) -> None:
        self._check()
        self.is_open = False

    def __enter__(self) -> FakeTransaction:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if not self.is_open:
            return
        if kind is None:
            self.commit()
        else:
            self.rollback()
