"""UPDATE and DELETE in columns: batches of a table's rows become the sorted writes of a BulkChanges.

    scan --> first rows, row by row: most changes end there
         \\-> batch --> condition --> new arrays --> rows and keys encoded --> writes
                  \\-- no form for these values: from here on row by row, with the row gear's errors

The scan is in key order, so what goes on row by row begins behind the last key that is done. For changes that look at
nothing but the row itself, of tables without CHECK, and of columns in no index (`suits`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from engine.catalog.objects import KeyKind, Table
from engine.record.from_arrow import ArrowRows
from engine.record.types import Type
from engine.sql.bulk_changes import BulkChanges
from engine.sql.columns import arrow
from engine.sql.columns.arrow import NoForm, array_from_buffers
from engine.sql.columns.batch import Batch
from engine.sql.columns.boundary import IMPORT_WORTH, REFUSED
from engine.sql.columns.evaluate import Evaluator
from engine.sql.columns.watch import imported, watching
from engine.sql.compile_expr import Runtime
from engine.sql.expr import Column, Const, Expr, Param, columns_of
from engine.sql.plan import FullScan, KeyAccess, Scan
from engine.sql.scan import Pairs, compile_pairs
from engine.sql.writer import Writer
from engine.txn.packed import Packed

FIRST_ROWS, FIRST_FORCED = 2_000, 4
"""Rows that are changed row by row before columns are begun; where the column gear is forced."""
BATCH = 65_536
LARGEST = 1 << 30
"""Bytes of a batch's rows; a single value beyond that is refused by the row gear."""


def suits(plan: Scan, changed: frozenset[int] | None, writer: Writer) -> bool:
    """Whether a change can run in columns. changed: places of the columns; None: rows are deleted."""
    access = plan.access
    in_order = isinstance(access, FullScan) or (
        isinstance(access, KeyAccess) and access.index is None and not access.unique
    )
    touched = any(changed is None or entries.columns & changed for entries in writer.indexes)
    return in_order and not access.reverse and not writer.checks and not touched  # type: ignore[union-attr]


