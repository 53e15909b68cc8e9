"""Point statements, compiled: a query or change of one row, found by its whole key (or that of a UNIQUE index), or inserted.

    text --> cache --> Point: parameters --> key bytes --> look at S: is the catalog mine? --> look: the row --> Result
                                                                                                    |
                                  commit, if S is still the newest state <-- writes <-- new row <---+

What these statements mean is defined by the plans and closures of which they are made (engine.sql.points decides which
statements qualify). Whatever is not the plain case - a value of another type, a constraint that does not hold, a page
that is not in the pool, another thread's commit in between - makes `run` give None with nothing done, and the statement
is run by the session as any other; so errors have one source, too.

Outside a transaction a Quick reads and writes (engine.txn.quick), inside one the transaction itself. There everything
is looked at before the first write, so that nothing is left half done.

Invariants
- A Point is used by one statement at a time: the session takes its Compiled out of the cache meanwhile.
- `cookie` is the catalog's version as stored. Roots and codecs were made for it, and are right wherever it is read.
"""

import datetime

import cython
from cython.cimports.engine.record.keys import rowid_bytes
from cython.cimports.engine.sql.result import complete_result
from cython.cimports.engine.storage.layout import ROOT_CATALOG, TREE_CATALOG
from cython.cimports.engine.txn.quick import BUSY

from engine.base.errors import DataError, Error
from engine.catalog.catalog import COOKIE
from engine.record.keys import decode_rowid, encode_rowid

ATTEMPTS = cython.declare(cython.int, 3)
ROWID_MAX = 2**63 - 1
_PLAIN = frozenset((str, bytes, bool, type(None), datetime.date))
_COOKIE = cython.declare(bytes, COOKIE)
_REFUSED = (Error, OverflowError, UnicodeError, ValueError)


def run_point(session, cache, text, given, literals):
    """Run the statement of this text if the cache knows it as a point; None where the session has to run it."""
    instances = cache.get(text)
    if not instances:
        return None
    compiled = instances[-1]
    point: Point = compiled.point
    if point is None or point.literal_count != len(literals):
        return None
    txn = session.open_txn
    if txn is None:
        if session.temporary or session.closed:
            return None
    elif session.defined or not txn.is_open:
        return None
    params = point.bind(given)
    if params is None:
        return None
    instances.pop()
    point.shared.hits += 1
    try:
        if point.rt is None:
            return point.attempt(txn, params, literals)
        try:
            try:
                point.rt.start(txn, session, session.flag, params, literals)
            except DataError:
                return None
            return point.attempt(txn, params, literals)
        finally:
            point.rt.end()
    finally:
        instances.append(compiled)


class Values:
    """See the header. slots: one number a value."""

    def __init__(self, slots, constants, closures):
        if len(slots) > SLOTS_MAX:
            raise ValueError("too many values")
        self.count = len(slots)
        self.constants = tuple(constants)
        self.closures = tuple(closures)
        for i, slot in enumerate(slots):
            self.slots[i] = slot

    def value(self, i, params, literals, row):
        slot = self.slots[i]
        if slot < LITERALS:
            return params[slot]
        if slot < CONSTANTS:
            return literals[slot - LITERALS]
        if slot < COMPUTED:
            return self.constants[slot - CONSTANTS]
        return self.closures[slot - COMPUTED](row)


