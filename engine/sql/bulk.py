"""Inserting many rows: they are encoded as they come, sorted, and put into the trees run by run.

    rows --> types, NOT NULL, CHECK --> key, UNIQUE --> [ writes of the table | writes of each index ]
                                                              | full: memtable_bytes
                                                              v
                                     sorted, into the pages (a large transaction); a small end: the memtable

What is known of the rows before this statement is in the transaction; what is not flushed yet is in `seen`, where a key
could come twice. Row ids that ascend behind the last one are not looked up, nor kept in `seen` until one comes between
them. A tree that is empty when
the first run is flushed is built from below (engine.btree.bulk).

Only for rows that may not collide (no ON CONFLICT): a collision is an error. Belongs to one Writer, which says what
constraints there are, and is used for one statement: `begin`, `add` or `add_all`, `finish`.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cython.cimports.engine.btree.apply import WRITE_DELETE
from cython.cimports.engine.record.keys import rowid_bytes

from engine.base.errors import DataError
from engine.catalog.objects import KeyKind
from engine.sql.parameters import bind_values
from engine.txn.writes import Writes

ROWID_MAX = cython.declare(int64_t, 9223372036854775807)


def hand_over(txn, tree, writes, flushed):
    """Writes, sorted, to the pages, or, where they are few, to the memtable."""
    if writes.count != 0:
        writes.sort()
        hand_over_sorted(txn, tree, writes, flushed)
    return 0


def hand_over_sorted(txn, tree, writes, flushed):
    """As hand_over, of writes that are sorted."""
    i: cython.long
    if flushed:
        txn.put_sorted(tree, writes)
        return 0
    for i in range(writes.count):
        w = cython.address(writes.items[i])
        key = PyBytes_FromStringAndSize(cython.cast(cython.p_char, w.key), w.key_len)
        if w.kind == WRITE_DELETE:
            txn.erase(tree, key)
        else:
            txn.put(tree, key, PyBytes_FromStringAndSize(cython.cast(cython.p_char, w.value), w.value_len))
    return 0


class BulkIndex:
    """See the header."""

    def __init__(self, entries):
        index = entries.index
        self.entries = entries
        self.codec = index.codec
        self.tree = index.tree
        self.unique = index.unique
        self.plain = index.plain
        self.places = [column.position for column in index.columns] if index.plain else []
        self.writes = Writes()
        self.seen = set()

    def items(self, row):
        """The encoded items of a plain index."""
        i: cython.Py_ssize_t
        wanted = []
        for i in range(len(self.places)):
            wanted.append(row[self.places[i]])
        return self.codec.encode(wanted)


class Bulk:
    """See the module."""

    def __init__(self, writer):
        table = writer.table
        self.writer = writer
        self.encoder = writer.encoder
        self.tree = table.tree
        self.keyed = table.key is KeyKind.COLUMNS
        self.codec = table.key_codec if self.keyed else None
        self.key_places = list(table.key_columns)
        self.alias = writer.alias
        self.checks = writer.checks
        self.linked = bool(writer.referring)
        self.indexes = [BulkIndex(entries) for entries in writer.indexes]
        self.converts = bool(self.checks or self.indexes or self.keyed or self.linked)

    def begin(self, txn, flag):
        """Ready for a statement in a transaction. flag: as of the session, to be interrupted by."""
        self.txn = txn
        self.flag = flag
        self.last_known = False
        self.scattered = False
        self.flushed = False
        self.count = 0
        options = txn.store.options
        self.budget = self.room = options.memtable_bytes
        self.small = options.memtable_bytes // 4
        self.writes = Writes()
        self.seen = set()
        for index in self.indexes:
            cython.cast(BulkIndex, index).writes = Writes()
            cython.cast(BulkIndex, index).seen = set()

    def row_key(self, values, row):
        """The key of a row; a generated row id is put into `values`, where they are a list, and kept in mind."""
        rowid: int64_t
        wanted = []
        if self.keyed:
            for place in self.key_places:
                wanted.append(row[place])
            key = self.codec.encode(wanted)
            self.claim(key)
            return key
        if not self.last_known:
            self.last = self.floor = self.writer.last_rowid()
            self.last_known = True
        given = values[self.alias] if self.alias >= 0 else None
        if given is None:
            if self.last == ROWID_MAX:
                raise DataError(f"the row ids of {self.writer.table.name} are used up")
            self.last += 1
            return rowid_bytes(self.last)
        rowid = given
        key = rowid_bytes(rowid)
        if rowid > self.last:
            self.last = rowid
            return key
        if rowid > self.floor and not self.scattered:
            self.scattered = True
            self.seen.update(self.writes.keys())
        self.claim(key)
        return key

    def claim(self, key):
        """Refuse a key that is taken."""
        if key in self.seen or self.txn.get(self.tree, key) is not None:
            raise self.writer.key_taken()
        self.seen.add(key)
        return 0

    def add(self, values):
        """Insert a row: a tuple or list of all columns. Raises DataError, IntegrityError."""
        row: tuple = None
        if self.alias >= 0:
            given = values[self.alias]
            if given is not None and type(given) is not int:
                values = self.encoder.check(values)
        if self.converts:
            row = self.encoder.check(values)
            values = row
        key = self.row_key(values, row)
        if row is not None:
            if self.alias >= 0 and row[self.alias] is None:
                whole = list(row)
                whole[self.alias] = self.last
                row = tuple(whole)
                values = row
            if self.checks:
                self.writer.check(row)
            if self.indexes:
                self.add_entries(row, key)
            if self.linked:
                self.writer.refers(row)
        stored = self.encoder.encode(values)
        self.txn.store.check_pair(key, stored)
        self.writes.add(key, stored)
        if self.scattered:
            self.seen.add(key)
        self.count += 1
        self.room -= WRITE_BYTES + PyBytes_GET_SIZE(key) + PyBytes_GET_SIZE(stored)
        if self.room <= 0:
            self.flush()
        if self.count & 0xFF == 0 and self.flag[0]:
            self.flag[1]()

    def add_entries(self, row, key):
        """The index entries of a row."""
        i: cython.Py_ssize_t
        for i in range(len(self.indexes)):
            index = cython.cast(BulkIndex, self.indexes[i])
            if index.plain and not index.unique:
                entry = index.items(row) + key
                value = b""
            else:
                made = index.entries.entry(row, key)
                if made is None:
                    continue
                entry = made[0]
                value = made[1]
                if index.unique and PyBytes_GET_SIZE(value) > 0:
                    if entry in index.seen or self.txn.get(index.tree, entry) is not None:
                        raise self.writer.not_unique(index.entries.index)
                    index.seen.add(entry)
            self.txn.store.check_pair(entry, value)
            index.writes.add(entry, value)
            self.room -= WRITE_BYTES + PyBytes_GET_SIZE(entry) + PyBytes_GET_SIZE(value)
        return 0

    def add_all(self, rows, values, params, rt):
        """Insert one row for every row of parameters. values: of a whole row out of parameters; None: these are the row.

        params: engine.sql.binder.Params of the statement. rt: the statement's runtime where values are computed, or None.
        """
        source: Values = values
        width: cython.Py_ssize_t = -1 if params.names else params.count
        i: cython.int
        for given in rows:
            if rt is not None or (type(given) is not tuple and type(given) is not list) or len(given) != width:
                given = bind_values(params, given)
            if source is None:
                self.add(given)
                continue
            bound: tuple = tuple(given)
            if rt is not None:
                rt.bind(bound)
            row = []
            for i in range(source.count):
                row.append(source.value(i, bound, (), ()))
            self.add(row)

    def flush(self):
        """Sort what there is and put it into the pages, the transaction becoming a large one; if it is little, into its memtable."""
        self.flushed = self.flushed or self.budget - self.room > self.small
        hand_over(self.txn, self.tree, self.writes, self.flushed)
        self.writes = Writes()
        self.seen = set()
        for index in self.indexes:
            found = cython.cast(BulkIndex, index)
            hand_over(self.txn, found.tree, found.writes, self.flushed)
            found.writes = Writes()
            found.seen = set()
        self.room = self.budget
        self.floor = self.last
        self.scattered = False
        return 0

    def finish(self):
        """The end of the statement: what is left goes to the transaction. How many rows were inserted."""
        self.flush()
        if self.last_known:
            self.writer.rowids[self.writer.table.tree] = self.last
        self.txn = None
        self.flag = None
        self.writes = None
        self.seen = None
        for index in self.indexes:
            cython.cast(BulkIndex, index).writes = None
            cython.cast(BulkIndex, index).seen = None
        return self.count
