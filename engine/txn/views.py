"""Reading retained checkpoints: a view is a read-only store of the same file, at the page table of a checkpoint.

    Database ---name---> Views ---> View: Store (its own pool, catalog, plans) --- pin ---> slots of that checkpoint

A view has its own descriptor of the file and pins its checkpoint as any other reader does (keep.py), so it stays right
while the checkpoint is dropped beside it. It is kept open for whoever comes next, until another view needs the place, the
checkpoint is dropped, or the database is closed.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from engine.base.dataclass import dataclass, replace
from engine.base.errors import CorruptionError
from engine.txn.keep import count_alone
from engine.txn.opening import close_store, open_pinned
from engine.txn.pins import counts, newest_roots, pin_retained
from engine.txn.roots import Root, find_root, root_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.txn.store import Store

POOL_SHARE = 8
"""A view's pool is this part of the database's."""
POOL_LEAST = 1 << 20
IDLE_VIEWS = 2
"""How many views stay open while nobody reads them."""


@dataclass(frozen=True, slots=True)
class RetainedCheckpoint:
    """A retained checkpoint. lsn: of the last commit it contains; time_us: when it was made, microseconds since 1970.

    slots: how many slots of the file are kept for it alone (times the page size: bytes that dropping it frees).
    """

    name: str
    lsn: int
    time_us: int
    sequence: int
    slots: int


def retained_roots(store: Store) -> list[Root]:
    """The retained checkpoints of this moment; of a read-only store, those that the file names now."""
    store.check_open()
    if not store.is_readonly:
        return list(store.retained)
    with store.fs.open(store.path, readonly=True) as file:  # the store's own ends where the file did at opening
        return newest_roots(file, store.path)[2]


def retained_checkpoints(store: Store) -> list[RetainedCheckpoint]:
    """The same with what they cost, which takes reading their page tables. Raises CorruptionError."""
    store.check_open()
    path, size = store.path, store.page_size
    if store.checkpointer is not None:
        with store.checkpointer.mutex:
            roots = list(store.retained)
            return _described(roots, count_alone(store.file, path, size, root_of(store.meta), roots))
    with store.fs.open(path, readonly=True) as file:
        while True:
            _, meta, roots = newest_roots(file, path)
            try:
                return _described(roots, count_alone(file, path, size, root_of(meta), roots))
            except CorruptionError:
                if counts(file, path, meta):
                    raise
                # a checkpoint has been made, and perhaps one dropped, in the middle of counting


def _described(roots: list[Root], alone: list[int]) -> list[RetainedCheckpoint]:
    return [
        RetainedCheckpoint(root.name, root.checkpoint_lsn, root.checkpoint_us, root.sequence, slots)
        for root, slots in zip(roots, alone, strict=True)
    ]


class View:
    """One checkpoint, open for reading. catalog: of its state. users: how many transactions and results read it."""

    def __init__(self, store: Store, root: Root, catalog: Any) -> None:
        self.store = store
        self.root = root
        self.catalog = catalog
        self.users = 0
        self.dropped = False

    @property
    def path(self) -> str:
        """Of the data file."""
        return self.store.path


class Views:
    """The open views of one database. Used by any number of threads. make_catalog: gives each its catalog."""

    def __init__(self, store: Store, make_catalog: Callable[[], Any]) -> None:
        self._store = store
        self._make_catalog = make_catalog
        self._mutex = threading.Lock()
        self._open: dict[int, View] = {}
        self._given: deque[View] = deque()

    def take(self, name: str) -> View:
        """A view of the retained checkpoint; `give` ends its use. Raises ProgrammingError: there is none of that name."""
        self._store.check_open()
        root = find_root(retained_roots(self._store), name)
        with self._mutex:
            view = self._open.pop(root.sequence, None)
            if view is None:
                view = self._make(name)
                other = self._open.get(view.root.sequence)  # the name may have been given to another one meanwhile
                if other is not None:
                    close_store(view.store)
                    view = other
            self._open[view.root.sequence] = view  # the last one used is the last to go
            view.users += 1
            self._close_idle()
            return view

    def give(self, view: View) -> None:
        """A transaction or result has ended. Never waits: the collector may call it, in the middle of anything."""
        self._given.append(view)
        if self._mutex.acquire(blocking=False):
            try:
                self._close_idle()
            finally:
                self._mutex.release()

    def forget(self, name: str) -> None:
        """The checkpoint is about to be dropped: its view is not kept open for others."""
        with self._mutex:
            for view in self._open.values():
                view.dropped = view.dropped or view.root.key == name.lower()
            self._close_idle()

    def close(self) -> None:
        """The database is closed; whoever still reads is told so."""
        with self._mutex:
            for view in list(self._open.values()):
                self._close(view)

    def _close_idle(self) -> None:
        """Close views that nobody uses: of dropped checkpoints, and those that were not used for longest."""
        while self._given:
            self._given.popleft().users -= 1
        idle = [view for view in self._open.values() if not view.users]
        for at, view in enumerate(idle):
            if view.dropped or at < len(idle) - IDLE_VIEWS:
                self._close(view)

    def _close(self, view: View) -> None:
        del self._open[view.root.sequence]
        close_store(view.store)

    def _make(self, name: str) -> View:
        """Open a view; the root is the one pinned, should a newer checkpoint have taken the name meanwhile."""
        store = self._store
        fs, path = store.fs, store.path
        options = replace(
            store.options, readonly=True, pool_bytes=max(store.options.pool_bytes // POOL_SHARE, POOL_LEAST)
        )
        file = fs.open(path, readonly=True)
        try:
            root, pinned = pin_retained(fs, file, path, name)
            return View(open_pinned(fs, path, file, pinned, options), root, self._make_catalog())
        except BaseException:
            file.close()
            raise