class Point:
    """What all of them have; `shape` (engine.sql.points.Shape) says what it is made of."""

    def __init__(self, shape):
        self.quick = Quick(shape.store)
        self.shared = shape.shared
        self.cookie = shape.cookie
        self.rt = shape.rt
        self.param_count = shape.param_count
        self.names = shape.names
        self.literal_count = shape.literal_count
        self.tree = shape.tree
        self.root = shape.root
        self.key = shape.key
        self.key_types = shape.key_types
        self.codec = shape.codec
        self.index_tree = shape.index_tree
        self.index_root = shape.index_root
        self.decoder = shape.decoder
        self.condition = shape.condition
        self.make = shape.make
        self.columns = shape.columns
        self.kinds = shape.kinds
        self.what = shape.what

    def bind(self, given):
        """The parameters as they are, where all are of the plain types and as many as there should be; else None."""
        overflow: cython.int = 0
        if type(given) is dict:
            if not self.names:
                return None
            values = []
            for name in self.names:
                if name not in given:
                    return None
                values.append(given[name])
            found = tuple(values)
        elif self.names:
            return None
        elif type(given) is tuple:
            found = given
        elif type(given) is list:
            found = tuple(given)
        else:
            return None
        if len(found) != self.param_count:
            return None
        for value in found:
            kind = type(value)
            if kind is int:
                PyLong_AsLongLongAndOverflow(value, cython.address(overflow))
                if overflow:
                    return None
            elif kind is float:
                if value != value:
                    return None
            elif kind is datetime.datetime:
                if value.tzinfo is not None:
                    return None
            elif kind not in _PLAIN:
                return None
        return found

    def key_bytes(self, params, literals):
        """The key, or None where a value is not of the exact type."""
        i: cython.int
        if self.codec is None:
            value = self.key.value(0, params, literals, None)
            return rowid_bytes(value) if type(value) is int else None
        wanted = []
        for i in range(self.key.count):
            value = self.key.value(i, params, literals, None)
            if type(value) is not self.key_types[i]:
                return None
            wanted.append(value)
        return self.codec.encode(wanted)

    def knows(self, txn):
        """Whether the catalog that the transaction reads is the one this was made for: asked once a transaction.

        A session that has changed the catalog in its transaction runs no points.
        """
        number = txn.writer.txn
        if number != 0 and number == self.known:
            txn.check_use()
            return True
        if txn.get(TREE_CATALOG, _COOKIE) != self.cookie:
            return False
        self.known = number
        return True

    def attempt(self, txn, params, literals):
        raise NotImplementedError

    def change_in(self, txn, given):
        """Run a change in a transaction: how many rows were changed, or -1: it is the session's to run.

        For statements without literals, whose runtime, where there is one, has begun.
        """
        params = self.bind(given)
        if params is None or self.literal_count != 0:
            return -1
        if self.rt is not None:
            try:
                self.rt.bind(params)
            except DataError:
                return -1
        result = self.attempt(txn, params, ())
        return -1 if result is None else result.rowcount


class PointRead(Point):
    """SELECT of at most one row."""

    def attempt(self, txn, params, literals):
        """The result, or None."""
        key = self.key_bytes(params, literals)
        if key is None:
            return None
        if txn is None:
            quick = self.quick
            quick.begin()
            if quick.look(ROOT_CATALOG, _COOKIE) != self.cookie:
                return None
            if self.index_root != 0:
                key = quick.look(self.index_root, key)
                if key is BUSY:
                    return None
            stored = None if key is None else quick.look(self.root, key)
            if stored is BUSY:
                return None
        else:
            if not self.knows(txn):
                return None
            if self.index_root != 0:
                key = txn.get(self.index_tree, key)
            stored = None if key is None else txn.get(self.tree, key)
        rows = []
        if stored is not None:
            row = self.decoder.decode(key, stored)
            try:
                if self.condition is None or self.condition(row):
                    rows.append(row if self.make is None else self.make(row))
            except _REFUSED:
                return None
        return complete_result(self.columns, self.kinds, rows, -1, self.what)


