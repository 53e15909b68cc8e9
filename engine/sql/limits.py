"""Limits of a single statement that the program sets: how long it may run, how many rows it may give.

A session with such limits is a LimitedSession; the others pay nothing for them. Both go on while rows are fetched; rows that
were computed ahead count as well.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from engine.base.errors import LimitError
from engine.sql.parameters import Parameters
from engine.sql.result import Result
from engine.sql.session import Session


class LimitedSession(Session):
    """A session whose statements end when they take more than `query_seconds`, or give more than `query_rows`; 0: any."""

    query_seconds: float = 0.0
    query_rows: int = 0
    _statement = 0
    _expired = False
    _inside = False

    def execute(self, sql: str, params: Parameters = ()) -> Result:
        """As Session.execute. Raises LimitError as well."""
        return self._limited(lambda: super(LimitedSession, self).execute(sql, params))

    def executemany(self, sql: str, rows: Iterable[Parameters]) -> Result:
        """As Session.executemany. Raises LimitError as well."""
        return self._limited(lambda: super(LimitedSession, self).executemany(sql, rows))

    def _limited(self, work: Callable[[], Result]) -> Result:
        if self._inside:  # a statement within a statement, as COPY runs its query
            return work()
        self._statement += 1
        self._expired = False
        timer = None
        if self.query_seconds > 0:
            timer = threading.Timer(self.query_seconds, self._expire, (self._statement,))
            timer.daemon = True
            timer.start()
        self._inside = True
        result = None
        try:
            result = work()
        finally:
            self._inside = False
            if timer is not None and (result is None or result.finished):
                timer.cancel()
        if self.query_rows > 0 and result.has_rows:
            result.limit_rows(self.query_rows, too_many)
        return result

    def _expire(self, statement: int) -> None:
        if statement == self._statement:
            self._expired = True
            self.interrupt()

    def _interrupted(self) -> None:
        if self._expired:
            self.flag[0] = self._expired = False
            raise LimitError(f"the statement ran longer than query_seconds = {self.query_seconds:g}")
        super()._interrupted()


def too_many(limit: int) -> LimitError:
    """The error of a statement that gives too many rows."""
    return LimitError(f"the statement gives more than query_rows = {limit:,} rows")
