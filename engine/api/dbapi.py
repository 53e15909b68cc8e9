"""PEP 249: `engine.connect(path)` gives a Connection, its cursors run statements.

    connection = engine.connect("shop.ank")
    cursor = connection.cursor()
    cursor.execute("INSERT INTO users VALUES (?, ?)", (7, "ann"))
    connection.commit()

As the PEP says, a transaction begins by itself with the first statement, and lasts until `commit` or `rollback`;
`autocommit=True` makes every statement a transaction of its own instead. Connections to one file within a process share
one open database, each with a session (and so a transaction) of its own. Threads may share the module and connections
(threadsafety 2); statements of one connection run one at a time.
"""

from __future__ import annotations

import datetime
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from engine.base import errors
from engine.base.errors import InterfaceError

if TYPE_CHECKING:
    from types import TracebackType

    from engine.api.database import Database
    from engine.api.result import Result

apilevel = "2.0"
threadsafety = 2
paramstyle = "qmark"

Parameters = Sequence[Any] | Mapping[str, Any]
Description = tuple[str, str, None, None, None, None, None]


class TypeObject:
    """A type object of the PEP: equal to the type codes (names of types) it stands for."""

    def __init__(self, *codes: str):
        self.codes = frozenset(codes)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TypeObject):
            return self.codes == other.codes
        return other in self.codes

    def __hash__(self) -> int:
        return hash(self.codes)

    def __repr__(self) -> str:
        return f"TypeObject({', '.join(sorted(self.codes))})"


STRING = TypeObject("TEXT")
BINARY = TypeObject("BLOB")
NUMBER = TypeObject("INTEGER", "REAL", "BOOLEAN")
DATETIME = TypeObject("DATE", "TIMESTAMP")
ROWID = TypeObject("INTEGER")

Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime
Binary = bytes


def DateFromTicks(ticks: float) -> datetime.date:
    """The local date of a time since the epoch."""
    return datetime.datetime.fromtimestamp(ticks).date()


def TimeFromTicks(ticks: float) -> datetime.time:
    """The local time of day of a time since the epoch."""
    return datetime.datetime.fromtimestamp(ticks).time()


def TimestampFromTicks(ticks: float) -> datetime.datetime:
    """The local date and time of a time since the epoch."""
    return datetime.datetime.fromtimestamp(ticks)


