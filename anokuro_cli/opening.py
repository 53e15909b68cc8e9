"""Opening databases: a file that exists at once, a file that does not exist with the first statement that writes.

Until then the session runs on a database in memory, so that a mistyped name leaves no empty file behind.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from anokuro_cli.errors import CANNOT_OPEN, Problem, explain_opening
from anokuro_cli.options import to_bytes
from anokuro_cli.protocols import Database

MEMORY = ":memory:"
_READING = frozenset(
    ("SELECT", "VALUES", "EXPLAIN", "INSPECT", "DIFF", "HISTORY", "CHECK", "BEGIN", "COMMIT", "ROLLBACK", "END")
)

Opener = Callable[..., Database]


class CannotOpen(Exception):
    """A database cannot be opened; `problem` says why."""

    def __init__(self, problem: Problem):
        super().__init__(problem.message)
        self.problem = problem


def open_database(path: str, *, readonly: bool = False, create: bool = True, wal_retention: int = 0) -> Database:
    """The engine's database at `path`; raises CannotOpen. wal_retention: bytes of log that are kept behind the last checkpoint."""
    import engine

    try:
        if path == MEMORY:
            return engine.open(MEMORY)
        return engine.open(path, readonly=readonly, create=create and not readonly, wal_retention=wal_retention)
    except (engine.Error, OSError) as error:
        raise CannotOpen(explain_opening(error, path)) from error


def keeping_log(text: str) -> Opener:
    """open_database with a wal_retention that options.to_bytes understands."""
    return partial(open_database, wal_retention=to_bytes(text) or 0)


def may_write(sql: str) -> bool:
    """Whether a statement can be read and is not of a kind that only looks; what cannot be read writes nothing."""
    from grammar import ParseError, parse
    from grammar.tokens import significant

    words = [token.text.upper() for token in significant(sql)]
    first = next((word for word in words if word != "("), "")
    if first in _READING or (first == "WITH" and not {"INSERT", "UPDATE", "DELETE", "REPLACE"}.intersection(words)):
        return False
    try:
        parse(sql)
    except ParseError:
        return False
    return True


class Handle:
    """The session's database, and how it was opened.

    path: as given, or ":memory:". deferred: the file does not exist yet, and `db` is an empty database in memory.
    """

    def __init__(self, path: str, *, readonly: bool = False, opener: Opener = open_database):
        self.path, self.readonly, self._opener = path, readonly, opener
        self._used = False  # nothing has run yet: the SQL layers need not be loaded to know that no transaction is open
        self.deferred = path != MEMORY and not os.path.lexists(path)
        if self.deferred and readonly:
            raise CannotOpen(Problem(f"cannot open {path}: no such file", CANNOT_OPEN, None, "OperationalError"))
        if self.deferred:
            self._require_folder()
        self.db = opener(MEMORY if self.deferred else path, readonly=readonly and not self.deferred)

    def _require_folder(self) -> None:
        folder = os.path.dirname(os.path.abspath(self.path))
        if not os.path.isdir(folder):
            message = f"cannot open {self.path}: there is no folder {folder}"
            raise CannotOpen(Problem(message, CANNOT_OPEN, None, "OperationalError"))

    def before(self, sql: str) -> None:
        """To be called before a statement runs: makes the file if the statement may write."""
        self._used = True
        if self.deferred and may_write(sql):
            self.make()

    def make(self) -> None:
        """Makes the file now."""
        self._used = True
        if self.deferred:
            was_open = self.in_transaction()
            database = self._opener(self.path, readonly=self.readonly)
            self.db.close()
            self.db, self.deferred = database, False
            if was_open:
                database.execute("BEGIN")

    def in_transaction(self) -> bool:
        """Whether a transaction begun by BEGIN is open."""
        return self._used and self.db.session.in_transaction

    def stay(self) -> None:
        """Makes the path absolute: the working directory is about to change."""
        if self.path != MEMORY:
            self.path = os.path.abspath(self.path)

    def reads_only(self) -> bool:
        """Whether the open transaction can only read."""
        transaction = getattr(self.db.session, "transaction", None)
        return bool(getattr(transaction, "readonly", False))

    def again(self, path: str, *, readonly: bool) -> Handle:
        """Another database, opened by the same opener."""
        return Handle(path, readonly=readonly, opener=self._opener)

    def close(self) -> None:
        """Closes the database; an open transaction is rolled back."""
        self.db.close()

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
