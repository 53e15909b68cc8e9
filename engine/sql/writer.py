"""Changing the rows of one table: the row itself, its index entries, and the constraints between them.

Order of work for a new row: types and NOT NULL (the encoder), CHECK, then PRIMARY KEY and UNIQUE by a look at the trees,
then the row and its index entries. A row that collides is refused, passed over, or takes the place of those it collides
with, as the statement says. What a failing statement had written is undone by the session (a savepoint).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from engine.base.errors import DataError, IntegrityError
from engine.catalog.objects import Index, KeyKind, Table
from engine.record.keys import decode_rowid, encode_rowid
from engine.record.types import INTEGER_MAX
from engine.sql.compile_expr import Closure, Row, Runtime

OnConflict = Callable[["Writer", list[tuple[bytes, Row]], Row], bool]


class Writer:
    """Writes rows of a table; belongs to one compiled statement. `begin` readies it for one execution."""

    def __init__(self, table: Table, rt: Runtime, checks: list[tuple[str, Closure]]):
        self.table = table
        self.rt = rt
        self.checks = checks
        self.encoder = table.encoder()
        self.whole = table.decoder(range(len(table.columns)))  # type: ignore[arg-type]
        self.indexes = [(index, [column.position for column in index.columns]) for index in table.indexes]
        self.alias = table.rowid_column
        self.plain = not checks and not self.indexes and table.key is not KeyKind.COLUMNS
        self.rowids: dict[int, int] = {}
        self.inserted = 0

    def begin(self) -> None:
        """Take over what the transaction knows of the tables' last rows."""
        self.rowids = self.rt.session.rowids
        self.inserted = 0

    # ------------------------------------------------------------------------------------------------- row ids

    def _last(self) -> int:
        """The greatest row id there is, or 0."""
        last = self.rowids.get(self.table.tree)
        if last is None:
            last = self.rowids[self.table.tree] = self._find_last()
        return last

    def _find_last(self) -> int:
        """Looks at the end of the table only, from where it was seen last: a scan is a read that others can conflict with."""
        tree, hints = self.table.tree, self.rt.session.shared.last_rowids
        found = None
        if tree in hints:
            found = next(iter(self.rt.txn.scan(tree, encode_rowid(hints[tree]), None, True)), None)
        if found is None:
            found = next(iter(self.rt.txn.scan(tree, None, None, True)), None)
        last = hints[tree] = 0 if found is None else max(0, decode_rowid(found[0]))
        return last

    def next_rowid(self) -> int:
        """A row id behind all others."""
        rowid = self._last() + 1
        if rowid > INTEGER_MAX:
            raise DataError(f"the row ids of {self.table.name} are used up")
        self.rowids[self.table.tree] = rowid
        return rowid

    # -------------------------------------------------------------------------------------------------- insert

    def insert_fast(self, values: Any) -> None:
        """Insert a row of a table without indexes, CHECKs or a key of several columns; a collision is an error."""
        txn, tree = self.rt.txn, self.table.tree
        if self.alias < 0:
            txn.put(tree, encode_rowid(self.next_rowid()), self.encoder.encode(values))
            return
        rowid = values[self.alias]
        stored = self.encoder.encode(values)
        if rowid is None:
            rowid = self.next_rowid()
        else:
            if type(rowid) is not int:
                rowid = self.encoder.check(values)[self.alias]
            self._claim(rowid)
        txn.put(tree, encode_rowid(rowid), stored)

    def insert_all(self, rows: Iterable[Any], bind: Callable[[Any], Any], flag: list[Any]) -> int:
        """As `insert_fast` for many whole rows of a table with hidden row ids; `bind` checks what is no tuple or list."""
        put, encode, tree, width = self.rt.txn.put, self.encoder.encode, self.table.tree, len(self.table.columns)
        first = rowid = self._last()
        try:
            for row in rows:
                if (type(row) is not tuple and type(row) is not list) or len(row) != width:
                    row = bind(row)
                stored = encode(row)
                if rowid >= INTEGER_MAX:
                    raise DataError(f"the row ids of {self.table.name} are used up")
                put(tree, encode_rowid(rowid + 1), stored)
                rowid += 1
                if rowid & 0xFF == 0 and flag[0]:
                    flag[1]()
        finally:
            self.rowids[tree] = rowid
        return rowid - first

    def _claim(self, rowid: int) -> None:
        """Refuse a row id that is taken; ids behind the last one need no look."""
        self.inserted += 1
        if self.inserted > 1 and rowid > self._last():
            self.rowids[self.table.tree] = rowid
            return
        if self.rt.txn.get(self.table.tree, encode_rowid(rowid)) is not None:
            raise self.key_taken()
        self._seen(rowid)

    def _seen(self, rowid: int) -> None:
        last = self.rowids.get(self.table.tree)
        if last is not None and rowid > last:
            self.rowids[self.table.tree] = rowid

    def key_taken(self) -> IntegrityError:
        """The error for a primary key that is there already."""
        names = ", ".join(f"{self.table.name}.{self.table.columns[c.position].name}" for c in self.table.primary_key)
        return IntegrityError(f"PRIMARY KEY constraint failed: {names}")

    def insert(self, values: Any, resolve: OnConflict | None = None) -> Row | None:
        """Insert a row; the row as stored, or None when it was passed over.

        resolve(writer, the rows it collides with, the new row) says whether to insert all the same; None refuses.
        """
        row = self.encoder.check(values)
        table = self.table
        if table.key is KeyKind.COLUMNS:
            key = table.key_codec.encode([row[position] for position in table.key_columns])
        else:
            rowid = row[self.alias] if self.alias >= 0 else None
            fresh = rowid is None
            rowid = self.next_rowid() if fresh else rowid
            if self.alias >= 0 and fresh:
                row = (*row[: self.alias], rowid, *row[self.alias + 1 :])
            assert rowid is not None
            key = encode_rowid(rowid)
        self.check(row)
        collisions = self.collisions(key, row, first_only=resolve is None)
        if collisions and (resolve is None or not resolve(self, collisions, row)):
            return None
        if self.alias >= 0:
            self._seen(row[self.alias])
        self.put(key, row)
        return row

    def check(self, row: Row) -> None:
        """CHECK constraints: refused is what is false; unknown passes."""
        for name, closure in self.checks:
            value = closure(row)
            if value is not None and not value:
                raise IntegrityError(f"CHECK constraint failed: {name}")

    def collisions(self, key: bytes | None, row: Row, first_only: bool = True) -> list[tuple[bytes, Row]]:
        """The rows that have the key of `row` or equal values in a UNIQUE index.

        first_only: raise IntegrityError at the first instead. key None: the key is not to be looked at.
        """
        found: dict[bytes, Row] = {}
        txn = self.rt.txn
        if key is not None and self.table.key is not KeyKind.ROWID:
            stored = txn.get(self.table.tree, key)
            if stored is not None:
                if first_only:
                    raise self.key_taken()
                found[key] = self.whole.decode(key, stored)
        for index, positions in self.indexes:
            if not index.unique:
                continue
            values = [row[position] for position in positions]
            if None in values:
                continue
            other = txn.get(index.tree, index.codec.encode(values))
            if other is None:
                continue
            if first_only:
                raise self.not_unique(index)
            if other not in found:
                found[other] = self.whole.decode(other, txn.get(self.table.tree, other))
        return list(found.items())

    def not_unique(self, index: Index) -> IntegrityError:
        """The error for values a UNIQUE index holds already."""
        names = ", ".join(f"{self.table.name}.{self.table.columns[c.position].name}" for c in index.columns)
        return IntegrityError(f"UNIQUE constraint failed: {names}")

    def put(self, key: bytes, row: Row) -> None:
        """Write a row and its index entries."""
        txn = self.rt.txn
        txn.put(self.table.tree, key, self.encoder.encode(row))
        for index, positions in self.indexes:
            txn.put(index.tree, *index.entry([row[p] for p in positions], key))

    # ----------------------------------------------------------------------------------------- delete and update

    def delete(self, key: bytes, row: Row) -> None:
        """Remove a row and its index entries."""
        txn = self.rt.txn
        for index, positions in self.indexes:
            txn.delete(index.tree, index.entry([row[p] for p in positions], key)[0])
        txn.delete(self.table.tree, key)

    def update(self, key: bytes, old: Row, new: Row) -> None:
        """Replace a row by one with the same key and the same values in UNIQUE indexes; `new` is checked already."""
        txn = self.rt.txn
        txn.put(self.table.tree, key, self.encoder.encode(new))
        for index, positions in self.indexes:
            before = index.entry([old[p] for p in positions], key)
            after = index.entry([new[p] for p in positions], key)
            if before != after:
                txn.delete(index.tree, before[0])
                txn.put(index.tree, *after)

    def moves(self, positions: set[int]) -> bool:
        """Whether changing these columns can change a row's key or collide with another row."""
        unique = {p for index, places in self.indexes if index.unique for p in places}
        return bool(positions & ({c.position for c in self.table.primary_key} | unique))


def replace_others(writer: Writer, others: list[tuple[bytes, Row]], row: Row) -> bool:
    """OR REPLACE: the rows in the way go."""
    for key, other in others:
        writer.delete(key, other)
    return True


def pass_over(writer: Writer, others: list[tuple[bytes, Row]], row: Row) -> bool:
    """OR IGNORE, DO NOTHING: the new row goes."""
    return False
