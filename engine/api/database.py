"""The database as a program sees it: `engine.open` gives a `Database`.

A Database may be used from several threads. `Database.execute` runs in one session that they share, statement by
statement; a thread that wants a transaction of its own takes `Database.begin`.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from engine.api.tree import Tree
from engine.base.dataclass import asdict
from engine.base.errors import InterfaceError
from engine.base.options import make_options
from engine.catalog.catalog import Catalog
from engine.storage.file import FileSystem
from engine.storage.file_memory import MemoryFileSystem
from engine.storage.file_os import OsFileSystem
from engine.txn.opening import close_store, open_store
from engine.txn.transaction import Transaction as StoreTransaction
from engine.txn.views import RetainedCheckpoint, View, Views, retained_checkpoints

if TYPE_CHECKING:
    from types import TracebackType

    from engine.api.result import Result
    from engine.sql.session import Session
    from engine.txn.ticket import Ticket
    from engine.txn.vacuum import VacuumResult

MEMORY = ":memory:"
Parameters = Sequence[Any] | Mapping[str, Any]


class Database:
    """An open database. A context manager: closes at the end."""

    def __init__(self, path: str, fs: FileSystem, options: dict[str, object]) -> None:
        self.path = path
        self.options = make_options(options)
        self.store = open_store(fs, path, self.options)
        self.catalog = Catalog()
        self.views = Views(self.store, Catalog)
        self._lock = threading.RLock()
        self._session: Session | None = None
        self._trees: dict[str, Tree] = {}

    # --- SQL ----------------------------------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        """The session of `execute`: its transaction state, its interruption."""
        if self._session is None:
            self._session = self.new_session()
        return self._session

    def new_session(self) -> Session:
        """A session of its own, with its own transaction state."""
        return self.session_of(None)

    def session_of(self, transaction: StoreTransaction | None) -> Session:
        """A session, over one transaction where it is given, that knows the inspections."""
        from engine.api.care import register_care
        from engine.inspect.tables import register
        from engine.sql.session import Session

        options = self.store.options
        if options.query_seconds or options.query_rows:
            from engine.sql.limits import LimitedSession

            session: Session = LimitedSession(self.store, self.catalog, transaction=transaction)
            session.query_seconds, session.query_rows = options.query_seconds, options.query_rows  # type: ignore[attr-defined]
        else:
            session = Session(self.store, self.catalog, transaction=transaction)
        register(session.shared, self)
        register_care(session.shared, self)
        session.shared.at_checkpoint = self._at_checkpoint
        return session

    def _at_checkpoint(self, name: str) -> tuple[Session, Callable[[], object]]:
        """A session that reads a retained checkpoint, and what is to be called when its result has gone."""
        view = self.views.take(name)
        return session_at(view), partial(self.views.give, view)

    def execute(self, sql: str, params: Parameters = ()) -> Result:
        """Run one statement; BEGIN and COMMIT are statements like others. Parameters: ? by position, :name by name.

        Raises ParseError, ProgrammingError, IntegrityError, DataError, ConflictError ... (see engine.base.errors).
        """
        with self._lock:
            return (self._session or self.session).execute(sql, params)

    def executemany(self, sql: str, rows: Iterable[Parameters]) -> Result:
        """Run one statement for every row of parameters, as one transaction."""
        with self._lock:
            return self.session.executemany(sql, rows)

    def interrupt(self) -> None:
        """Cancel the running statement, from another thread or a signal handler: it raises StatementInterrupted."""
        if self._session is not None:
            self._session.interrupt()

    # --- what a program adds to the language -----------------------------------------------------------------------

    def register(self, name: str, frame: Any) -> None:
        """Make a frame of pandas, Polars or pyarrow a table that queries of this open database can read by this name."""
        from engine.sql.extensions import register_frame

        with self._lock:
            register_frame(self.session.shared, name, frame)

    def unregister(self, name: str) -> None:
        """Forget a registered frame."""
        from engine.sql.extensions import unregister_frame

        with self._lock:
            unregister_frame(self.session.shared, name)

    def create_function(
        self, name: str, function: Any, arguments: int = -1, result: str | None = None, deterministic: bool = False
    ) -> None:
        """Make a Python function, or a class with `step` and `result`, an SQL function; see engine.sql.extensions."""
        from engine.sql.extensions import create_function

        with self._lock:
            create_function(self.session.shared, name, function, arguments, result, deterministic)

    # --- trees and transactions -----------------------------------------------------------------------------------

    def tree(self, name: str) -> Tree:
        """The tree of that name: ordered bytes -> bytes, made with its first write."""
        found = self._trees.get(name)
        if found is None:
            if not isinstance(name, str) or not name:
                raise InterfaceError("a tree's name is a string, not empty")
            self.store.check_open()
            found = self._trees[name] = Tree(self.store, self.catalog, name)
        return found

    def begin(self, isolation: str | None = None, readonly: bool = False, as_of: str | None = None) -> Transaction:
        """A transaction of its own. isolation: "serializable" or "snapshot"; the default is the database's option.

        as_of: name of a retained checkpoint; the transaction reads that state, schema included, and writes nothing.
        Raises ProgrammingError where there is no such checkpoint.
        """
        return Transaction(self, isolation, readonly, as_of)

    # --- care ---------------------------------------------------------------------------------------------------

    def checkpoint(self, name: str | None = None) -> bool:
        """Make everything committed so far durable in the data file; False where nothing had changed.

        name: keep this checkpoint, readable by `begin(as_of=name)`, until it is dropped. Raises ProgrammingError where
        one of that name (whatever its case) is kept, LimitError for a name of more than 64 bytes.
        """
        self.store.check_writable()
        assert self.store.checkpointer is not None  # a store that can be written has one
        return self.store.checkpointer.run(retain=name)

    def drop_checkpoint(self, name: str) -> None:
        """Keep a retained checkpoint no longer; its slots are free once nobody reads it. ProgrammingError: none such."""
        self.store.check_writable()
        assert self.store.checkpointer is not None
        self.views.forget(name)
        self.store.checkpointer.run(drop=name)

    def checkpoints(self) -> list[RetainedCheckpoint]:
        """The retained checkpoints, oldest first. Read-only beside a writer: those of this moment."""
        return retained_checkpoints(self.store)

    def vacuum(self, progress: Callable[[int, int], None] | None = None) -> VacuumResult:
        """Merge pages that deletions have left thin, move pages from the end of the data file into free space before them, and cut the end off, while work goes on.

        progress: called with (page ids looked at, page ids in all); an exception of it ends VACUUM, nothing is lost.
        """
        from engine.txn.vacuum import vacuum_store

        self.store.check_writable()
        return vacuum_store(self.store, progress)

    def backup(self, path: str | os.PathLike[str], progress: Callable[[int, int], None] | None = None) -> None:
        """Write a copy of the present state to a new file, while reading and writing go on.

        progress: called with (pages done, pages in all) now and then; what it raises ends the backup, of which nothing is left then.
        """
        from engine.txn.backup import backup_store

        self.store.check_open()
        backup_store(self.store, self.store.fs, os.fspath(path), progress)

    def check(self, progress: Callable[[str, int, int], None] | None = None) -> list[Any]:
        """Check everything; the findings, none when the database is sound.

        progress: called now and then with what is being checked ("pages", "rows of t"), how many of them are done and how many
        there are; what it raises ends the check.
        """
        from engine.api.check import check_database

        self.store.check_open()
        return check_database(self, progress)

    def stats(self) -> dict[str, Any]:
        """Counters since the database was opened, and `io`: how pages are read and written together."""
        from engine.txn.stats import store_stats

        self.store.check_open()
        return asdict(store_stats(self.store))

    @property
    def inspect(self) -> Any:
        """Models of what is inside: pages, trees, pool, latches, log (engine.inspect)."""
        from engine.inspect import live

        self.store.check_open()
        return live(self)

    @property
    def closed(self) -> bool:
        """Whether the database was closed."""
        return bool(self.store.closed)

    def close(self) -> None:
        """Roll the session's open transaction back, write a last checkpoint, close the files. Closing twice is allowed."""
        if self.store.closed:
            return
        with self._lock:
            if self._session is not None:
                self._session.close()
            self.views.close()
            close_store(self.store)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Database {self.path}{' (closed)' if self.store.closed else ''}>"


