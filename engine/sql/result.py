"""What a statement gives back: an iterator of tuples that knows its columns.

Rows are computed while they are fetched. The first ones are computed at once, so that a statement that gives few rows is
over, and its snapshot given back, before anybody sees the Result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from engine.base.errors import InterfaceError, NotSupportedError
from engine.record.types import Type, text_of
from engine.sql.columns import arrow
from engine.sql.columns.boundary import Batches

Row = tuple[Any, ...]
FIRST_ROWS = 64


class Result:
    """The rows of a query, or the outcome of a change.

    columns: names. types: names of the types, "ANY" where only the values tell. rowcount: rows changed by INSERT, UPDATE
    or DELETE, -1 for anything else. A Result can be iterated once; `close` gives up the rows that were not fetched.
    """

    __slots__ = ("__weakref__", "_finish", "_first", "_over", "_rows", "columns", "kinds", "rowcount", "statement")

    def __init__(
        self,
        columns: tuple[str, ...] = (),
        kinds: tuple[Type, ...] = (),
        rows: Iterator[Row] | None = None,
        rowcount: int = -1,
        finish: Callable[[bool], None] | None = None,
        statement: str = "",
    ):
        self.columns = columns
        self.kinds = kinds
        self.rowcount = rowcount
        self.statement = statement
        self._rows = rows
        self._finish = finish
        self._over = rows is None
        self._first: list[Row] = []
        if isinstance(rows, Batches):
            self._begin(rows)
        elif rows is not None:
            self._first = self._pull(FIRST_ROWS)
            self._first.reverse()

    @classmethod
    def complete(cls, columns: tuple[str, ...], kinds: tuple[Type, ...], rows: list[Row], statement: str) -> Result:
        """A result whose rows are all there."""
        made = cls(columns, kinds, None, -1, None, statement)
        rows.reverse()
        made._first = rows
        return made

    @property
    def types(self) -> tuple[str, ...]:
        """The names of the columns' types."""
        return tuple(kind.name for kind in self.kinds)

    @property
    def has_rows(self) -> bool:
        """Whether the statement gives rows at all (perhaps none)."""
        return bool(self.columns)

    @property
    def finished(self) -> bool:
        """Whether the statement is over; computed rows may still be waiting."""
        return self._over

    def _begin(self, batches: Batches) -> None:
        """Compute the first rows of a plan that runs in columns, which stay batches until somebody asks for rows."""
        try:
            complete = batches.prefetch(FIRST_ROWS)
        except BaseException:
            self._end(False)
            raise
        if complete:
            self._over = True
            finish, self._finish = self._finish, None
            if finish is not None:
                finish(True)

    def _pull(self, count: int) -> list[Row]:
        """Compute up to `count` further rows; ends the statement when there are no more, or one fails."""
        rows = self._rows
        if rows is None:
            return []
        try:
            found = list(islice(rows, count))
        except BaseException:
            self._end(False)
            raise
        if len(found) < count:
            self._end(True)
        return found

    def _end(self, well: bool) -> None:
        self._rows = None
        self._over = True
        finish, self._finish = self._finish, None
        if finish is not None:
            finish(well)

    def __iter__(self) -> Iterator[Row]:
        while True:
            while self._first:
                yield self._first.pop()
            more = self._pull(256)
            if not more:
                return
            more.reverse()
            self._first = more

    def fetchone(self) -> Row | None:
        """The next row, or None."""
        if not self._first:
            self._first = self._pull(256)
            self._first.reverse()
        return self._first.pop() if self._first else None

    def fetchmany(self, size: int = 100) -> list[Row]:
        """The next rows, at most `size`."""
        if size < 0:
            raise InterfaceError("fetchmany needs a size of 0 or more")
        return list(islice(self, size)) if size else []

    def fetchall(self) -> list[Row]:
        """All further rows."""
        rows = self._first[::-1]
        self._first = []
        if self._rows is not None:
            source = self._rows
            try:
                rows += source
            except BaseException:
                self._end(False)
                raise
            self._end(True)
        return rows

    def buffer(self) -> None:
        """Compute all further rows now, so that the transaction may end."""
        if self._rows is not None:
            self._first = self.fetchall()[::-1]

    def close(self) -> None:
        """Give up the rows that were not fetched."""
        self._first = []
        rows = self._rows
        if rows is not None:
            close = getattr(rows, "close", None)
            if close is not None:
                close()
            self._end(True)

    def __enter__(self) -> Result:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_rows", None) is not None:
            self.close()

    def __repr__(self) -> str:
        if not self.columns:
            return f"<Result rowcount={self.rowcount}>"
        return f"<Result columns={', '.join(self.columns)}>"

    # ------------------------------------------------------------------------------------------- other libraries

    def to_arrow(self) -> Any:
        """All further rows as a pyarrow.Table; without a copy where they were computed in columns.

        Raises NotSupportedError when pyarrow is not installed, and for a column whose values are of several types.
        """
        if not arrow.available():
            raise NotSupportedError("to_arrow needs pyarrow: pip install pyarrow")
        arrow.load()
        source = self._rows
        if not isinstance(source, Batches) or source.touched:
            return self._table([self._rows_batch(self.fetchall())])
        try:
            batches, tail = source.whole()
            parts = [batch.arrays for batch in batches]
            if tail is not None:
                parts.append(self._rows_batch(list(tail)))
        except BaseException:
            self._end(False)
            raise
        self._end(True)
        return self._table(parts)

    def limit_rows(self, limit: int, error: Callable[[int], Exception]) -> None:
        """Have all rows beyond the limit refused; raises at once where there are more already."""
        source = self._rows
        known = len(self._first)
        if isinstance(source, Batches):
            source.most = (limit, error)
            known = source.total
        elif source is not None:
            self._rows = _guarded(source, known, limit, error)
        if known > limit:
            self.close()
            raise error(limit)

    def batches(self, size: int) -> Iterator[tuple[list[Any], int]]:
        """All further rows as (an Arrow array a column, rows), about `size` rows at a time, computed as they are taken.

        A column of several types comes as TEXT. pyarrow must be there.
        """
        arrow.load()
        source = self._rows
        if isinstance(source, Batches) and not source.touched:
            try:
                for batch in source.parts():
                    for start in range(0, batch.rows, size):
                        part = batch.slice(start, size)
                        yield part.arrays, part.rows
            except BaseException:
                self._end(False)
                raise
        while rows := self.fetchmany(size):
            yield self._mixed_batch(rows), len(rows)
        self._end(True)

    def _mixed_batch(self, rows: list[Row]) -> list[Any]:
        try:
            return self._rows_batch(rows)
        except NotSupportedError:
            kinds = [{type(row[i]) for row in rows} - {type(None)} for i in range(len(self.kinds))]
            mixed = {i for i, found in enumerate(kinds) if len(found) > 1}
            rows = [
                tuple([text_of(v) if i in mixed and v is not None else v for i, v in enumerate(row)]) for row in rows
            ]
            return [arrow.array_of([row[i] for row in rows], kind) for i, kind in enumerate(self.kinds)]

    def _rows_batch(self, rows: list[Row]) -> list[Any]:
        """Rows as arrays."""
        arrays = []
        for i, kind in enumerate(self.kinds):
            values = [row[i] for row in rows]
            if kind is Type.REAL:
                values = [None if value is None else float(value) for value in values]
            try:
                arrays.append(arrow.array_of(values, kind))
            except arrow.NoForm:
                raise NotSupportedError(f"column {self.columns[i]} holds values of several types") from None
        return arrays

    def _table(self, parts: list[list[Any]]) -> Any:
        pa = arrow.pa
        columns = []
        for i, kind in enumerate(self.kinds):
            arrays = [part[i] for part in parts]
            wanted = arrow.TYPES.get(kind)
            found = {array.type for array in arrays} - {pa.null()}
            if wanted is None:
                wanted = found.pop() if len(found) == 1 else pa.null()
            try:
                columns.append(pa.chunked_array([a if a.type == wanted else a.cast(wanted) for a in arrays], wanted))
            except pa.ArrowException:
                raise NotSupportedError(f"column {self.columns[i]} holds values of several types") from None
        return pa.Table.from_arrays(columns, names=list(self.columns))

    def to_pandas(self) -> Any:
        """All further rows as a pandas.DataFrame. Raises NotSupportedError when pandas is not installed."""
        try:
            import pandas as pd  # type: ignore[import-untyped, import-not-found, unused-ignore]
        except ImportError:
            raise NotSupportedError("to_pandas needs pandas: pip install pandas") from None
        if self._is_typed():
            return self.to_arrow().to_pandas()
        return pd.DataFrame.from_records(self.fetchall(), columns=list(self.columns))

    def to_polars(self) -> Any:
        """All further rows as a polars.DataFrame. Raises NotSupportedError when polars is not installed."""
        try:
            import polars as pl  # type: ignore[import-not-found, unused-ignore]
        except ImportError:
            raise NotSupportedError("to_polars needs polars: pip install polars") from None
        if self._is_typed() and len(set(self.columns)) == len(self.columns):
            return pl.from_arrow(self.to_arrow())
        rows = self.fetchall()
        return pl.DataFrame(rows, schema=list(self.columns), orient="row", infer_schema_length=None)

    def _is_typed(self) -> bool:
        """Whether all columns have one type each, so that they can leave as Arrow arrays."""
        return arrow.available() and Type.ANY not in self.kinds


def _guarded(rows: Iterator[Row], known: int, limit: int, error: Callable[[int], Exception]) -> Iterator[Row]:
    """Rows, of which `known` have come before, refused beyond the limit."""
    for row in rows:
        known += 1
        if known > limit:
            raise error(limit)
        yield row
