"""Changing the rows of one table: the row itself, its index entries, and the constraints between them.

Order of work for a new row: types and NOT NULL (the encoder), CHECK, then PRIMARY KEY and UNIQUE by a look at the trees,
then the row and its index entries. A row that collides is refused, passed over, or takes the place of those it collides
with, as the statement says. What a failing statement had written is undone by the session (a savepoint). FOREIGN KEYs are
looked at by `finish`, at the end of the statement.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.base.errors import DataError, IntegrityError
from engine.catalog.objects import Index, KeyKind, Table
from engine.record.keys import decode_rowid, encode_rowid
from engine.record.types import INTEGER_MAX
from engine.sql.compile_expr import Closure, Row, Runtime
from engine.sql.foreign_keys import ForeignKeys, Link
from engine.sql.index_entries import IndexEntries

OnConflict = Callable[["Writer", list[tuple[bytes, Row]], Row], bool]


class Writer:
    """Writes rows of a table; belongs to one compiled statement. `begin` readies it for one execution, `finish` ends it.

    referring, referred: the FOREIGN KEYs of this table, and those of others that refer to it; links, where there are any.
    default: what a column takes when nothing is said.
    """

    def __init__(
        self,
        table: Table,
        rt: Runtime,
        checks: list[tuple[str, Closure]],
        indexes: list[IndexEntries],
        default: Callable[[int], Any],
    ):
        self.table = table
        self.rt = rt
        self.checks = checks
        self.indexes = indexes
        self.default = default
        self.links: ForeignKeys | None = None
        self.referring: list[Link] = []
        self.referred: list[Link] = []
        self.encoder = table.encoder()
        self.whole = table.decoder(range(len(table.columns)))  # type: ignore[arg-type]
        self.alias = table.rowid_column
        self.rowids: dict[int, int] = {}

    def begin(self) -> None:
        """Take over what the transaction knows of the tables' last rows."""
        self.rowids = self.rt.session.rowids
        if self.links is not None:
            self.links.begin()
            for writer in self.links.writers.values():
                writer.rowids = self.rowids

    def finish(self) -> None:
        """The end of a statement: what FOREIGN KEYs ask for. Raises IntegrityError."""
        if self.links is not None:
            self.links.finish()

    # ------------------------------------------------------------------------------------------------- row ids

    def last_rowid(self) -> int:
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
        rowid = self.last_rowid() + 1
        if rowid > INTEGER_MAX:
            raise DataError(f"the row ids of {self.table.name} are used up")
        self.rowids[self.table.tree] = rowid
        return rowid

    # -------------------------------------------------------------------------------------------------- insert

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
        self.refers(row)
        return row

    def refers(self, row: Row, old: Row | None = None) -> None:
        """Note what a new row refers to; of a changed one only what is new."""
        for link in self.referring:
            key = link.of_child(row)
            if old is None or key != link.of_child(old):
                assert self.links is not None
                self.links.note(link, key)

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
        for entries in self.indexes:
            index = entries.index
            if not index.unique or (entries.applies is not None and not entries.applies(row)):
                continue
            values = entries.values(row)
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
        return IntegrityError(f"UNIQUE constraint failed: {unique_names(self.table, index)}")

    def put(self, key: bytes, row: Row) -> None:
        """Write a row and its index entries."""
        txn = self.rt.txn
        txn.put(self.table.tree, key, self.encoder.encode(row))
        for entries in self.indexes:
            entry = entries.entry(row, key)
            if entry is not None:
                txn.put(entries.index.tree, *entry)

    # ----------------------------------------------------------------------------------------- delete and update

    def delete(self, key: bytes, row: Row) -> None:
        """Delete a row and its index entries."""
        self.remove(key, row)
        for link in self.referred:
            assert self.links is not None
            self.links.gone(link, link.of_parent(row))

    def delete_all(self) -> int:
        """Delete all rows of a table that no other refers to, and all entries of its indexes, unread; how many rows."""
        txn = self.rt.txn
        count: int = txn.delete_range(self.table.tree)
        for entries in self.indexes:
            txn.delete_range(entries.index.tree)
        return count

    def delete_range(self, start: bytes | None, stop: bytes | None) -> int:
        """Delete the rows with keys of a range, unread, of a table without indexes that no other refers to; how many."""
        assert not self.indexes and not self.referred
        return self.rt.txn.delete_range(self.table.tree, start, stop)  # type: ignore[no-any-return]

    def remove(self, key: bytes, row: Row) -> None:
        """Take out a row that was found, and its index entries, to be put back changed or not."""
        txn = self.rt.txn
        for entries in self.indexes:
            entry = entries.entry(row, key)
            if entry is not None:
                txn.erase(entries.index.tree, entry[0])
        txn.erase(self.table.tree, key)

    def update(self, key: bytes, old: Row, new: Row) -> None:
        """Replace a row by one with the same key and the same values in UNIQUE indexes; `new` is checked already."""
        txn = self.rt.txn
        txn.put(self.table.tree, key, self.encoder.encode(new))
        for entries in self.indexes:
            before, after = entries.entry(old, key), entries.entry(new, key)
            if before == after:
                continue
            if before is not None:
                txn.erase(entries.index.tree, before[0])
            if after is not None:
                txn.put(entries.index.tree, *after)

    def moves(self, positions: set[int]) -> bool:
        """Whether changing these columns can change a row's key or collide with another row."""
        unique = {p for entries in self.indexes if entries.index.unique for p in entries.columns}
        return bool(positions & ({c.position for c in self.table.primary_key} | unique))

    def replace_rows(
        self,
        rows: list[tuple[bytes, Row]],
        make: Callable[[Row], list[Any]],
        moving: bool,
        resolve: OnConflict | None = None,
    ) -> list[Row]:
        """Replace rows; `make` gives the new values of one. moving: keys or UNIQUE columns may change.

        Rows that move are all taken out before the first is put back, so that keys may be exchanged or shifted.
        """
        width = len(self.table.columns)
        pairs = []
        for key, old in rows:
            new = self.encoder.check(make(old))
            self.check(new)
            pairs.append((key, old[:width], new))
        if not moving:
            for key, old, new in pairs:
                self.update(key, old, new)
                self._changed(old, new)
            return [new for _, _, new in pairs]
        for key, old, _ in pairs:
            self.remove(key, old)
        return [stored for key, old, new in pairs if (stored := self._put_back(key, old, new, resolve)) is not None]

    def _put_back(self, key: bytes, old: Row, new: Row, resolve: OnConflict | None) -> Row | None:
        """A row that was taken out comes back changed; as it was (None) where `resolve` says so."""
        stored: Row | None = new
        if self.table.key is KeyKind.ROWID:
            collisions = self.collisions(None, new, first_only=resolve is None)
            if collisions and (resolve is None or not resolve(self, collisions, new)):
                stored = None
            else:
                self.put(key, new)
                self.refers(new, old)
        else:
            stored = self.insert(new, resolve)
        if stored is None:
            self.put(key, old)
        else:
            self._changed(old, stored)
        return stored

    def _changed(self, old: Row, new: Row) -> None:
        self.refers(new, old)
        for link in self.referred:
            assert self.links is not None
            self.links.gone(link, link.of_parent(old), link.of_parent(new) or ())


def unique_names(table: Table, index: Index) -> str:
    """The columns of a UNIQUE index for an error."""
    names = [table.name_of(column) if column.expr is None else _uncollated(column.expr) for column in index.columns]
    return ", ".join(f"{table.name}.{name}" if name.lower() in table.positions else name for name in names)


def _uncollated(expr: str) -> str:
    """The column of which an index holds nocase("column"); any other expression as it is."""
    if expr.startswith('nocase("') and expr.endswith('")'):
        return expr[8:-2].replace('""', '"')
    return expr


def replace_others(writer: Writer, others: list[tuple[bytes, Row]], row: Row) -> bool:
    """OR REPLACE: the rows in the way go, and all that goes with them, before the new one comes."""
    for key, other in others:
        writer.delete(key, other)
    if writer.links is not None:
        writer.links.act()
    return True


def pass_over(writer: Writer, others: list[tuple[bytes, Row]], row: Row) -> bool:
    """OR IGNORE, DO NOTHING: the new row goes."""
    return False
