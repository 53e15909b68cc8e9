"""Transactions that are broken on purpose, to see that the checker notices.

Each stands between the clients and the engine and behaves as a transaction layer with one mistake in it: it reads from
transactions of its own at other states, leaves the engine's validation out, or commits in pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import engine
from tests.isolation.clients import TREE, EngineTransaction


class ReadsNotValidated(EngineTransaction):
    """Claims to be serializable and validates only what was written."""

    def __init__(self, db: engine.Database, isolation: str, readonly: bool) -> None:
        super().__init__(db, "snapshot", readonly)


class Beside(EngineTransaction):
    """Has a second, read-only transaction of the same state: what is read there the engine does not notice."""

    def __init__(self, db: engine.Database, isolation: str, readonly: bool) -> None:
        super().__init__(db, isolation, readonly)
        self.written: dict[bytes, bytes] = {}
        self.beside = db.begin(readonly=True)

    def put(self, key: bytes, value: bytes) -> None:
        self.written[key] = value
        super().put(key, value)

    def unnoticed_get(self, key: bytes) -> bytes | None:
        found: bytes | None = self.written.get(key) or self.beside.tree(TREE).get(key)
        return found

    def commit(self) -> None:
        self.beside.rollback()
        super().commit()

    def rollback(self) -> None:
        self.beside.rollback()
        super().rollback()


class RangesNotTracked(Beside):
    """Ranges that were scanned are not validated; single keys are."""

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        return iter(self.beside.tree(TREE).scan(start, stop))


class KeysNotTracked(Beside):
    """Single keys that were read are not validated; ranges are."""

    def get(self, key: bytes) -> bytes | None:
        return self.unnoticed_get(key)


class NoSnapshot(Beside):
    """Every read sees what is committed at that moment."""

    def get(self, key: bytes) -> bytes | None:
        with self.txn.database.begin(readonly=True) as now:
            found: bytes | None = self.written.get(key) or now.tree(TREE).get(key)
        return found


class SnapshotMoves(Beside):
    """The snapshot is taken again after the first read: a commit in between is seen in part."""

    reads = 0

    def get(self, key: bytes) -> bytes | None:
        self.reads += 1
        if self.reads == 2:
            self.beside.rollback()
            self.beside = self.txn.database.begin(readonly=True)
        return self.unnoticed_get(key)


class LastWriterWins(EngineTransaction):
    """Nothing is validated: the writes are put as they are, in one piece."""

    def __init__(self, db: engine.Database, isolation: str, readonly: bool) -> None:
        super().__init__(db, isolation, True)
        self.db = db
        self.written: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self.written.get(key) or super().get(key)

    def put(self, key: bytes, value: bytes) -> None:
        self.written[key] = value

    def commit(self) -> None:
        super().commit()
        self.db.tree(TREE).put_many(self.written.items())


class Dirty(EngineTransaction):
    """Writes are seen by others before the commit, and taken back at a rollback."""

    def __init__(self, db: engine.Database, isolation: str, readonly: bool) -> None:
        super().__init__(db, "snapshot", True)
        self.live = db.tree(TREE)
        self.before: dict[bytes, bytes | None] = {}

    def get(self, key: bytes) -> bytes | None:
        found: bytes | None = self.live.get(key)
        return found

    def put(self, key: bytes, value: bytes) -> None:
        self.before.setdefault(key, self.live.get(key))
        self.live.put(key, value)

    def rollback(self) -> None:
        super().rollback()
        for key, value in self.before.items():
            if value is None:
                self.live.delete(key)
            else:
                self.live.put(key, value)


class RollbackLeaks(EngineTransaction):
    """A rollback leaves the first write behind."""

    def __init__(self, db: engine.Database, isolation: str, readonly: bool) -> None:
        super().__init__(db, isolation, readonly)
        self.db = db
        self.first: tuple[bytes, bytes] | None = None

    def put(self, key: bytes, value: bytes) -> None:
        self.first = self.first or (key, value)
        super().put(key, value)

    def rollback(self) -> None:
        super().rollback()
        if self.first is not None:
            self.db.tree(TREE).put(*self.first)


class ConflictLeaks(RollbackLeaks):
    """A commit that is refused leaves the first write behind."""

    def commit(self) -> None:
        try:
            super().commit()
        except engine.ConflictError:
            assert self.first is not None
            self.db.tree(TREE).put(*self.first)
            raise

    def rollback(self) -> None:
        self.txn.rollback()


class OwnWritesUnseen(EngineTransaction):
    """A transaction does not see what it wrote itself."""

    def __init__(self, db: engine.Database, isolation: str, readonly: bool) -> None:
        super().__init__(db, isolation, readonly)
        self.beside = db.begin(isolation="snapshot")  # not read-only: the engine goes on noticing commits for it

    def get(self, key: bytes) -> bytes | None:
        super().get(key)
        found: bytes | None = self.beside.tree(TREE).get(key)
        return found

    def commit(self) -> None:
        self.beside.rollback()
        super().commit()

    def rollback(self) -> None:
        self.beside.rollback()
        super().rollback()


class OldReaders(EngineTransaction):
    """A read-only transaction gets the state at which the one before it began."""

    kept: ClassVar[dict[int, Any]] = {}

    def __init__(self, db: engine.Database, isolation: str, readonly: bool) -> None:
        super().__init__(db, isolation, readonly)
        if readonly:
            before = self.kept.pop(id(db), None)
            self.kept[id(db)] = db.begin(readonly=True)
            if before is not None:
                self.txn.rollback()
                self.txn, self.tree = before, before.tree(TREE)


MUTANTS: dict[type[EngineTransaction], frozenset[str]] = {
    ReadsNotValidated: frozenset({"G2"}),
    RangesNotTracked: frozenset({"G2"}),
    KeysNotTracked: frozenset({"G2"}),
    NoSnapshot: frozenset({"G-single", "internal"}),
    SnapshotMoves: frozenset({"G-single", "internal"}),
    LastWriterWins: frozenset({"order"}),
    Dirty: frozenset({"G1a", "G1b", "G1c", "order"}),
    RollbackLeaks: frozenset({"G1a"}),
    ConflictLeaks: frozenset({"G1a", "order"}),
    OwnWritesUnseen: frozenset({"internal", "order"}),
    OldReaders: frozenset({"G-single", "G1c"}),
}
"""Each mutant, and the anomalies of which at least one must be found."""