def session_at(view: View, transaction: StoreTransaction | None = None) -> Session:
    """A session at a retained checkpoint, over one transaction where it is given; sys.* shows the view's own pool."""
    from engine.inspect.tables import register
    from engine.sql.session import Session

    session = Session(view.store, view.catalog, transaction=transaction)
    session.as_of = view.root.key
    register(session.shared, view)
    return session


class Transaction:
    """A transaction begun by `Database.begin`: SQL and trees together. Commits on success, rolls back on an exception."""

    def __init__(self, database: Database, isolation: str | None, readonly: bool, as_of: str | None = None) -> None:
        self.database = database
        self._session: Session | None = None
        self._view: View | None = None
        if as_of is None:
            self.catalog = database.catalog
            self.inner = StoreTransaction(database.store, isolation, readonly)
            return
        self._view = database.views.take(as_of)
        self._let_go = weakref.finalize(self, database.views.give, self._view)
        self.catalog = self._view.catalog
        self.inner = StoreTransaction(self._view.store, isolation, True)

    def execute(self, sql: str, params: Parameters = ()) -> Result:
        """Run one statement inside the transaction."""
        return self._sql().execute(sql, params)

    def executemany(self, sql: str, rows: Iterable[Parameters]) -> Result:
        """Run one statement for every row of parameters."""
        return self._sql().executemany(sql, rows)

    def _sql(self) -> Session:
        if self._session is None:
            view = self._view
            self._session = self.database.session_of(self.inner) if view is None else session_at(view, self.inner)
        return self._session

    def tree(self, name: str) -> TransactionTree:
        """The tree of that name, read and written inside the transaction."""
        return TransactionTree(self, name)

    def savepoint(self) -> int:
        """Mark the present state; returns a number for rollback_to and release."""
        return self.inner.savepoint()

    def rollback_to(self, savepoint: int) -> None:
        """Undo everything since the savepoint, which stays."""
        self.inner.rollback_to(savepoint)

    def release(self, savepoint: int) -> None:
        """Forget a savepoint; what was done stays."""
        self.inner.release(savepoint)

    @property
    def is_open(self) -> bool:
        """Whether the transaction has neither committed nor rolled back."""
        return self.inner.is_open

    def commit(self, wait: bool = True) -> Ticket | None:
        """Make the writes permanent. Raises ConflictError: nothing was changed, run the transaction again.

        With wait=False it returns as soon as others see the commit, with a Ticket: `ticket.wait()` returns when the commit is as
        durable as `synchronous` demands, or raises what `commit()` would have raised; `ticket.done` and `ticket.lsn` tell.
        """
        self._settle()
        self._check_deferred()
        ticket = self.inner.commit(wait)
        self._leave()
        return ticket

    def rollback(self) -> None:
        """Forget the writes."""
        self._settle()
        self.inner.rollback()
        self._leave()

    def _leave(self) -> None:
        """The transaction has ended: the checkpoint it read may be let go."""
        if self._view is not None:
            self._let_go()

    def _settle(self) -> None:
        """Results that are still being fetched get the rest of their rows before the state they read is let go."""
        if self._session is not None and self.inner.is_open:
            self._session.settle()

    def _check_deferred(self) -> None:
        """What DEFERRABLE constraints left for the end. Raises IntegrityError; the transaction stays open."""
        if self._session is not None and self.inner.is_open:
            self._session.check_deferred(self.inner)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._settle()
            try:
                self._check_deferred()
            except BaseException:
                self.inner.rollback()
                raise
        self.inner.__exit__(kind, error, trace)
        self._leave()


