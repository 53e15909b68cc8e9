"""Sorting of the row gear: in runs, so that a long sort can be cancelled, and one beyond query_memory goes to files.

    rows --> runs of RUN rows, each sorted by Python --> one run: these are the rows
                 |                                  +-> several: merged row by row (heapq.merge)
                 +-- more than query_memory together: the runs so far go to temporary files, and are read back in portions

Equal rows stay in the order in which they came.
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any

from engine.base.errors import LimitError, OperationalError
from engine.record.types import Type
from engine.sql import operators as op
from engine.sql.compile_expr import Closure, Row, Runtime
from engine.sql.plan import Plan, SortKey
from engine.sql.temporary import temporary_file

Keys = list[tuple[Closure, SortKey]]
RUN = 1 << 15
WRITTEN = 1024
"""Rows that are written and read back at a time."""
SAMPLED = 64


def sort_rows(rows: list[Row], keys: Keys) -> list[Row]:
    """Rows in order: one stable pass a key, the last key first."""
    for closure, key in reversed(keys):
        values = [closure(row) for row in rows]
        if key.expr.type is Type.ANY:
            values = [None if value is None else op.sort_key(value) for value in values]
        if None in values:
            # the flag that is greater comes last, and `reverse` turns it round
            last = key.nulls_last != key.descending
            values = [((value is None) == last, value) for value in values]
        order = sorted(range(len(rows)), key=values.__getitem__, reverse=key.descending)
        rows = [rows[i] for i in order]
    return rows


def size_of(rows: list[Row]) -> int:
    """Bytes of rows in memory, by a sample."""
    if not rows:
        return 0
    sample = rows[:: max(1, len(rows) // SAMPLED)]
    each = sum(sys.getsizeof(row) + 8 + sum(map(sys.getsizeof, row)) for row in sample)
    return each * len(rows) // len(sample)


def sorted_rows(rows: Iterable[Row], keys: Keys, rt: Runtime, plan: Plan) -> Iterator[Row]:
    """All rows in order."""
    limit = rt.session.shared.query_memory
    runs: list[list[Row]] = []
    files: list[IO[bytes]] = []
    held: list[Row] = []
    size = 0
    for row in rows:
        held.append(row)
        if len(held) < RUN:
            continue
        rt.check()
        runs.append(sort_rows(held, keys))
        size += size_of(held)
        held = []
        if size > limit:
            files += [_written(run, rt, plan) for run in runs]
            runs, size = [], 0
    if held:
        runs.append(sort_rows(held, keys))
    if not files and len(runs) < 2:
        return iter(runs[0] if runs else ())
    rank = _ranking(keys)
    return heapq.merge(*(_read(file, rt) for file in files), *(_looking(run, rt) for run in runs), key=rank)


def held_rows(rows: Iterable[Row], rt: Runtime, what: str) -> list[Row]:
    """All rows, for an operator that needs them in memory. Raises LimitError where they are beyond query_memory."""
    limit = rt.session.shared.query_memory
    found: list[Row] = []
    size = 0
    for row in rows:
        found.append(row)
        if not len(found) % RUN:
            rt.check()
            size += size_of(found[-RUN:])
            if size > limit:
                raise LimitError(
                    f"{what} needs all rows in memory, and they are more than query_memory = {limit:,} bytes: "
                    "ask for fewer rows or columns, or open the database with a larger query_memory"
                )
    return found


def _written(run: list[Row], rt: Runtime, plan: Plan) -> IO[bytes]:
    import pickle  # 3 ms, seldom needed

    file = temporary_file(rt.session.store)
    try:
        for start in range(0, len(run), WRITTEN):
            pickle.dump(run[start : start + WRITTEN], file, pickle.HIGHEST_PROTOCOL)
        if rt.profile is not None:
            rt.profile.of_running(plan).spilled += file.tell()
        file.seek(0)
    except OSError as error:
        raise OperationalError(f"a temporary file of the query cannot be written: {error}") from None
    return file


def _read(file: IO[bytes], rt: Runtime) -> Iterator[Row]:
    import pickle

    with file:
        while True:
            rt.check()
            try:
                yield from pickle.load(file)
            except EOFError:
                return


def _looking(rows: list[Row], rt: Runtime) -> Iterator[Row]:
    for start in range(0, len(rows), WRITTEN):
        rt.check()
        yield from rows[start : start + WRITTEN]


class _Down:
    """A value in a descending order."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Down) and bool(self.value == other.value)

    def __lt__(self, other: _Down) -> bool:
        return bool(other.value < self.value)

    __hash__ = None  # type: ignore[assignment]


def _ranking(keys: Keys) -> Callable[[Row], Any]:
    """A function from a row to what it is merged by."""

    def part(row: Row, closure: Closure, key: SortKey) -> tuple[bool, Any]:
        value = closure(row)
        if value is None:
            return key.nulls_last, 0
        if key.expr.type is Type.ANY:
            value = op.sort_key(value)
        return not key.nulls_last, _Down(value) if key.descending else value

    return lambda row: [part(row, closure, key) for closure, key in keys]


def top_rows(rows: Iterable[Row], keys: Keys, count: int) -> list[Row]:
    """The first `count` rows of an order: sorted in portions, and what the first key refuses is not even kept."""
    if count == 0:
        return []
    closure, key = keys[0]
    portion = max(512, 2 * count)
    kept: list[Row] = []
    worse: Callable[[Any], bool] | None = None
    for row in rows:
        if worse is not None and worse(closure(row)):
            continue
        kept.append(row)
        if len(kept) >= portion + count:
            kept = sort_rows(kept, keys)[:count]
            worse = _worse_than(closure(kept[-1]), key)
    return sort_rows(kept, keys)[:count]


def _worse_than(bound: Any, key: SortKey) -> Callable[[Any], bool] | None:
    """Whether a value comes behind `bound` in the order of a key."""
    last = key.nulls_last
    if bound is None:
        return None if last else lambda value: value is not None
    if key.expr.type is Type.ANY:
        edge, rank = op.sort_key(bound), op.sort_key
        if key.descending:
            return lambda value: last if value is None else rank(value) < edge
        return lambda value: last if value is None else rank(value) > edge
    if key.descending:
        return lambda value: last if value is None else value < bound
    return lambda value: last if value is None else value > bound
