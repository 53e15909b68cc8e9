"""Transactions: a snapshot to read, a memtable to write, validation at commit.

    begin          get / scan                    commit
      |   snapshot S    memtable over snapshot     |  commit section: validate, apply the memtable as one batch
      +------------------------------------------->+--> publish --> wait for the log

Validation (optimistic, backward; Kung and Robinson, 1981): the transaction looks at every commit published after its
snapshot. A key that both wrote is a conflict: the first committer wins. Under `serializable` a key that the other wrote
and this one read, singly or inside a range it scanned, is one as well: the order of commits then is a serial order.
Under `snapshot` only writes count, so write skew is possible. A transaction that wrote nothing always succeeds: its
snapshot is a prefix of that order.

The store keeps what was committed (`history`) only while a transaction that can still write is older.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from engine.base.errors import ConflictError, InterfaceError, ReadOnlyError
from engine.base.options import ISOLATION
from engine.txn.memtable import MISSING, Memtable

if TYPE_CHECKING:
    from types import TracebackType

    from engine.txn.store import Store

Range = tuple[bytes | None, bytes | None]


class Transaction:
    """One transaction, used by one thread at a time. A context manager: commit on success, rollback on an exception."""

    def __init__(self, store: Store, isolation: str | None = None, readonly: bool = False) -> None:
        self.store = store
        self.isolation = isolation or store.options.isolation
        if self.isolation not in ISOLATION:
            raise InterfaceError(f"isolation {isolation!r}: one of {', '.join(ISOLATION)} is needed")
        self.readonly = readonly or store.is_readonly
        self.memtable = Memtable()
        self.created: dict[int, None] = {}
        self.dropped: dict[int, None] = {}
        self._tree_marks: list[tuple[dict[int, None], dict[int, None]]] = []
        self._reads: dict[int, set[bytes]] = {}
        self._ranges: dict[int, list[Range]] = {}
        self._tracks = not self.readonly and self.isolation == "serializable"
        self._roots: dict[int, int] = {}
        self.is_open = True
        self.commit_lsn: int | None = None
        if not self.readonly:
            store.enter_writer()
        try:
            self._snapshot = store.snapshot()
        except BaseException:
            if not self.readonly:
                store.leave_writer()
            raise
        self.snapshot_lsn = self._snapshot.lsn
        if not self.readonly:
            store.writer_at(self.snapshot_lsn)

    # --- reading ------------------------------------------------------------------------------------------------

    def _root(self, tree: int) -> int:
        """Root of the tree as the snapshot sees it; 0: the tree is empty or not there."""
        root = self._roots.get(tree)
        if root is None:
            if tree in self.created or tree in self.dropped:
                return 0
            root = self._roots[tree] = self.store.root_of(tree, self.snapshot_lsn)
        return root

    def _check(self) -> None:
        if not self.is_open:
            raise InterfaceError("the transaction has ended")

    def _check_use(self) -> None:
        """Raise InterfaceError where the transaction has ended, its database is closed, or this is the child of a fork."""
        self._check()
        self.store.check_open()

    def get(self, tree: int, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        self._check_use()
        found = self.memtable.get(tree, key)
        if found is not MISSING:
            return found  # type: ignore[return-value]
        if self._tracks:
            self._reads.setdefault(tree, set()).add(key)
        root = self._root(tree)
        return self.store.get(root, self.snapshot_lsn, key) if root and tree not in self.dropped else None

    def get_many(self, tree: int, keys: list[bytes]) -> list[bytes | None]:
        """The values of several keys, None where there is none."""
        return [self.get(tree, key) for key in keys]

    def scan(
        self, tree: int, start: bytes | None = None, stop: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """(key, value) of [start, stop) in key order, or backward; sees the writes made before the scan began."""
        self._check_use()
        if self._tracks:
            self._ranges.setdefault(tree, []).append((start, stop))
        root = self._root(tree)
        own = self.memtable.range(tree, start, stop, reverse)
        if not root or tree in self.dropped:
            return iter([(key, value) for key, value in own if value is not None])
        base: Iterator[tuple[bytes, bytes]] = self.store.scan(root, self._snapshot, start, stop, reverse)
        return _merge(base, own, reverse) if own else base

    def count(self, tree: int, start: bytes | None = None, stop: bytes | None = None) -> int:
        """How many keys lie in [start, stop)."""
        self._check_use()
        if self._tracks:
            self._ranges.setdefault(tree, []).append((start, stop))
        root = self._root(tree) if tree not in self.dropped else 0
        total = self.store.count(root, self.snapshot_lsn, start, stop) if root else 0
        for key, value in self.memtable.range(tree, start, stop, False):
            there = bool(root) and self.store.get(root, self.snapshot_lsn, key) is not None
            total += (value is not None) - there
        return total

    # --- writing ------------------------------------------------------------------------------------------------

    def _check_write(self) -> None:
        self._check_use()
        if self.readonly:
            raise ReadOnlyError("the transaction is read-only")

    def put(self, tree: int, key: bytes, value: bytes) -> None:
        """Insert or replace."""
        if not self.is_open or self.readonly:
            self._check_write()
        self.store.check_pair(key, value)
        self.memtable.set(tree, key, value)

    def delete(self, tree: int, key: bytes) -> bool:
        """Delete; whether the key was there."""
        self._check_write()
        self.store.check_key(key)
        if self.get(tree, key) is None:
            return False
        self.memtable.set(tree, key, None)
        return True

    def create_tree(self) -> int:
        """A new, empty tree; its id, which is never used again."""
        self._check_write()
        tree = self.store.new_tree_id()
        self.created[tree] = None
        return tree

    def drop_tree(self, tree: int) -> None:
        """Drop a tree and all in it."""
        self._check_write()
        self.memtable.forget_tree(tree)
        if tree in self.created:
            del self.created[tree]
        else:
            self.dropped[tree] = None

    def savepoint(self) -> int:
        """Mark the present state; returns a number for rollback_to and release."""
        self._check_use()
        number = self.memtable.savepoint()
        del self._tree_marks[number:]
        self._tree_marks.append((dict(self.created), dict(self.dropped)))
        return number

    def rollback_to(self, savepoint: int) -> None:
        """Undo everything since the savepoint, which stays."""
        self._check_use()
        self.memtable.rollback_to(savepoint)
        created, dropped = self._tree_marks[savepoint]
        self.created, self.dropped = dict(created), dict(dropped)
        del self._tree_marks[savepoint + 1 :]

    def release(self, savepoint: int) -> None:
        """Forget a savepoint and those after it; what was done stays."""
        self._check_use()
        self.memtable.release(savepoint)
        del self._tree_marks[savepoint:]

    # --- the end ------------------------------------------------------------------------------------------------

    def commit(self) -> None:
        """Make the writes permanent. Raises ConflictError (nothing was changed: run the transaction again)."""
        self._check()
        try:
            writes = self.memtable.writes()
            if writes or self.created or self.dropped:
                self.commit_lsn = self.store.commit(writes, list(self.created), list(self.dropped), self._validate)
        finally:
            self._end()

    def rollback(self) -> None:
        """Forget the writes; nothing else has happened."""
        self._check()
        self._end()

    def _end(self) -> None:
        self.is_open = False
        self._snapshot.close()
        if not self.readonly:
            self.store.leave_writer(self.snapshot_lsn)

    def _validate(self) -> None:
        """Inside the commit section: compare with every commit since the snapshot."""
        for lsn, writes, dropped in self.store.history:
            if lsn <= self.snapshot_lsn:
                continue
            for tree, key, _ in writes:
                if self._conflicts(tree, key):
                    raise ConflictError("another transaction changed what this one read or wrote; run it again")
            for tree in dropped:
                if self.memtable.touches(tree) or tree in self._reads or tree in self._ranges or tree in self.dropped:
                    raise ConflictError("another transaction dropped what this one uses; run it again")

    def _conflicts(self, tree: int, key: bytes) -> bool:
        if self.memtable.has(tree, key) or tree in self.dropped:
            return True
        if not self._tracks:
            return False
        if key in self._reads.get(tree, ()):
            return True
        for start, stop in self._ranges.get(tree, ()):
            if (start is None or key >= start) and (stop is None or key < stop):
                return True
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_open:
            if kind is None:
                self.commit()
            else:
                self.rollback()

    def __del__(self) -> None:
        if getattr(self, "is_open", False) and hasattr(self, "snapshot_lsn"):
            self.is_open = False
            self._snapshot.close()
            if not self.readonly:
                self.store.abandon_writer(self.snapshot_lsn)


def _merge(
    base: Iterator[tuple[bytes, bytes]], own: list[tuple[bytes, bytes | None]], reverse: bool
) -> Iterator[tuple[bytes, bytes]]:
    """The tree's pairs with the transaction's own writes laid over them."""
    at = 0
    for key, value in base:
        while at < len(own) and (own[at][0] > key if reverse else own[at][0] < key):
            mine = own[at][1]
            if mine is not None:
                yield own[at][0], mine
            at += 1
        if at < len(own) and own[at][0] == key:
            mine = own[at][1]
            at += 1
            if mine is not None:
                yield key, mine
        else:
            yield key, value
    for mine_key, mine in own[at:]:
        if mine is not None:
            yield mine_key, mine