class TransactionTree:
    """A named tree inside a transaction; the operations of `Tree`."""

    def __init__(self, transaction: Transaction, name: str) -> None:
        self._txn = transaction.inner
        self._catalog = transaction.catalog
        self.name = name
        self._tree: int | None = None
        self._epoch = -1

    def _id(self, create: bool = False) -> int | None:
        """The tree's id, looked up again where trees of the transaction came or went."""
        if self._tree is None or self._epoch != self._txn.epoch:
            self._tree = self._catalog.named_tree(self._txn, self.name, create)
            self._epoch = self._txn.epoch
        return self._tree

    def get(self, key: bytes, default: bytes | None = None) -> bytes | None:
        """The value of a key, or `default`."""
        self._txn.store.check_key(key)
        tree = self._id()
        found = None if tree is None else self._txn.get(tree, key)
        return default if found is None else found

    def get_many(self, keys: Iterable[bytes]) -> list[bytes | None]:
        """The values of several keys, None where there is none."""
        wanted = list(keys)
        for key in wanted:
            self._txn.store.check_key(key)
        tree = self._id()
        return [None] * len(wanted) if tree is None else self._txn.get_many(tree, wanted)

    def put(self, key: bytes, value: bytes) -> None:
        """Insert or replace."""
        tree = self._id(create=True)
        assert tree is not None
        self._txn.put(tree, key, value)

    def put_many(self, pairs: Iterable[tuple[bytes, bytes]]) -> int:
        """Insert or replace all pairs; how many there were."""
        count = 0
        for pair in pairs:
            try:
                key, value = pair
            except (TypeError, ValueError) as error:
                raise InterfaceError("put_many takes pairs of key and value") from error
            self.put(key, value)
            count += 1
        return count

    def delete(self, key: bytes) -> bool:
        """Delete a key; whether it was there."""
        tree = self._id()
        return tree is not None and self._txn.delete(tree, key)

    def delete_range(self, start: bytes | None = None, stop: bytes | None = None) -> int:
        """Delete all keys of [start, stop); how many there were."""
        tree = self._id()
        return 0 if tree is None else self._txn.delete_range(tree, start, stop)

    def scan(
        self, start: bytes | None = None, stop: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Iterate over (key, value) of [start, stop)."""
        tree = self._id()
        return iter(()) if tree is None else self._txn.scan(tree, start, stop, reverse)

    def __contains__(self, key: bytes) -> bool:
        return self.get(key) is not None

    def __len__(self) -> int:
        tree = self._id()
        return 0 if tree is None else self._txn.count(tree)


def open_database(path: str | os.PathLike[str] = MEMORY, fs: FileSystem | None = None, **options: object) -> Database:
    """Open a database file, or make one; `:memory:` keeps everything in memory.

    options: create, readonly, page_size, pool_bytes, synchronous, isolation, wal_retention, checkpoint_bytes,
    segment_size (engine.base.options.Options). fs: another file layer than the operating system's.
    Raises OperationalError, LockedError, CorruptionError, NotSupportedError, InterfaceError.
    """
    name = os.fspath(path)
    if fs is None:
        fs = MemoryFileSystem() if name == MEMORY else OsFileSystem()
        if name == MEMORY:
            name = "/memory.ank"
            options.setdefault("synchronous", "off")
    return Database(name, fs, options)