class ColumnChange:
    """One compiled change. changes: new values by column, None for DELETE. by_rows: changes the rows of pairs that fit, in the row gear."""

    def __init__(
        self,
        plan: Scan,
        changes: dict[int, Expr] | None,
        bulk: BulkChanges,
        by_rows: Callable[[Pairs], None],
        rt: Runtime,
    ):
        self.plan, self.changes, self.bulk, self.by_rows, self.rt = plan, changes, bulk, by_rows, rt
        self.table: Table = plan.table
        self.pairs = compile_pairs(plan, rt)
        table, width = self.table, len(self.table.columns)
        if table.key is KeyKind.COLUMNS:
            self.key_places = list(table.key_columns)
        else:
            self.key_places = [table.rowid_column if table.key is KeyKind.ALIAS else width]
        used = columns_of(plan.filter) if plan.filter is not None else set()
        wanted = {place for place, column in zip(plan.positions, plan.columns, strict=True) if column.id in used}
        self.places = sorted({*self.key_places, *(wanted if changes is None else range(width))})
        known = dict(zip(plan.positions, plan.columns, strict=True))
        hidden = Column(Type.INTEGER, -3_000_000, "rowid")
        self.columns = [known.get(place, hidden) for place in self.places]
        self.kinds = [Type.INTEGER if place == width else table.columns[place].type for place in self.places]

    def run(self) -> int:
        """Change the rows; how many."""
        rt, bulk = self.rt, self.bulk
        bulk.begin(rt.txn, rt.flag)
        source = iter(self.pairs())
        first = list(islice(source, FIRST_FORCED if rt.forced else FIRST_ROWS))
        self.by_rows(first)
        if first and self._pays():
            self._in_columns(source, first[-1][0])
        else:
            self.by_rows(source)
        return bulk.finish()

    def _pays(self) -> bool:
        """Whether columns are to be used; pyarrow is imported then."""
        rt = self.rt
        if not arrow.is_ready():
            if not (arrow.is_loaded() or rt.forced or rt.txn.estimate(self.table.tree) >= IMPORT_WORTH):
                return False
            with watching(rt.check):
                imported(arrow.load)
        return True

    def _in_columns(self, source: Iterator[tuple[bytes, bytes]], done: bytes) -> None:
        """Change the rest of the rows. done: the last key before it."""
        rt, last = self.rt, None
        reader = self.table.column_reader(self.places)
        table, kept = self.table, {*self.table.key_columns, self.table.rowid_column}
        kinds = [column.type for column in table.columns]
        self.rows = ArrowRows(kinds, [place not in kept for place in range(len(kinds))])
        self.keys = ArrowRows(
            [self.kinds[self.places.index(place)] for place in self.key_places], [False] * len(self.key_places)
        )
        self.ev = Evaluator(rt)
        rt.catch_up()
        try:
            while True:
                rt.check()
                rows, buffers = reader.read(source, BATCH)
                if not rows:
                    return
                rt.flag[2] += rows
                arrays = [
                    array_from_buffers(kind, rows, found, True) for kind, found in zip(self.kinds, buffers, strict=True)
                ]
                batch = Batch(self.columns, arrays, rows)
                with watching(rt.check):
                    packed = self._packed(batch)
                if packed is not None:
                    self.bulk.add_packed(packed, self.changes is None)
                last = batch
        except arrow.failures() as error:
            REFUSED.append(repr(error))
            if last is not None:
                done = self._keyed(Packed(1), last.slice(last.rows - 1, 1)).pair(0)[0]
            self.by_rows(pair for pair in self.pairs() if pair[0] > done)

    def _packed(self, batch: Batch) -> Packed | None:
        """Keys and new values of a batch's rows that fit the condition; None where there are none."""
        if self.plan.filter is not None:
            batch = batch.filter(self.ev.condition(self.plan.filter, batch))
        if not batch.rows:
            return None
        if self.changes is None:
            return self._keyed(Packed(batch.rows), batch)
        by_place = dict(zip(self.places, batch.arrays, strict=True))
        arrays = [by_place[place] for place in range(len(self.table.columns))]
        for place, expr in self.changes.items():
            arrays[place] = self._value(place, expr, batch)
        self.rows.begin(arrays)
        packed = self.rows.rows(batch.rows)
        if packed.size > LARGEST:
            raise NoForm("rows of more than a gigabyte")
        return self._keyed(packed, batch)

    def _keyed(self, packed: Packed, batch: Batch) -> Packed:
        """The rows with their keys."""
        table = self.table
        self.keys.begin([batch.arrays[self.places.index(place)] for place in self.key_places])
        if table.key is KeyKind.COLUMNS:
            down = [column.descending for column in table.primary_key]
            self.keys.item_keys(packed, range(len(self.key_places)), down, table.key_codec.nulls_last)
        else:
            self.keys.number_keys(packed, 0, 0)
        return packed

    def _value(self, place: int, expr: Expr, batch: Batch) -> Any:
        """The new values of a column, of exactly its type."""
        column = self.table.columns[place]
        kind = arrow.TYPES[column.type]
        if column.type in (Type.DATE, Type.TIMESTAMP) and not isinstance(expr, (Column, Const, Param)):
            raise NoForm("moments that are computed may lie outside the years there are")
        array = self.ev.array(expr, batch)
        if array.type == arrow.pa.null() or (array.type == arrow.pa.int64() and column.type is Type.REAL):
            array = array.cast(kind)  # refuses integers that no REAL is
        if array.type != kind:
            raise NoForm(f"{array.type} for {column.name}")
        if column.not_null and (array.null_count or _has_nan(array, column.type)):
            raise NoForm(f"NULL for {column.name}")
        return array


def _has_nan(array: Any, kind: Type) -> bool:
    return kind is Type.REAL and bool(arrow.pc.any(arrow.pc.is_nan(array)).as_py())
