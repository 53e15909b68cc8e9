"""What a transaction has written and not yet committed: its entries in the memtable, and ranges deleted as a whole.

    erased  {tree: ranges}      a range under the entries: what it covers is not read from the pages
    entries [entry_t *]         one for each key, in the order in which they were made; found by key in the skip list
    undo    [(entry, value)]    what entries were, as far back as the oldest savepoint

An entry without a value (undone, or forgotten with its range or tree) is as good as none.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

NOTHING = cython.declare(bytes, b"")


class Pending:
    """The writes of one transaction."""

    def __init__(self):
        self.created = {}
        self.dropped = {}
        self.erased = {}
        self.marks = []

    def __dealloc__(self):
        free(self.entries)
        free(self.undo)

    def own(self, tree, key):
        """The transaction's entry of a key that has a value, or NULL."""
        if self.entry_count == 0:
            return cython.NULL
        found = skiplist_get(
            cython.address(self.writer.home.list),
            tree,
            cython.cast(cython.p_uchar, PyBytes_AS_STRING(key)),
            PyBytes_GET_SIZE(key),
            self.writer.txn,
        )
        return found if found != cython.NULL and found.value != 0 else cython.NULL

    def set(self, tree, key, value, deleted):
        """Note a write: the entry, made or found, gets a new value."""
        made: cython.bint = False
        home = cython.address(self.writer.home.list)
        e = skiplist_put(
            home,
            tree,
            cython.cast(cython.p_uchar, PyBytes_AS_STRING(key)),
            PyBytes_GET_SIZE(key),
            self.writer.txn,
            cython.address(made),
        )
        if e == cython.NULL:
            raise MemoryError
        if made:
            if self.entry_count == self.room:
                room = self.room * 2 if self.room else 16
                grown = cython.cast(
                    cython.pointer(cython.pointer(entry_t)),
                    realloc(self.entries, cython.cast(cython.size_t, room) * cython.sizeof(cython.p_void)),
                )
                if grown == cython.NULL:
                    raise MemoryError
                self.entries = grown
                self.room = room
            self.entries[self.entry_count] = e
            self.entry_count += 1
        new = skiplist_value(
            home, cython.cast(cython.p_uchar, PyBytes_AS_STRING(value)), PyBytes_GET_SIZE(value), deleted
        )
        if new == cython.NULL:
            raise MemoryError
        self.remember(e, new)
        if traced():
            length: cython.longlong = -1 if deleted else PyBytes_GET_SIZE(value)
            trace_bytes(TRACE_WRITE, 0, -1, 0, tree, length, PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key))
        self.bytes += 96 + PyBytes_GET_SIZE(key) + PyBytes_GET_SIZE(value)
        return 0

    def remember(self, entry, value):
        """Give an entry a value; a savepoint can bring the old one back."""
        if self.marks:
            if self.undo_count == self.undo_room:
                room = self.undo_room * 2 if self.undo_room else 16
                grown = cython.cast(
                    cython.pointer(undo_t), realloc(self.undo, cython.cast(cython.size_t, room) * cython.sizeof(undo_t))
                )
                if grown == cython.NULL:
                    raise MemoryError
                self.undo = grown
                self.undo_room = room
            self.undo[self.undo_count].entry = entry
            self.undo[self.undo_count].value = value_of(entry)
            self.undo_count += 1
        entry.value = cython.cast(uint64_t, value)
        return 0

    def own_first(self, tree, start):
        """The first entry in the skip list, of any transaction, at or behind `start`; or NULL."""
        return skiplist_seek(
            cython.address(self.writer.home.list),
            tree,
            cython.cast(cython.p_uchar, PyBytes_AS_STRING(start)),
            PyBytes_GET_SIZE(start),
            0,
        )

    def own_range(self, tree, start, stop):
        """The transaction's own writes of [start, stop), in key order: (key, value or None)."""
        found: list = []
        if self.entry_count == 0:
            return found
        e = self.own_first(tree, start)
        while _within(e, tree, stop):
            if e.txn == self.writer.txn and e.value != 0:
                value = value_of(e)
                key = PyBytes_FromStringAndSize(cython.cast(cython.p_char, key_of(e)), e.key_len)
                if value.deleted:
                    found.append((key, None))
                else:
                    data = PyBytes_FromStringAndSize(cython.cast(cython.p_char, bytes_of(value)), value.length)
                    found.append((key, data))
            e = entry_next(e)
        return found

    def forget_range(self, tree, start, stop):
        """The transaction's own writes of [start, stop) are no more; a savepoint can bring them back."""
        if self.entry_count == 0:
            return 0
        e = self.own_first(tree, start)
        while _within(e, tree, stop):
            if e.txn == self.writer.txn and e.value != 0:
                self.remember(e, cython.NULL)
            e = entry_next(e)
        return 0

    def forget_tree(self, tree):
        """Nothing was written to the tree; a savepoint can bring it back."""
        i: cython.long
        for i in range(self.entry_count):
            if self.entries[i].tree == tree and self.entries[i].value != 0:
                self.remember(self.entries[i], cython.NULL)
        self.erased.pop(tree, None)
        return 0

    def go_back(self, until):
        """Undo what was written since the undo log had `until` items."""
        while self.undo_count > until:
            self.undo_count -= 1
            last = self.undo[self.undo_count]
            last.entry.value = cython.cast(uint64_t, last.value)
        return 0

    def writes(self, count):
        """The writes in order of tree and key, in memory that the caller frees."""
        spans: cython.long = sum([len(ranges) for ranges in self.erased.values()]) if self.erased else 0
        found = cython.cast(cython.pointer(write_t), malloc((self.entry_count + spans + 1) * cython.sizeof(write_t)))
        if found == cython.NULL:
            raise MemoryError
        n: cython.long = self.add_ranges(found, 0) if spans > 0 else 0
        with cython.nogil:
            i: cython.long
            for i in range(self.entry_count):
                e = self.entries[i]
                value = value_of(e)
                if value == cython.NULL:
                    continue
                w = cython.address(found[n])
                w.tree = e.tree
                w.root = 0
                w.kind = WRITE_DELETE if value.deleted else WRITE_PUT
                w.key = key_of(e)
                w.key_len = e.key_len
                w.value = bytes_of(value)
                w.value_len = value.length
                n += 1
            n = sort_writes(cython.address(found), n)
        if n < 0:
            free(found)
            raise MemoryError
        count[0] = n
        return found

    def add_ranges(self, found, n):
        """Add the ranges that were deleted as a whole to the writes; how many writes there are then."""
        for tree, ranges in self.erased.items():
            for start, stop in ranges:
                low: bytes = start
                w = cython.address(found[n])
                w.tree = tree
                w.root = 0
                w.kind = WRITE_ERASE
                w.key = cython.cast(cython.p_uchar, PyBytes_AS_STRING(low))
                w.key_len = cython.cast(cython.uint, PyBytes_GET_SIZE(low))
                w.value = cython.NULL
                w.value_len = 0
                if stop is not None:
                    high: bytes = stop
                    w.value = cython.cast(cython.p_uchar, PyBytes_AS_STRING(high))
                    w.value_len = PyBytes_GET_SIZE(high)
                n += 1
        return n


def _within(e, tree, stop):
    """Whether an entry of the skip list belongs to the tree and lies before `stop` (None: no bound)."""
    if e == cython.NULL or e.tree != tree:
        return False
    if stop is None:
        return True
    high: bytes = stop
    end = cython.cast(cython.p_uchar, PyBytes_AS_STRING(high))
    return compare_keys(key_of(e), e.key_len, end, PyBytes_GET_SIZE(high)) < 0
