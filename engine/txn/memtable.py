"""What a transaction has written and not yet committed.

Per tree: the writes by key, and, for scans, the same keys in order. A savepoint remembers how far the undo list goes;
going back replays that list backward. The store takes the writes in key order when the transaction commits.

This is one transaction's own structure, used by one thread at a time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from engine.base.errors import InterfaceError

MISSING = object()
Write = tuple[int, bytes, bytes | None]


class Memtable:
    """Uncommitted writes of one transaction: (tree, key) -> value, or None for a deletion."""

    __slots__ = ("_order", "_savepoints", "_trees", "_undo")

    def __init__(self) -> None:
        self._trees: dict[int, dict[bytes, bytes | None]] = {}
        self._order: dict[int, list[bytes]] = {}
        self._undo: list[tuple[int, bytes, object]] = []
        self._savepoints: list[int] = []

    def __len__(self) -> int:
        return sum(map(len, self._trees.values()))

    def set(self, tree: int, key: bytes, value: bytes | None) -> None:
        """Note a write; `value` None is a deletion."""
        writes = self._trees.get(tree)
        if writes is None:
            writes = self._trees[tree] = {}
        if self._savepoints:
            self._undo.append((tree, key, writes.get(key, MISSING)))
        if self._order and key not in writes:
            self._order.pop(tree, None)
        writes[key] = value

    def get(self, tree: int, key: bytes) -> object:
        """The value written, None for a deletion, MISSING where the transaction did not write the key."""
        writes = self._trees.get(tree)
        return MISSING if writes is None else writes.get(key, MISSING)

    def touches(self, tree: int) -> bool:
        """Whether the transaction wrote to the tree."""
        return bool(self._trees.get(tree))

    def has(self, tree: int, key: bytes) -> bool:
        """Whether the transaction wrote the key."""
        writes = self._trees.get(tree)
        return writes is not None and key in writes

    def range(
        self, tree: int, start: bytes | None, stop: bytes | None, reverse: bool
    ) -> list[tuple[bytes, bytes | None]]:
        """The writes of [start, stop) in key order, as they are now."""
        writes = self._trees.get(tree)
        if not writes:
            return []
        order = self._order.get(tree)
        if order is None:
            order = self._order[tree] = sorted(writes)
        low = 0 if start is None else bisect_left(order, start)
        high = len(order) if stop is None else bisect_left(order, stop)
        keys = order[low:high]
        if reverse:
            keys.reverse()
        return [(key, writes[key]) for key in keys]

    def savepoint(self) -> int:
        """Mark the present state; returns the savepoint's number."""
        self._savepoints.append(len(self._undo))
        return len(self._savepoints) - 1

    def _check_savepoint(self, savepoint: int) -> None:
        if not 0 <= savepoint < len(self._savepoints):
            raise InterfaceError(f"there is no savepoint {savepoint}: it was released, or rolled back over")

    def rollback_to(self, savepoint: int) -> None:
        """Undo every write since the savepoint, which stays."""
        self._check_savepoint(savepoint)
        mark = self._savepoints[savepoint]
        del self._savepoints[savepoint + 1 :]
        while len(self._undo) > mark:
            tree, key, old = self._undo.pop()
            writes = self._trees[tree]
            if old is MISSING:
                del writes[key]
                self._order.pop(tree, None)
            else:
                writes[key] = old  # type: ignore[assignment]

    def release(self, savepoint: int) -> None:
        """Forget the savepoint and those after it; the writes stay."""
        self._check_savepoint(savepoint)
        del self._savepoints[savepoint:]
        if not self._savepoints:
            self._undo.clear()

    def forget_tree(self, tree: int) -> None:
        """The tree is dropped: its writes go with it."""
        for key in list(self._trees.get(tree, ())):
            if self._savepoints:
                self._undo.append((tree, key, self._trees[tree][key]))
            del self._trees[tree][key]
        self._order.pop(tree, None)

    def writes(self) -> list[Write]:
        """Everything, by tree and key: the order in which a commit applies it."""
        return [(tree, key, writes[key]) for tree, writes in sorted(self._trees.items()) for key in sorted(writes)]

    def keys(self) -> Iterator[tuple[int, bytes]]:
        """Every (tree, key) written."""
        for tree, writes in self._trees.items():
            for key in writes:
                yield tree, key
