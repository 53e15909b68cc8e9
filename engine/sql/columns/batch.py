"""A batch: rows as arrays, one a column, all of the same length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from engine.sql.columns import arrow
from engine.sql.columns.watch import take, watched
from engine.sql.expr import Column


class Batch:
    """See the module. columns: what the arrays are, in their order; `rows` counts also where there are no columns."""

    __slots__ = ("arrays", "columns", "places", "rows")

    def __init__(self, columns: Sequence[Column], arrays: list[Any], rows: int):
        self.columns = columns
        self.arrays = arrays
        self.rows = rows
        self.places = {column.id: place for place, column in enumerate(columns)}

    def filter(self, mask: Any) -> Batch:
        """The rows for which the mask is true."""
        if not arrow.is_array(mask):
            return self if mask.is_valid and mask.as_py() else self.slice(0, 0)
        count = arrow.pc.sum(mask).as_py() or 0
        if count == self.rows:
            return self
        return Batch(self.columns, [watched(self.rows, array.filter, mask) for array in self.arrays], count)

    def take(self, places: Any) -> Batch:
        """The rows at some places; a NULL place gives a row of NULLs."""
        return Batch(self.columns, [take(array, places) for array in self.arrays], len(places))

    def slice(self, start: int, count: int) -> Batch:
        """Some rows in a row."""
        start = min(start, self.rows)
        count = min(count, self.rows - start)
        return Batch(self.columns, [array.slice(start, count) for array in self.arrays], count)

    def renamed(self, columns: Sequence[Column]) -> Batch:
        """The same rows under other columns."""
        return Batch(columns, self.arrays, self.rows)

    def table(self, prefix: str = "c") -> Any:
        """As a pyarrow.Table with columns c0, c1 ..."""
        names = [f"{prefix}{place}" for place in range(len(self.arrays))]
        return arrow.pa.Table.from_arrays(self.arrays, names=names)

    def to_rows(self) -> Iterable[tuple[Any, ...]]:
        """As tuples."""
        if not self.arrays:
            return [()] * self.rows
        return zip(*map(arrow.python_values, self.arrays), strict=True)


def empty(columns: Sequence[Column]) -> Batch:
    """No rows."""
    return Batch(columns, [arrow.pa.nulls(0, arrow.TYPES.get(column.type, arrow.pa.null())) for column in columns], 0)


def together(columns: Sequence[Column], batches: Iterable[Batch]) -> Batch:
    """All rows as one batch."""
    found = [batch for batch in batches if batch.rows]
    if not found:
        return empty(columns)
    if len(found) == 1:
        return found[0]
    arrays = [arrow.joined([batch.arrays[i] for batch in found]) for i in range(len(columns))]
    return Batch(columns, arrays, sum(batch.rows for batch in found))


def size_of(batch: Batch) -> int:
    """Bytes of a batch's values."""
    return sum(array.nbytes for array in batch.arrays)


def larger(columns: Sequence[Column], batches: Iterable[Batch], rows: int, size: int) -> Iterator[Batch]:
    """The same rows in fewer batches, of about `rows` rows or `size` bytes."""
    held: list[Batch] = []
    count = taken = 0
    for batch in batches:
        held.append(batch)
        count += batch.rows
        taken += size_of(batch)
        if count >= rows or taken >= size:
            yield together(columns, held)
            held, count, taken = [], 0, 0
    if count:
        yield together(columns, held)