class PointChange(Point):
    """What INSERT, UPDATE and DELETE share."""

    def __init__(self, shape):
        Point.__init__(self, shape)
        writer = shape.writer
        self.encoder = writer.encoder
        self.checks = writer.checks
        self.entries = shape.entries
        self.entry_roots = shape.entry_roots
        self.alias = writer.alias
        self.row = shape.row
        self.places = shape.places
        self.checked = bool(writer.checks or shape.entries or shape.make is not None)

    def find(self, txn, key):
        """Begin, and the stored row: None where there is none, BUSY where this is not to be told here."""
        if txn is None:
            self.quick.begin()
            if self.quick.look(ROOT_CATALOG, _COOKIE) != self.cookie:
                return BUSY
            return self.quick.look(self.root, key)
        if txn.readonly or not self.knows(txn):
            return BUSY
        self.pending = []
        return txn.get(self.tree, key)

    def all(self, row):
        """Whether no CHECK is false."""
        for _, closure in self.checks:
            value = closure(row)
            if value is not None and not value:
                return False
        return True

    def put(self, txn, tree, root, key, value):
        """Note a write, or a deletion (None). False: these are too many."""
        if txn is None:
            return self.quick.write(tree, root, key, value)
        self.quick.store.check_pair(key, b"" if value is None else value)
        self.pending.append((tree, key, value))
        return True

    def put_entries(self, txn, old, new, key):
        """Note what index entries change from one row to the other, None where there is none. False: refused."""
        i: cython.Py_ssize_t
        for i in range(len(self.entries)):
            maker = self.entries[i]
            before = None if old is None else maker.entry(old, key)
            after = None if new is None else maker.entry(new, key)
            if before == after:
                continue
            tree = maker.index.tree
            root = self.entry_roots[i]
            if before is not None and after is not None and before[0] == after[0]:
                before = None
            if before is not None and not self.put(txn, tree, root, before[0], None):
                return False
            if after is not None and not self.put(txn, tree, root, after[0], after[1]):
                return False
        return True

    def finish(self, txn):
        """Commit, or hand the writes to the transaction: 1; 0: something else was committed meanwhile."""
        if txn is None:
            return 1 if self.quick.commit() != 0 else 0
        for tree, key, value in self.pending:
            if value is None:
                txn.erase(tree, key)
            else:
                txn.put(tree, key, value)
        return 1

    def returned(self, row):
        """What RETURNING asks for."""
        return [] if self.make is None else [self.make(row)]


class PointUpdate(PointChange):
    """UPDATE of at most one row whose key does not change."""

    def attempt(self, txn, params, literals):
        """The result, or None."""
        try:
            key = self.key_bytes(params, literals)
        except _REFUSED:
            return None
        if key is None:
            return None
        _attempt: cython.int
        i: cython.Py_ssize_t
        for _attempt in range(ATTEMPTS):
            stored = self.find(txn, key)
            if stored is BUSY:
                return None
            if stored is None:
                return complete_result(self.columns, self.kinds, [], 0, self.what)
            try:
                old = self.decoder.decode(key, stored)
                if self.condition is not None and not self.condition(old):
                    return complete_result(self.columns, self.kinds, [], 0, self.what)
                values = list(old)
                for i in range(len(self.places)):
                    values[self.places[i]] = self.row.value(i, params, literals, old)
                if self.checked:
                    new = self.encoder.check(values)
                    if not self.all(new):
                        return None
                    encoded = self.encoder.encode(new)
                    returned = self.returned(new)
                    if self.entries and not self.put_entries(txn, old, new, key):
                        return None
                else:
                    encoded = self.encoder.encode(values)
                    returned = []
                if not self.put(txn, self.tree, self.root, key, encoded):
                    return None
            except _REFUSED:
                return None
            if self.finish(txn):
                return complete_result(self.columns, self.kinds, returned, 1, self.what)
        return None


