"""Errors, named by what the caller can do about them.

    Error
    +- InterfaceError                     the API was used wrongly: fix the program
    +- DatabaseError
       +- DataError                       a value does not fit: fix the value
       |  +- LimitError                   a documented limit was met
       +- OperationalError
       |  +- ConflictError                another transaction won: retry
       |  +- LockedError                  another process has the file: wait, or open it read-only
       |  +- ReadOnlyError                the database or transaction is read-only
       |  +- PoisonedError                an earlier write to the log failed: reopen the database
       |  +- StatementInterrupted          the statement was cancelled
       |  +- CorruptionError              the file is damaged: restore a backup, or recover
       +- IntegrityError                  a constraint refused the change: fix the data
       +- InternalError                   a bug of ours: report it
       +- ProgrammingError                the statement is wrong: fix it
       |  +- ParseError
       |     +- NestingError          ... and a LimitError: nested too deeply
       +- NotSupportedError

The tree contains PEP 249's; `engine.Error` is its root.
"""

from __future__ import annotations


class Warning(Exception):  # PEP 249 fixes the name
    """Important warnings, such as data truncation; the engine never truncates, so it never raises it."""


class Error(Exception):
    """Root of every error the engine raises on purpose."""


class InterfaceError(Error):
    """The API was used wrongly (a closed handle, a cursor of another connection, use after fork)."""


class DatabaseError(Error):
    """Something about the database, its data or a statement."""


class DataError(DatabaseError):
    """A value does not fit: out of range, of another type, not convertible without loss."""


class LimitError(DataError):
    """A documented limit was met (key or value size, nesting depth, statement length ...)."""


class OperationalError(DatabaseError):
    """The database's operation failed for a reason outside the statement (I/O, space, memory)."""


class ConflictError(OperationalError):
    """Another transaction committed first. Nothing was changed; run the transaction again."""


class LockedError(OperationalError):
    """Another process has the database open for writing."""


class ReadOnlyError(OperationalError):
    """A write was asked of a read-only database or transaction."""


class PoisonedError(OperationalError):
    """An earlier write or sync of the log failed; this handle refuses every write until it is reopened."""


class StatementInterrupted(OperationalError):
    """The statement was cancelled by `Database.interrupt()`; what it had changed is undone."""


class CorruptionError(OperationalError):
    """A file is damaged.

    `file` (path or None), `page` (page id or None) and `offset` (byte in that file, or None) say where.
    """

    def __init__(self, message: str, *, file: str | None = None, page: int | None = None, offset: int | None = None):
        super().__init__(message)
        self.file = file
        self.page = page
        self.offset = offset

    def __str__(self) -> str:
        where = [
            f"{name} {value}"
            for name, value in (("file", self.file), ("page", self.page), ("offset", self.offset))
            if value is not None
        ]
        return f"{self.args[0]} ({', '.join(where)})" if where else str(self.args[0])


class HistoryError(OperationalError):
    """A state so old that log and checkpoints do not reach it. `page`, `lsn`: what was asked for; `oldest_lsn`: what can be had."""

    def __init__(self, message: str, *, page: int, lsn: int, oldest_lsn: int):
        super().__init__(message)
        self.page = page
        self.lsn = lsn
        self.oldest_lsn = oldest_lsn


class IntegrityError(DatabaseError):
    """A constraint (NOT NULL, UNIQUE, CHECK, PRIMARY KEY, FOREIGN KEY) refused the change."""


class InternalError(DatabaseError):
    """An invariant of the engine does not hold: a bug. The message says what to report."""


class ProgrammingError(DatabaseError):
    """The statement is wrong: unknown table or column, wrong number of parameters, ..."""


class ParseError(ProgrammingError):
    """A statement's text cannot be read.

    line, column: 1-based place of the error. span: (start, end) offsets in the text. expected: what could have
    stood there, most useful first. hint: a did-you-mean or an explanation, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        line: int = 1,
        column: int = 1,
        span: tuple[int, int] = (0, 0),
        expected: tuple[str, ...] = (),
        hint: str | None = None,
    ):
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.span = span
        self.expected = expected
        self.hint = hint


class NestingError(ParseError, LimitError):
    """A statement's text is nested more deeply than is read."""


class NotSupportedError(DatabaseError):
    """The language or the API has no such thing (yet)."""
