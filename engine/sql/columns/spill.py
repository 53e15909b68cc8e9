"""What is too much for memory goes to temporary files: batches by the hash of their keys, or in sorted runs.

    batches --> held, up to query_memory --> all there: the operator works on them as one batch
                      |
                      +--> too many --> parts by a hash of the keys: equal keys lie in one part --> the operator works on each part
                      +--> too many --> runs, each sorted --> merged: of the first batches of all runs, what no run can still
                                        come before is given away, the rest waits

A part that is still too large is parted again, with another hash, a few times: then its keys are equal, and it must do.
The files have no name from the moment they are made: whatever happens, the system removes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

from engine.base.errors import OperationalError
from engine.record.from_arrow import ArrowRows
from engine.record.types import Type
from engine.sql.columns import arrow
from engine.sql.columns.arrow import NoForm, kind_of
from engine.sql.columns.batch import Batch, size_of, together
from engine.sql.columns.order import Key, sorted_places
from engine.sql.compile_expr import Runtime
from engine.sql.expr import Column
from engine.sql.plan import Plan
from engine.sql.temporary import temporary_file

PARTS = 16
DEEPEST = 3
MERGED_ROWS = 4096
Keys = Callable[[Batch], list[Any]]


class Spill:
    """The temporary files of one operator of a running query."""

    def __init__(self, rt: Runtime, plan: Plan):
        self.rt = rt
        self.plan = plan
        self.limit: int = rt.session.shared.query_memory

    def file(self, columns: Sequence[Column]) -> SpillFile:
        """A new temporary file for batches of these columns."""
        return SpillFile(temporary_file(self.rt.session.store), columns, self)

    def note(self, size: int) -> None:
        """Have EXPLAIN ANALYZE tell it."""
        if self.rt.profile is not None:
            self.rt.profile.of_running(self.plan).spilled += size

    def gather(self, batches: Iterator[Batch]) -> tuple[list[Batch], bool]:
        """Batches up to the limit, and whether there may be more."""
        held: list[Batch] = []
        size = 0
        for batch in batches:
            held.append(batch)
            size += size_of(batch)
            if size > self.limit:
                return held, True
        return held, False

    def parts(self, columns: Sequence[Column], batches: Iterator[Batch], keys: Keys, depth: int = 0) -> list[SpillFile]:
        """All batches parted by the hash of their keys."""
        files = [self.file(columns) for _ in range(PARTS)]
        for batch in batches:
            self.rt.check()
            if not batch.rows:
                continue
            numbers = part_numbers(keys(batch), batch.rows, PARTS, depth)
            order = arrow.pc.array_sort_indices(numbers)
            counts = {int(found["values"]): int(found["counts"]) for found in numbers.value_counts().to_pylist()}
            ordered, start = batch.take(order), 0
            for part in range(PARTS):
                count = counts.get(part, 0)
                if count:
                    files[part].write(ordered.slice(start, count))
                    start += count
        return files

    def grouped(
        self, columns: Sequence[Column], batches: Iterator[Batch], keys: Keys, depth: int = 0
    ) -> Iterator[Batch]:
        """All rows: as one batch, or, where that is too much, in several, those with equal keys in the same."""
        held, more = self.gather(batches)
        if not more or depth > DEEPEST:
            yield together(columns, [*held, *batches])
            return
        for file in self.parts(columns, _chained(held, batches), keys, depth):
            if file.rows:
                yield from self.grouped(columns, file.read(), keys, depth + 1)

    def sorted(
        self, columns: Sequence[Column], batches: Iterator[Batch], keys: Callable[[Batch], list[Key]]
    ) -> Iterator[Batch]:
        """All rows in order; equal ones as they came."""
        held, more = self.gather(batches)
        first = together(columns, held)
        held.clear()
        if not more:
            yield first.take(sorted_places(keys(first), first.rows))
            return
        runs = []
        while first.rows:
            self.rt.check()
            run = self.file(columns)
            ordered = first.take(sorted_places(keys(first), first.rows))
            for start in range(0, ordered.rows, MERGED_ROWS):
                run.write(ordered.slice(start, MERGED_ROWS))
            runs.append(run)
            held, _ = self.gather(batches)
            first = together(columns, held)
            held.clear()
        yield from self._merged(columns, [run.read() for run in runs], keys)

    def _merged(
        self, columns: Sequence[Column], runs: list[Iterator[Batch]], keys: Callable[[Batch], list[Key]]
    ) -> Iterator[Batch]:
        """The rows of sorted runs in order. heads: of each run what has been read and not given away."""
        pa, pc = arrow.pa, arrow.pc
        heads: list[Batch | None] = [next(run, None) for run in runs]
        over = [head is None for head in heads]
        while any(head is not None for head in heads):
            self.rt.check()
            there = [place for place, head in enumerate(heads) if head is not None]
            whole = together(columns, [heads[place] for place in there])  # type: ignore[misc]
            order = sorted_places(keys(whole), whole.rows)
            ends, end = [], 0
            for place in there:
                head = heads[place]
                assert head is not None
                end += head.rows
                if not over[place]:
                    ends.append(end - 1)
            cut = whole.rows
            if ends:  # behind the first last row of a run that goes on, its next rows may come
                last = pc.is_in(order, options=pc.SetLookupOptions(value_set=pa.array(ends, order.type)))
                cut = pc.index(last, True).as_py() + 1
            given = order.slice(0, cut)
            yield whole.take(given)
            rest = pc.invert(
                pc.is_in(pa.array(range(whole.rows), order.type), options=pc.SetLookupOptions(value_set=given))
            )
            start = 0
            for place in there:
                head = heads[place]
                assert head is not None
                left: Batch | None = head.filter(rest.slice(start, head.rows))
                start += head.rows
                if left is not None and not left.rows:
                    left = next(runs[place], None)
                    over[place] = left is None
                heads[place] = left


class SpillFile:
    """Batches in a temporary file, written once, then read once."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column], spill: Spill):
        self.columns = columns
        self.rows = 0
        self._file = file
        self._spill = spill
        self._kinds: list[Any] = []
        self._writer: Any = None

    def write(self, batch: Batch) -> None:
        """Append a batch. Columns of nothing but NULL so far take their type from the first batch that has one."""
        pa = arrow.pa
        names = [f"c{i}" for i in range(len(batch.arrays))]
        if self._writer is None:
            self._kinds = [
                arrow.TYPES.get(c.type, a.type) if a.type == pa.null() else a.type
                for c, a in zip(self.columns, batch.arrays, strict=True)
            ]
            schema = pa.schema(list(zip(names, self._kinds, strict=True)))
            self._writer = pa.ipc.new_stream(self._file, schema)
        arrays = []
        for array, kind in zip(batch.arrays, self._kinds, strict=True):
            if array.type != kind:
                if array.type != pa.null():
                    raise NoForm("a column of several types")
                array = pa.nulls(len(array), kind)
            arrays.append(array)
        before = self._file.tell()
        try:
            self._writer.write_batch(pa.record_batch(arrays, names=names) if arrays else pa.record_batch([]))
        except OSError as error:
            raise OperationalError(f"a temporary file of the query cannot be written: {error}") from None
        self._spill.note(self._file.tell() - before)
        self.rows += batch.rows

    def read(self) -> Iterator[Batch]:
        """The batches, one after the other; the file is gone behind the last."""
        if self._writer is None:
            self._file.close()
            return
        self._writer.close()
        self._file.seek(0)
        with self._file, arrow.pa.ipc.open_stream(self._file) as reader:
            for found in reader:
                self._spill.rt.check()
                yield Batch(self.columns, list(found.columns), found.num_rows)


