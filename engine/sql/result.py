"""What a statement gives back: an iterator of tuples that knows its columns.

Rows are computed while they are fetched. The first ones are computed at once, so that a statement that gives few rows is
over, and its snapshot given back, before anybody sees the Result. What leaves for other libraries is made in
engine.sql.result_tables.
"""

from itertools import islice

from engine.base.errors import InterfaceError
from engine.sql import result_tables
from engine.sql.columns.boundary import Batches

FIRST_ROWS = 64


class Result:
    """The rows of a query, or the outcome of a change.

    columns: names. types: names of the types, "ANY" where only the values tell. rowcount: rows changed by INSERT, UPDATE
    or DELETE, -1 for anything else. A Result can be iterated once; `close` gives up the rows that were not fetched.
    """

    def __init__(self, columns=(), kinds=(), rows=None, rowcount=-1, finish=None, statement=""):
        self.columns = columns
        self.kinds = kinds
        self.rowcount = rowcount
        self.statement = statement
        self.source = rows
        self._finish = finish
        self._over = rows is None
        self._first = []
        if isinstance(rows, Batches):
            self._begin(rows)
        elif rows is not None:
            self._first = self._pull(FIRST_ROWS)
            self._first.reverse()

    @property
    def types(self):
        """The names of the columns' types."""
        return tuple(kind.name for kind in self.kinds)

    @property
    def has_rows(self):
        """Whether the statement gives rows at all (perhaps none)."""
        return bool(self.columns)

    @property
    def finished(self):
        """Whether the statement is over; computed rows may still be waiting."""
        return self._over

    def _begin(self, batches):
        """Compute the first rows of a plan that runs in columns, which stay batches until somebody asks for rows."""
        try:
            complete = batches.prefetch(FIRST_ROWS)
        except BaseException:
            self.end(False)
            raise
        if complete:
            self._over = True
            finish = self._finish
            self._finish = None
            if finish is not None:
                finish(True)

    def _pull(self, count):
        """Compute up to `count` further rows; ends the statement when there are no more, or one fails."""
        rows = self.source
        if rows is None:
            return []
        try:
            found = list(islice(rows, count))
        except BaseException:
            self.end(False)
            raise
        if len(found) < count:
            self.end(True)
        return found

    def end(self, well):
        """The statement is over: its snapshot is given back."""
        self.source = None
        self._over = True
        finish = self._finish
        self._finish = None
        if finish is not None:
            finish(well)

    def __iter__(self):
        while True:
            while self._first:
                yield self._first.pop()
            more = self._pull(256)
            if not more:
                return
            more.reverse()
            self._first = more

    def fetchone(self):
        """The next row, or None."""
        if not self._first:
            self._first = self._pull(256)
            self._first.reverse()
        return self._first.pop() if self._first else None

    def fetchmany(self, size=100):
        """The next rows, at most `size`."""
        if size < 0:
            raise InterfaceError("fetchmany needs a size of 0 or more")
        return list(islice(self, size)) if size else []

    def fetchall(self):
        """All further rows."""
        rows = self._first[::-1]
        self._first = []
        if self.source is not None:
            source = self.source
            try:
                rows += source
            except BaseException:
                self.end(False)
                raise
            self.end(True)
        return rows

    def buffer(self):
        """Compute all further rows now, so that the transaction may end."""
        if self.source is not None:
            self._first = self.fetchall()[::-1]

    def close(self):
        """Give up the rows that were not fetched."""
        self._first = []
        rows = self.source
        if rows is not None:
            close = getattr(rows, "close", None)
            if close is not None:
                close()
            self.end(True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()

    def __del__(self):
        if self.source is not None:
            self.close()

    def __repr__(self):
        if not self.columns:
            return f"<Result rowcount={self.rowcount}>"
        return f"<Result columns={', '.join(self.columns)}>"

    def to_arrow(self):
        """All further rows as a pyarrow.Table; without a copy where they were computed in columns.

        Raises NotSupportedError when pyarrow is not installed, and for a column whose values are of several types.
        """
        return result_tables.to_arrow(self)

    def limit_rows(self, limit, error):
        """Have all rows beyond the limit refused; raises at once where there are more already."""
        source = self.source
        known = len(self._first)
        if isinstance(source, Batches):
            source.most = (limit, error)
            known = source.total
        elif source is not None:
            self.source = _guarded(source, known, limit, error)
        if known > limit:
            self.close()
            raise error(limit)

    def batches(self, size):
        """All further rows as (an Arrow array a column, rows), about `size` rows at a time, computed as they are taken.

        A column of several types comes as TEXT. pyarrow must be there.
        """
        return result_tables.batches(self, size)

    def arrow_batches(self):
        """All further rows as pyarrow.RecordBatches, as they are computed; None where they are computed row by row.

        Memory is that of a batch, some ten thousand rows. None also when some rows were fetched already, or a column's values may
        be of several types; the rows are all there then.
        """
        return result_tables.arrow_batches(self)

    def to_pandas(self):
        """All further rows as a pandas.DataFrame. Raises NotSupportedError when pandas is not installed."""
        return result_tables.to_pandas(self)

    def to_polars(self):
        """All further rows as a polars.DataFrame. Raises NotSupportedError when polars is not installed."""
        return result_tables.to_polars(self)


def complete_result(columns, kinds, rows, rowcount, statement):
    """A result whose rows are all there; `rows` becomes the result's own."""
    found: Result = Result.__new__(Result)
    found.columns = columns
    found.kinds = kinds
    found.rowcount = rowcount
    found.statement = statement
    found._over = True
    if len(rows) > 1:
        rows.reverse()
    found._first = rows
    return found


def _guarded(rows, known, limit, error):
    """Rows, of which `known` have come before, refused beyond the limit."""
    for row in rows:
        known += 1
        if known > limit:
            raise error(limit)
        yield row
