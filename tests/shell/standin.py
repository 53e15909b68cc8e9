"""A stand-in for a Database, on SQLite: the shell's own tests need a database that answers, not the engine."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

_SYS = {
    "sys.tables": """SELECT name, type AS kind, sql FROM sqlite_master WHERE type IN ('table', 'view')""",
    "sys.columns": """SELECT m.name AS table_name, c.name, c.type, c."notnull" AS not_null, nullif(c.pk, 0) AS key_position
        FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type IN ('table', 'view')""",
    "sys.indexes": """SELECT m.name, m.tbl_name AS table_name, l."unique" AS is_unique, m.sql,
        (SELECT group_concat(name, ', ') FROM pragma_index_info(m.name)) AS columns
        FROM sqlite_master m, pragma_index_list(m.tbl_name) l WHERE m.type = 'index' AND l.name = m.name""",
    "sys.functions": "SELECT 'abs' AS name, 0 AS aggregate UNION SELECT 'count', 1 UNION SELECT 'avg', 1",
}


class Error(Exception):
    """Raised as the engine raises its own."""


class StatementInterrupted(Error):
    """Cancelled."""


class CorruptionError(Error):
    """The file is no database."""


class Result:
    """As the engine's: an iterable of tuples."""

    def __init__(self, cursor: sqlite3.Cursor):
        self._cursor = cursor
        self.columns = [item[0] for item in cursor.description or ()]
        self.rowcount = cursor.rowcount

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._cursor)

    def close(self) -> None:
        self._cursor.close()

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._cursor.fetchall()


class StandIn:
    """An open database."""

    def __init__(self, path: str, readonly: bool = False, create: bool = True):
        if os.path.isdir(path):
            raise IsADirectoryError(21, "Is a directory", path)
        uri = f"file:{path}?mode={'ro' if readonly else 'rwc'}" if path != ":memory:" else ":memory:"
        self._db = sqlite3.connect(uri, uri=path != ":memory:", isolation_level=None, check_same_thread=False)
        self.findings: list[Any] = []
        try:
            self._db.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.DatabaseError as error:
            raise CorruptionError(str(error)) from error

    def execute(self, sql: str, params: Any = ()) -> Result:
        found = re.search(r"FROM (sys\.\w+)", sql)
        if found:
            sql = sql.replace(found[1], f"({_SYS[found[1]]})")
        return Result(self._run(self._db.execute, sql, params))

    def executemany(self, sql: str, rows: Iterable[Any]) -> Result:
        return Result(self._run(self._db.executemany, sql, rows))

    def _run(self, call: Any, sql: str, rows: Any) -> sqlite3.Cursor:
        try:
            return call(sql, rows)  # type: ignore[no-any-return]
        except sqlite3.Error as error:
            raise (StatementInterrupted if str(error) == "interrupted" else Error)(str(error)) from error

    @property
    def session(self) -> StandIn:
        return self

    @property
    def in_transaction(self) -> bool:
        return self._db.in_transaction

    def check(self) -> list[Any]:
        return self.findings

    def interrupt(self) -> None:
        self._db.interrupt()

    def close(self) -> None:
        self._db.close()


def opener(path: str, *, readonly: bool = False, create: bool = True) -> StandIn:
    """As anokuro_cli.opening.open_database."""
    from anokuro_cli.errors import explain_opening
    from anokuro_cli.opening import CannotOpen

    try:
        return StandIn(path, readonly, create)
    except (Error, OSError) as error:
        raise CannotOpen(explain_opening(error, path)) from error