class PointDelete(PointChange):
    """DELETE of at most one row."""

    def attempt(self, txn, params, literals):
        """The result, or None."""
        try:
            key = self.key_bytes(params, literals)
        except _REFUSED:
            return None
        if key is None:
            return None
        _attempt: cython.int
        for _attempt in range(ATTEMPTS):
            stored = self.find(txn, key)
            if stored is BUSY:
                return None
            if stored is None:
                return complete_result(self.columns, self.kinds, [], 0, self.what)
            returned = []
            try:
                if self.entries or self.condition is not None or self.make is not None:
                    old = self.decoder.decode(key, stored)
                    if self.condition is not None and not self.condition(old):
                        return complete_result(self.columns, self.kinds, [], 0, self.what)
                    returned = self.returned(old)
                    if self.entries and not self.put_entries(txn, old, None, key):
                        return None
                if not self.put(txn, self.tree, self.root, key, None):
                    return None
            except _REFUSED:
                return None
            if self.finish(txn):
                return complete_result(self.columns, self.kinds, returned, 1, self.what)
        return None


class PointInsert(PointChange):
    """INSERT of one row outside a transaction, that collides with none."""

    def __init__(self, shape):
        PointChange.__init__(self, shape)
        self.key_places = list(shape.key_places)

    def new_rowid(self):
        """One more than the greatest row id there is, or None where it cannot be told."""
        known = self.shared.known_rowids.get(self.tree)
        if known is not None and known[0] == self.quick.lsn:
            last = known[1]
        else:
            snapshot = self.quick.store.snapshot()
            if snapshot.lsn != self.quick.lsn:
                return None
            hint = self.shared.last_rowids.get(self.tree)
            start = None if hint is None else encode_rowid(hint)
            found = next(iter(self.quick.store.scan(self.root, snapshot, start, None, True)), None)
            if found is None and start is not None:
                found = next(iter(self.quick.store.scan(self.root, snapshot, None, None, True)), None)
            last = 0 if found is None else max(0, decode_rowid(found[0]))
            self.shared.last_rowids[self.tree] = last
        return last + 1 if last < ROWID_MAX else None

    def taken(self, row):
        """Whether a UNIQUE index holds the row's values already, or that cannot be told."""
        i: cython.Py_ssize_t
        for i in range(len(self.entries)):
            maker = self.entries[i]
            if not maker.index.unique or (maker.applies is not None and not maker.applies(row)):
                continue
            values = maker.values(row)
            if None in values:
                continue
            if self.quick.look(self.entry_roots[i], maker.index.codec.encode(values)) is not None:
                return True
        return False

    def attempt(self, txn, params, literals):
        """The result, or None."""
        if txn is not None:
            return None
        quick = self.quick
        i: cython.int
        _attempt: cython.int
        for _attempt in range(ATTEMPTS):
            quick.begin()
            if quick.look(ROOT_CATALOG, _COOKIE) != self.cookie:
                return None
            try:
                values = []
                for i in range(self.row.count):
                    values.append(self.row.value(i, params, literals, ()))
                fresh = False
                rowid = 0
                if self.codec is None:
                    if self.alias >= 0 and values[self.alias] is not None:
                        rowid = values[self.alias]
                        if type(rowid) is not int:
                            return None
                    else:
                        rowid = self.new_rowid()
                        fresh = True
                        if rowid is None:
                            return None
                        if self.alias >= 0:
                            values[self.alias] = rowid
                    key = rowid_bytes(rowid)
                    row = self.encoder.check(values) if self.checked else None
                else:
                    row = self.encoder.check(values)
                    key = self.codec.encode([row[place] for place in self.key_places])
                if not fresh and quick.look(self.root, key) is not None:
                    return None
                if row is not None and (not self.all(row) or (self.entries and self.taken(row))):
                    return None
                if not quick.write(self.tree, self.root, key, self.encoder.encode(values if row is None else row)):
                    return None
                returned = []
                if row is not None:
                    returned = self.returned(row)
                    if self.entries and not self.put_entries(None, None, row, key):
                        return None
            except _REFUSED:
                return None
            lsn = quick.commit()
            if lsn != 0:
                if fresh:
                    self.shared.known_rowids[self.tree] = (lsn, rowid)
                return complete_result(self.columns, self.kinds, returned, 1, self.what)
        return None
