"""Batches of arrays into a table: rows, keys and entries of indexes are encoded in compiled code and go to the pages in order.

    few rows          as INSERT does it, one after the other
    many rows         the transaction becomes a large one (engine.txn.large), which keeps the commit section; then for every batch
                      CHECK and NOT NULL in columns, rows and keys encoded, sorted, looked up where they are not behind all
                      others, put; the first batch of an empty table is built from below. Then the indexes likewise.
    expressions or conditions in an index: as for few rows

FOREIGN KEYs are noted once for each distinct value of a batch, and looked at by the end of the statement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine.base.errors import DataError, Error, IntegrityError
from engine.catalog.objects import Index, KeyKind, Table
from engine.record.from_arrow import ArrowRows
from engine.record.keys import decode_rowid
from engine.record.types import INTEGER_MAX, Type, convert
from engine.sql.binder import Binder
from engine.sql.columns import arrow
from engine.sql.columns.batch import Batch
from engine.sql.columns.evaluate import Evaluator
from engine.sql.compile_expr import Runtime
from engine.sql.copying.files import shown
from engine.sql.copying.source import Source
from engine.sql.expr import Column, Expr
from engine.sql.row_exprs import bind_row_expr
from engine.sql.writer import Writer
from engine.sql.writers import make_writer
from engine.txn.packed import Packed
from engine.txn.writes import Writes

FEW_ROWS = 5_000
"""Up to so many rows in all are inserted like those of any INSERT."""
Place = Callable[[int], str]


class TreeLoad:
    """Puts the sorted pairs of batches into one tree. unique: which of them must not be there yet."""

    def __init__(self, txn: Any, tree: int, unique: str = "all"):
        self.txn = txn
        self.tree = tree
        self.unique = unique
        self.last: bytes | None = None if unique == "none" else self._find_last()

    def _find_last(self) -> bytes | None:
        found = next(iter(self.txn.scan(self.tree, None, None, True)), None)
        return None if found is None else found[0]

    def put(self, packed: Packed, taken: Callable[[int], Error]) -> None:
        """Put a batch. taken(i): the error for row i, whose key is there already."""
        length, where = packed.longest_key()
        if length > 1000:
            self.txn.store.check_key(packed.pair(where)[0])
        writes = Writes()
        writes.add_packed(packed)
        ordered = packed.in_order()
        if not ordered:
            writes.sort()
        if self.unique != "none":
            if writes.count < packed.count:
                self._refuse_twice(packed, taken)
            if not (self.last is None or (ordered and packed.pair(0)[0] > self.last)):
                self._look(packed, taken)
        self.txn.put_sorted(self.tree, writes)
        if self.unique != "none":
            self.last = self._find_last()

    def _refuse_twice(self, packed: Packed, taken: Callable[[int], Error]) -> None:
        seen = set()
        for i in range(packed.count):
            key = packed.pair(i)[0]
            if key in seen:
                raise taken(i)
            seen.add(key)

    def _look(self, packed: Packed, taken: Callable[[int], Error]) -> None:
        """Look for keys that are there: all, or, in a UNIQUE index, those without a NULL, whose entry has a value."""
        get, tree = self.txn.get, self.tree
        for i in range(packed.count):
            key, value = packed.pair(i)
            if (self.unique == "all" or value) and get(tree, key) is not None:
                raise taken(i)


class Loader:
    """Loads one source into one table, within a transaction that somebody else ends."""

    def __init__(self, session: Any, txn: Any, table: Table, source: Source, binder: Binder):
        self.session = session
        self.txn = txn
        self.table = table
        self.source = source
        self.rt = Runtime()
        self.writer: Writer = make_writer(binder, table, self.rt)
        self.checks: list[tuple[str, Expr, tuple[Column, ...]]] = []
        for check in table.checks:
            condition, columns = bind_row_expr(binder, table, check.sql, "in CHECK")
            self.checks.append((check.name or check.sql, condition, columns))
        self.rt.begin(txn, session, session.flag)
        self.rt.bind(())
        self.evaluator = Evaluator(self.rt)
        given = {field.position for field in source.fields}
        self.absent = {p: self.writer.default(p) for p in range(len(table.columns)) if p not in given}
        self.trees: dict[int, TreeLoad] = {}

    def run(self) -> int:
        """Load everything; how many rows. Raises DataError, IntegrityError with the place in the file."""
        self.writer.begin()
        count = 0
        held: tuple[int, int, list[Any]] | None = None
        many = False
        for batch in self.source.batches():
            self.rt.check()
            count += batch[1]
            if held is None and not many and batch[1] <= FEW_ROWS:
                held = batch
                continue
            if not many:
                many = True
                self._begin_many()
            for one in (held, batch):
                if one is not None:
                    self._load(*one)
            held = None
        if held is not None:
            self._insert(held[0], held[1], self._whole(held[1], held[2]))
        self.writer.finish()
        return count

    def _whole(self, rows: int, given: list[Any]) -> list[Any]:
        """An array for every column of the table."""
        arrays: list[Any] = [None] * len(self.table.columns)
        for field, array in zip(self.source.fields, given, strict=True):
            arrays[field.position] = array
        for position, value in self.absent.items():
            column = self.table.columns[position]
            kind = arrow.TYPES[column.type]
            value = convert(value, column.type, column.name)
            arrays[position] = (
                arrow.pa.nulls(rows, kind) if value is None else arrow.pa.repeat(arrow.pa.scalar(value, kind), rows)
            )
        return arrays

    # ------------------------------------------------------------------------------------------------- few rows

    def _insert(self, first: int, rows: int, arrays: list[Any]) -> None:
        """Insert rows one by one, as INSERT does."""
        writer = self.writer
        for i, row in enumerate(zip(*map(arrow.python_values, arrays), strict=True)):
            try:
                writer.insert(row)
            except (DataError, IntegrityError) as error:
                raise self._placed(error, first + i) from None
            if i & 0xFF == 0:
                self.rt.check()

    def _placed(self, error: Error, row: int, column: str | None = None) -> Error:
        """The same error, with the place in the file."""
        place = self.source.place(row) + (f":{shown(column)}" if column else "")
        return type(error)(f"{place}: {error}")

    # ------------------------------------------------------------------------------------------------ many rows

    def _begin_many(self) -> None:
        """Become a large transaction, before anything is looked at: from now on nobody else commits."""
        txn, table = self.txn, self.table
        self.bulk = all(index.plain for index in table.indexes)
        if not self.bulk:
            return
        txn.put_sorted(table.tree, Writes())
        self.writer.rowids.pop(table.tree, None)
        unique = "none" if table.key is KeyKind.ROWID else "all"
        self.trees[table.tree] = TreeLoad(txn, table.tree, unique)
        for index in table.indexes:
            self.trees[index.tree] = TreeLoad(txn, index.tree, "values" if index.unique else "none")
        kept = {*table.key_columns, table.rowid_column}
        self.rows = ArrowRows([c.type for c in table.columns], [p not in kept for p in range(len(table.columns))])

    def _load(self, first: int, rows: int, given: list[Any]) -> None:
        """Load one batch."""
        arrays = self._whole(rows, given)
        if not self.bulk:
            self._insert(first, rows, arrays)
            return
        self._check(first, rows, arrays)
        writer, table = self.writer, self.table
        if table.rowid_column >= 0:
            arrays[table.rowid_column] = self._row_ids(arrays[table.rowid_column])
        self.rows.begin(arrays)
        packed = self.rows.rows(rows)
        if table.key is KeyKind.COLUMNS:
            down = [c.descending for c in table.primary_key]
            self.rows.item_keys(packed, table.key_columns, down, table.key_codec.nulls_last)
        elif table.key is KeyKind.ALIAS:
            self.rows.number_keys(packed, table.rowid_column, 0)
        else:
            start = writer.last_rowid() + 1
            if start + rows > INTEGER_MAX:
                raise DataError(f"the row ids of {table.name} are used up")
            self.rows.number_keys(packed, -1, start)
            writer.rowids[table.tree] = start + rows - 1
        self.trees[table.tree].put(packed, lambda row: self._placed(writer.key_taken(), first + row))
        if table.key is KeyKind.ALIAS:
            last = self.trees[table.tree].last
            writer.rowids[table.tree] = max(0, 0 if last is None else decode_rowid(last))
        for index in table.indexes:
            self._enter(index, packed, first)
        self._note_links(arrays)

    def _enter(self, index: Index, packed: Packed, first: int) -> None:
        entries = Packed(packed.count)
        positions = [column.position for column in index.columns]
        codec = index.codec
        self.rows.item_keys(entries, positions, codec.descending, codec.nulls_last, packed, index.unique)
        self.trees[index.tree].put(entries, lambda row: self._placed(self.writer.not_unique(index), first + row))

    def _row_ids(self, array: Any) -> Any:
        """An INTEGER PRIMARY KEY without NULL: as INSERT does it, each takes one more than the greatest there is."""
        if not array.null_count:
            return array
        last, found = self.writer.last_rowid(), []
        for value in arrow.python_values(array):
            if value is None:
                value = last + 1
                if value > INTEGER_MAX:
                    raise DataError(f"the row ids of {self.table.name} are used up")
            last = max(last, value)
            found.append(value)
        return arrow.pa.array(found, arrow.TYPES[Type.INTEGER])

    def _check(self, first: int, rows: int, arrays: Sequence[Any]) -> None:
        """NOT NULL, and CHECK: refused is what is false."""
        pc = arrow.pc
        for position, column in enumerate(self.table.columns):
            array = arrays[position]
            if column.not_null and position != self.table.rowid_column and array.null_count:
                row = pc.index(pc.is_null(array), True).as_py()
                name = f"{self.table.name}.{column.name}"
                raise self._placed(IntegrityError(f"NOT NULL constraint failed: {name}"), first + row, column.name)
        for name, condition, columns in self.checks:
            try:
                found = arrow.repeated(self.evaluator.value(condition, Batch(columns, list(arrays), rows)), rows)
                if found.type != arrow.TYPES[Type.BOOLEAN]:
                    found = pc.not_equal(found, arrow.pa.scalar(0, found.type))
            except arrow.failures():
                self._check_rows(first, arrays)
                return
            row = pc.index(found, False).as_py()
            if row >= 0:
                raise self._placed(IntegrityError(f"CHECK constraint failed: {name}"), first + row)

    def _check_rows(self, first: int, arrays: Sequence[Any]) -> None:
        for i, row in enumerate(zip(*map(arrow.python_values, arrays), strict=True)):
            try:
                self.writer.check(row)
            except (DataError, IntegrityError) as error:
                raise self._placed(error, first + i) from None

    def _note_links(self, arrays: Sequence[Any]) -> None:
        """Note what the rows refer to, each once."""
        for link in self.writer.referring:
            names = [f"c{place}" for place in range(len(link.key.columns))]
            table = arrow.pa.table([arrays[position] for position in link.key.columns], names=names)
            distinct = table.group_by(names).aggregate([])
            for key in zip(*(distinct.column(name).to_pylist() for name in names), strict=True):
                if None not in key:
                    assert self.writer.links is not None
                    self.writer.links.note(link, key)