def part_numbers(keys: list[Any], rows: int, parts: int, seed: int) -> Any:
    """The number of each row's part, as an array."""
    pa = arrow.pa
    kinds, arrays = [], []
    for key in keys:
        kind = kind_of(key)
        kinds.append(Type.INTEGER if kind is Type.NULL else kind)
        arrays.append(None if kind is Type.NULL else key)
    hashed = ArrowRows(kinds, [True] * len(kinds))
    hashed.begin(arrays)
    return pa.Array.from_buffers(pa.int32(), rows, [None, pa.py_buffer(hashed.partitions(rows, parts, seed))])


def comparable_keys(keys: list[Any], others: Sequence[Type]) -> list[Any]:
    """Keys of one side of a join so that what equals across the sides is hashed alike: numbers of two types as REAL."""
    found = []
    for key, other in zip(keys, others, strict=True):
        kind = kind_of(key)
        if Type.NULL not in (kind, other) and kind is not other:
            if not {kind, other} <= {Type.INTEGER, Type.REAL, Type.BOOLEAN}:
                raise NoForm("keys of different types")
            if kind is Type.BOOLEAN:
                key = key.cast(arrow.TYPES[Type.INTEGER])
            if key.type != arrow.TYPES[Type.REAL]:
                key = key.cast(options=arrow.pc.CastOptions.unsafe(arrow.TYPES[Type.REAL]))
        found.append(key)
    return found


def _chained(held: list[Batch], batches: Iterator[Batch]) -> Iterator[Batch]:
    """The held batches, let go of one by one, then the others."""
    held.reverse()
    while held:
        yield held.pop()
    yield from batches