class _Opened:
    """Databases opened by connections of this process, each closed with its last connection."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.databases: dict[str, tuple[Database, int]] = {}

    def acquire(self, path: str, options: dict[str, Any]) -> tuple[Database, str | None]:
        """The database at a path, and the name to release it by (None: it is nobody else's)."""
        from engine.api.database import MEMORY, open_database

        if path == MEMORY:
            return open_database(path, **options), None
        name = os.path.realpath(path)
        with self.lock:
            found = self.databases.get(name)
            if found is not None and not found[0].closed:
                if options:
                    raise InterfaceError(
                        f"{path} is open in this process already; options are given with its first connection"
                    )
                self.databases[name] = (found[0], found[1] + 1)
                return found[0], name
            database = open_database(path, **options)
            self.databases[name] = (database, 1)
            return database, name

    def release(self, database: Database, name: str | None) -> None:
        """A connection less."""
        if name is None:
            database.close()
            return
        with self.lock:
            found, count = self.databases.get(name, (None, 0))
            if found is not database:
                return
            if count > 1:
                self.databases[name] = (database, count - 1)
                return
            del self.databases[name]
            database.close()


_opened = _Opened()


def connect(path: str | os.PathLike[str], *, autocommit: bool = False, **options: Any) -> Connection:
    """Open a database file (made when it is not there) or ":memory:"; options as of engine.open.

    Raises OperationalError, LockedError, CorruptionError, InterfaceError.
    """
    database, name = _opened.acquire(os.fspath(path), options)
    return Connection(database, autocommit=autocommit, name=name)


class Connection:
    """A connection: a session of its own over a database. A context manager: commits, or rolls back on an exception."""

    Warning = errors.Warning
    Error = errors.Error
    InterfaceError = errors.InterfaceError
    DatabaseError = errors.DatabaseError
    DataError = errors.DataError
    OperationalError = errors.OperationalError
    IntegrityError = errors.IntegrityError
    InternalError = errors.InternalError
    ProgrammingError = errors.ProgrammingError
    NotSupportedError = errors.NotSupportedError

    def __init__(self, database: Database, *, autocommit: bool = False, name: str | None = None):
        self.database = database
        self._name = name
        self._session: Any = database.new_session()
        self._lock = threading.RLock()
        self._autocommit = autocommit

    @property
    def session(self) -> Any:
        """The session. Raises InterfaceError when the connection is closed."""
        if self._session is None:
            raise InterfaceError("the connection is closed")
        return self._session

    @property
    def autocommit(self) -> bool:
        """Whether every statement is a transaction of its own. Switching it on commits what is open."""
        return self._autocommit

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        if value and not self._autocommit:
            self.commit()
        self._autocommit = bool(value)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return bool(self.session.in_transaction)

    def cursor(self) -> Cursor:
        """A new cursor."""
        self.session  # noqa: B018 - raises when closed
        return Cursor(self)

    def execute(self, sql: str, params: Parameters = ()) -> Cursor:
        """A cursor that has run a statement (not in the PEP, but usual)."""
        return self.cursor().execute(sql, params)

    def executemany(self, sql: str, rows: Iterable[Parameters]) -> Cursor:
        """A cursor that has run a statement for every row of parameters."""
        return self.cursor().executemany(sql, rows)

    def run(self, sql: str, params: Parameters | None, rows: Iterable[Parameters] | None) -> Result:
        """A statement in this connection's transaction, begun where needed."""
        with self._lock:
            session = self.session
            if not self._autocommit and not session.in_transaction and not _controls(sql):
                session.execute("BEGIN")
            if rows is not None:
                return session.executemany(sql, rows)  # type: ignore[no-any-return]
            return session.execute(sql, () if params is None else params)  # type: ignore[no-any-return]

    def commit(self) -> None:
        """Make what was done permanent. Raises ConflictError: nothing was changed, do it again."""
        with self._lock:
            if self.session.in_transaction:
                self.session.execute("COMMIT")

    def rollback(self) -> None:
        """Undo what was done since the last commit."""
        with self._lock:
            if self.session.in_transaction:
                self.session.execute("ROLLBACK")

    def interrupt(self) -> None:
        """Cancel the running statement, from another thread."""
        self.session.interrupt()

    def close(self) -> None:
        """Roll back and close. Closing twice is allowed."""
        with self._lock:
            session, self._session = self._session, None
            if session is not None:
                session.close()
                _opened.release(self.database, self._name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.commit()
        else:
            self.rollback()

    def __del__(self) -> None:
        if getattr(self, "_session", None) is not None:
            self.close()


_CONTROL_WORDS = ("BEGIN", "START", "COMMIT", "END", "ROLLBACK", "CHECKPOINT", "VACUUM")


def _controls(sql: str) -> bool:
    """Whether a statement begins or ends transactions itself, or cannot stand inside one."""
    from grammar.tokens import significant

    tokens = significant(sql[:200])
    return bool(tokens) and tokens[0].text.upper() in _CONTROL_WORDS


class Cursor:
    """Runs statements and fetches their rows."""

    def __init__(self, connection: Connection):
        self.connection = connection
        self.arraysize = 1
        self._result: Result | None = None
        self._closed = False

    def _open(self) -> Connection:
        if self._closed:
            raise InterfaceError("the cursor is closed")
        return self.connection

    def _rows(self) -> Result:
        self._open()
        if self._result is None or not self._result.has_rows:
            raise InterfaceError("no statement that gives rows was executed")
        return self._result

    @property
    def description(self) -> list[Description] | None:
        """For each column its name, type code and five times None; None when the last statement gives no rows."""
        result = self._result
        if result is None or not result.has_rows:
            return None
        return [(n, t, None, None, None, None, None) for n, t in zip(result.columns, result.types, strict=True)]

    @property
    def rowcount(self) -> int:
        """Rows changed by the last statement; -1 where that says nothing."""
        return -1 if self._result is None else self._result.rowcount

    def execute(self, sql: str, params: Parameters | None = None) -> Self:
        """Run a statement. Returns the cursor itself."""
        connection = self._open()
        self._drop()
        self._result = connection.run(sql, params, None)
        return self

    def executemany(self, sql: str, rows: Iterable[Parameters]) -> Self:
        """Run a statement for every row of parameters."""
        connection = self._open()
        self._drop()
        self._result = connection.run(sql, None, rows)
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, or None."""
        return self._rows().fetchone()

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """The next rows, at most `size` (arraysize by default)."""
        return self._rows().fetchmany(self.arraysize if size is None else size)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All further rows."""
        return self._rows().fetchall()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._rows())

    def setinputsizes(self, sizes: Sequence[Any]) -> None:
        """Of no effect, as the PEP allows."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Of no effect, as the PEP allows."""

    def _drop(self) -> None:
        if self._result is not None:
            self._result.close()
            self._result = None

    def close(self) -> None:
        """Give up the rows that were not fetched; the cursor cannot be used afterwards."""
        self._drop()
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
