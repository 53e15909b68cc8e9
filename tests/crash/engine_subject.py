"""The database as a subject of crash enumeration: steps, their execution through the public API, and their model.

The model of trees is a dict, the model of tables is SQLite; neither shares a line with the engine. A state is, for each
tree and table, the number of entries and a digest of them, so that many states can be kept and compared.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import engine
from engine.storage.file import FileSystem
from tests.crash.harness import REOPEN, Session, Subject

PATH = "/db.ank"
LOG = PATH + "-wal"
COPY = "/copy.ank"


@dataclass(frozen=True)
class Change:
    """One write to a tree; value None: delete the key."""

    tree: str
    key: bytes
    value: bytes | None


@dataclass(frozen=True)
class Transaction:
    """Changes, and SQL statements with parameters, in one transaction. acknowledged: durable when it returns.

    ticket: the commit is not waited for, until WAIT.
    """

    changes: tuple[Change, ...] = ()
    statements: tuple[tuple[str, tuple[object, ...]], ...] = ()
    acknowledged: bool = True
    ticket: bool = False


@dataclass(frozen=True)
class Bulk:
    """`put_many` of sorted or unsorted pairs."""

    tree: str
    pairs: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class RolledBack:
    """A transaction that changes its mind: nothing of it may ever be seen."""

    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Erase:
    """Changes, then the deletion of a range, then more changes, in one transaction."""

    tree: str
    start: bytes | None
    stop: bytes | None
    before: tuple[Change, ...] = ()
    behind: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Alone:
    """One put or delete outside any transaction: where nothing is in the way, the leaf is changed in place."""

    change: Change


@dataclass(frozen=True)
class Parts:
    """A transaction of several parts, each behind a savepoint; those that are not kept are rolled back to it."""

    parts: tuple[tuple[Change, ...], ...]
    kept: tuple[bool, ...]


@dataclass(frozen=True)
class Retain:
    """A checkpoint with a name: the present state stays readable under it."""

    name: str


@dataclass(frozen=True)
class Drop:
    """A retained checkpoint is not needed any more."""

    name: str


CHECKPOINT = "checkpoint"
HOLD = "hold"
"""Open a reader of the present state, which stays."""
LET_GO = "let go"
VACUUM = "vacuum"
WAIT = "wait"
"""Wait for the newest commit that was not waited for: it, and all before it, are durable then."""
BACKUP = "backup"
"""A copy beside the database; the one before is removed."""


def digest(entries: Iterable[Hashable]) -> tuple[int, str]:
    """Number of entries, and a hash of them in order."""
    whole = list(entries)
    return len(whole), hashlib.blake2b(repr(whole).encode(), digest_size=8).hexdigest()


State = tuple[tuple[str, tuple[int, str]], ...]


class Model:
    """What the trees and tables must hold."""

    def __init__(self, trees: Sequence[str], tables: Sequence[str]) -> None:
        self.trees: dict[str, dict[bytes, bytes]] = {name: {} for name in trees}
        self.tables = tables
        self.retained: dict[str, State] = {}
        self.sql = sqlite3.connect(":memory:", isolation_level=None)

    def apply(self, step: object) -> None:
        if isinstance(step, Bulk):
            self.trees[step.tree].update(step.pairs)
        if isinstance(step, Transaction):
            self.change(step.changes)
            for text, parameters in step.statements:
                self.sql.execute(text, parameters)
        if isinstance(step, Alone):
            self.change((step.change,))
        if isinstance(step, Erase):
            self.change(step.before)
            tree = self.trees[step.tree]
            for key in [k for k in tree if (step.start or b"") <= k and (step.stop is None or k < step.stop)]:
                del tree[key]
            self.change(step.behind)
        if isinstance(step, Retain):
            self.retained[f"as of {step.name}"] = self.present()
        if isinstance(step, Drop):
            del self.retained[f"as of {step.name}"]
        if isinstance(step, Parts):
            for part, kept in zip(step.parts, step.kept, strict=True):
                self.change(part if kept else ())

    def change(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.value is None:
                self.trees[change.tree].pop(change.key, None)
            else:
                self.trees[change.tree][change.key] = change.value

    def state(self) -> State:
        return self.present() + tuple((name, digest(state)) for name, state in sorted(self.retained.items()))

    def present(self) -> State:
        parts = [(name, digest(sorted(items.items()))) for name, items in self.trees.items()]
        for table in self.tables:
            try:
                rows = sorted(self.sql.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
            except sqlite3.OperationalError:
                continue
            parts.append((table, digest(rows)))
        return tuple(parts)


@dataclass(frozen=True)
class EngineSubject(Subject):
    """The engine with options; trees and tables: the names that the workload uses."""

    trees: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def open(self, fs: FileSystem) -> Session:
        return EngineSession(self, fs)

    def model(self, steps: Sequence[object]) -> list[Hashable]:
        model = Model(self.trees, self.tables)
        states: list[Hashable] = [model.state()]
        for step in steps:
            model.apply(step)
            states.append(model.state())
        return states


DEFAULTS: dict[str, Any] = {
    "page_size": 4096,
    "pool_bytes": 1 << 20,
    "segment_size": 64 << 10,
    "checkpoint_bytes": 0,  # checkpoints where the workload says so: the record is the same each time
    "synchronous": "full",
}


class EngineSession(Session):
    """An open database."""

    def __init__(self, subject: EngineSubject, fs: FileSystem) -> None:
        self.subject = subject
        self.fs = fs
        self.db = engine.open(PATH, fs=fs, **(DEFAULTS | subject.options))
        self.held: list[Any] = []
        self.ticket: Any = None

    def apply(self, step: object) -> None:
        assert step != REOPEN
        match step:
            case Transaction():
                self._run(step)
            case Bulk():
                self.db.tree(step.tree).put_many(step.pairs)
            case Alone(change):
                tree = self.db.tree(change.tree)
                tree.delete(change.key) if change.value is None else tree.put(change.key, change.value)
            case Parts():
                self._run_parts(step)
            case Erase(tree, start, stop, (), ()):
                self.db.tree(tree).delete_range(start, stop)
            case Erase():
                with self.db.begin() as txn:
                    write(txn, step.before)
                    txn.tree(step.tree).delete_range(step.start, step.stop)
                    write(txn, step.behind)
            case RolledBack():
                txn = self.db.begin()
                write(txn, step.changes)
                txn.rollback()
            case Retain(name):
                self.db.checkpoint(name)
            case Drop(name):
                self.db.drop_checkpoint(name)
            case _:
                self._care(step)

    def _care(self, step: object) -> None:
        """What changes nothing that can be read."""
        if step == HOLD:
            self.held.append(self.db.begin(readonly=True))
        elif step == LET_GO:
            self.held.pop().rollback()
        elif step == WAIT:
            self.ticket.wait()
            assert self.ticket.done
        elif step == VACUUM:
            self.db.vacuum()
        elif step == BACKUP:
            if self.fs.exists(COPY):
                remove(self.fs, COPY)
            self.db.backup(COPY)
        else:
            assert step == CHECKPOINT, step
            self.db.checkpoint()

    def _run_parts(self, step: Parts) -> None:
        with self.db.begin() as txn:
            for part, kept in zip(step.parts, step.kept, strict=True):
                savepoint = txn.savepoint()
                write(txn, part)
                if not kept:
                    txn.rollback_to(savepoint)
                txn.release(savepoint)

    def _run(self, step: Transaction) -> None:
        for attempt in range(1000):  # a conflict changes nothing, and another thread has got on
            try:
                with self.db.begin() as txn:
                    write(txn, step.changes)
                    for text, parameters in step.statements:
                        txn.execute(text, parameters)
                    if step.ticket:
                        self.ticket = txn.commit(wait=False)
                return
            except engine.ConflictError:
                if attempt == 999:
                    raise

    def state(self) -> State:
        names = sorted(one.name for one in self.db.checkpoints())
        return self._present(self.db) + tuple((f"as of {name}", digest(self._as_of(name))) for name in names)

    def _as_of(self, name: str) -> State:
        with self.db.begin(as_of=name) as txn:
            return self._present(txn)

    def _present(self, source: Any) -> State:
        parts = [(name, digest(source.tree(name).scan())) for name in self.subject.trees]
        for table in self.subject.tables:
            try:
                rows = sorted((tuple(row) for row in source.execute(f"SELECT * FROM {table}")), key=repr)
            except engine.ProgrammingError:
                continue
            parts.append((table, digest(rows)))
        return tuple(parts)

    def check(self) -> Sequence[object]:
        return list(self.db.check())

    def close(self) -> None:
        while self.held:
            self.held.pop().rollback()
        self.db.close()


def remove(fs: FileSystem, path: str) -> None:
    """Remove a database: its file, its log and the log's directory."""
    fs.unlink(path)
    for name in fs.listdir(path + "-wal"):
        fs.unlink(f"{path}-wal/{name}")
    fs.rmdir(path + "-wal")


def write(txn: Any, changes: Sequence[Change]) -> None:
    """Make the changes in a transaction of the engine."""
    for change in changes:
        tree = txn.tree(change.tree)
        if change.value is None:
            tree.delete(change.key)
        else:
            tree.put(change.key, change.value)
