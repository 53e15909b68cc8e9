"""Changing and deleting many rows: as engine.sql.bulk inserts them, with writes that are collected, sorted and put run by run.

    scan --> (key, row) --> new row --> types, NOT NULL, CHECK --> [ writes of the table | writes of each index it touches ]
                       \\--> gone -----------------------------------^        | full: memtable_bytes
                                                                             v
                                     sorted, into the pages (a large transaction); a small end: the memtable

The scan goes on while rows that it has found are written: it sees only what was written before it began. So this is for
statements that look at nothing else: no queries in them, no FOREIGN KEYs, no row that takes another's key or UNIQUE values
(engine.sql.change_rows decides). Belongs to one Writer, used for one statement: `begin`, `replace` or `remove`, `finish`.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_GET_SIZE
from cython.cimports.engine.btree.apply import WRITE_DELETE, WRITE_PUT
from cython.cimports.engine.sql.bulk import WRITE_BYTES, BulkIndex, hand_over

from engine.txn.writes import Writes


class BulkChanges:
    """See the module. changed: places of the columns that change; None: rows are deleted."""

    def __init__(self, writer, changed):
        self.writer = writer
        self.encoder = writer.encoder
        self.tree = writer.table.tree
        self.width = len(writer.table.columns)
        touched = [entries for entries in writer.indexes if changed is None or entries.columns & changed]
        self.indexes = [BulkIndex(entries) for entries in touched]

    def begin(self, txn, flag):
        """Ready for a statement in a transaction. flag: as of the session, to be interrupted by."""
        options = txn.store.options
        self.txn = txn
        self.flag = flag
        self.budget = self.room = options.memtable_bytes
        self.small = options.memtable_bytes // 4
        self.flushed = False
        self.count = 0
        self.packed = 0
        self.renew()

    def renew(self):
        """New, empty writes."""
        self.writes = Writes()
        for index in self.indexes:
            cython.cast(BulkIndex, index).writes = Writes()
        return 0

    def note(self, writes: Writes, key: bytes, value):
        """A put, or, with None, a deletion."""
        writes.add(key, value)
        self.room -= WRITE_BYTES + PyBytes_GET_SIZE(key)
        if value is not None:
            self.room -= PyBytes_GET_SIZE(cython.cast(bytes, value))
        return 0

    def end_row(self):
        """After each row: is it time to flush, or to stop?"""
        self.count += 1
        if self.room <= 0:
            self.flush()
        if self.count & 0xFF == 0 and self.flag[0]:
            self.flag[1]()
        return 0

    def replace(self, rows, items, done):
        """Replace rows, given with their keys. items: (place, function of the old row) of what changes.

        done: a list that new rows are added to, or None. Raises DataError, IntegrityError.
        """
        places: list = [place for place, _ in items]
        closures: list = [closure for _, closure in items]
        changes: cython.Py_ssize_t = len(places)
        checked_rows: cython.bint = bool(self.writer.checks)
        i: cython.Py_ssize_t
        old: tuple
        for key, old in rows:
            values = list(old)
            del values[self.width :]
            for i in range(changes):
                values[places[i]] = closures[i](old)
            row = self.encoder.check(values)
            if checked_rows:
                self.writer.check(row)
            stored = self.encoder.encode(row)
            self.txn.store.check_pair(key, stored)
            self.note(self.writes, key, stored)
            for index in self.indexes:
                self.move_entry(index, old, row, key)
            if done is not None:
                done.append(row)
            self.end_row()

    def move_entry(self, index: BulkIndex, old: tuple, row: tuple, key: bytes):
        """The entry of a row that has changed."""
        if index.plain and not index.unique:
            gone = index.items(old)
            made = index.items(row)
            if gone != made:
                entry: bytes = made + key
                self.txn.store.check_pair(entry, b"")
                self.note(index.writes, gone + key, None)
                self.note(index.writes, entry, b"")
            return 0
        before = index.entries.entry(old, key)
        after = index.entries.entry(row, key)
        if before == after:
            return 0
        if before is not None:
            self.note(index.writes, before[0], None)
        if after is not None:
            self.txn.store.check_pair(after[0], after[1])
            self.note(index.writes, after[0], after[1])
        return 0

    def remove(self, rows, done):
        """Delete rows, given with their keys. done: a list that they are added to, or None."""
        old: tuple
        for key, old in rows:
            self.note(self.writes, key, None)
            for found in self.indexes:
                index = cython.cast(BulkIndex, found)
                if index.plain and not index.unique:
                    self.note(index.writes, index.items(old) + key, None)
                    continue
                entry = index.entries.entry(old, key)
                if entry is not None:
                    self.note(index.writes, entry[0], None)
            if done is not None:
                done.append(old)
            self.end_row()

    def add_packed(self, packed: Packed, gone):
        """Put rows that are encoded, or, where they are `gone`, delete them by their keys."""
        self.writes.add_packed(packed, WRITE_DELETE if gone else WRITE_PUT)
        self.count += packed.count
        self.packed += packed.count
        self.room -= packed.size + PACKED_BYTES * packed.count
        if self.room <= 0:
            self.flush()
        if self.flag[0]:
            self.flag[1]()

    def flush(self):
        """Sort what there is and put it into the pages, the transaction becoming a large one; if it is little, into its memtable."""
        much: cython.bint = self.budget - self.room > self.small or self.packed > PACKED_FEW
        self.flushed = self.flushed or much
        hand_over(self.txn, self.tree, self.writes, self.flushed)
        for found in self.indexes:
            index = cython.cast(BulkIndex, found)
            hand_over(self.txn, index.tree, index.writes, self.flushed)
        self.renew()
        self.room = self.budget
        return 0

    def finish(self):
        """The end of the statement: what is left goes to the transaction. How many rows were changed."""
        self.flush()
        self.txn = None
        self.flag = None
        return self.count
