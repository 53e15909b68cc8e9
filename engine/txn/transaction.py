"""Transactions: a snapshot to read, entries in the memtable to write, validation at commit.

    begin          get / scan                    commit
      |   snapshot S    own entries over snapshot  |  commit section: validate, apply the entries as one batch
      +------------------------------------------->+--> publish --> wait for the log

Validation (optimistic, backward; Kung and Robinson, 1981): the transaction looks at every commit published after its
snapshot. A key that both wrote is a conflict: the first committer wins. Under `serializable` a key that the other wrote
and this one read, singly or inside a range it scanned, is one as well: the order of commits then is a serial order.
Under `snapshot` only writes count, so write skew is possible. A transaction that wrote nothing always succeeds: its
snapshot is a prefix of that order.

A range that is deleted as a whole is no entry for each key, but a range under the entries (`erased`): what it covers is not
read from the pages, entries of keys in it are forgotten, and puts that follow come on top. It is written like an entry,
and counts in validation as a write of every key in it, there or not.

A transaction whose entries outgrow a quarter of memtable_bytes becomes a large one (engine.txn.large).

What others committed stands in the memtable (engine.txn.memtable); for what it has forgotten, pages are asked
(engine.txn.validate). Reads are noted singly until READS_MAX in a tree, then as the whole tree.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cython.cimports.engine.btree.read import tree_get
from cython.cimports.engine.pool.fail import check
from cython.cimports.engine.txn.commit import commit_writes

from engine.base.errors import ConflictError, InterfaceError, OperationalError, ReadOnlyError
from engine.base.options import ISOLATION
from engine.txn.ranges import covers, covers_any, gaps, overlap, with_range
from engine.txn.ticket import Ticket

READS_MAX = 50_000
NOTHING = cython.declare(bytes, b"")


class Transaction:
    """One transaction, used by one thread at a time. A context manager: commit on success, rollback on an exception."""

    def __init__(self, store, isolation=None, readonly=False):
        self.store = store
        self.isolation = isolation or store.options.isolation
        if self.isolation not in ISOLATION:
            raise InterfaceError(f"isolation {isolation!r}: one of {', '.join(ISOLATION)} is needed")
        self.readonly = readonly or store.is_readonly
        self.created = {}
        self.dropped = {}
        self.erased = {}
        self.marks = []
        self.reads = {}
        self.ranges = {}
        self.roots = {}
        self.tracks = not self.readonly
        self.limit = self.store.options.memtable_bytes // 4
        if self.readonly:
            self.snap = self.store.snapshot()
        else:
            self.store.check_writable()
            self.snap = Snapshot(self.store, False)
            m = cython.address(self.store.memtable)
            with cython.nogil:
                done = memtable_enter(m, cython.address(self.writer))
            check(done, self.store.path)
            self.entered = True
            self.snap.adopt(self.writer.snapshot, self.writer.snapshot_lsn)
        self.is_open = True

    def __del__(self):
        # not __dealloc__: in a cycle the store would be gone by then
        if self.is_open:
            self.end()

    def __dealloc__(self):
        free(self.entries)
        free(self.undo)

    @property
    def snapshot_lsn(self):
        """LSN of the state that the transaction reads."""
        return int(self.snap.lsn)

    @property
    def id(self):
        """Number of the transaction, as in the log; 0 for one that only reads."""
        return int(self.writer.txn)

    # --- reading ------------------------------------------------------------------------------------------------

    def root(self, tree):
        """Root of the tree as the transaction sees it; 0: the tree is empty or not there."""
        found = self.roots.get(tree)
        if found is None and self.large is not None and tree in self.created:
            found = self.large.made.get(tree)
        if found is None:
            if tree in self.created or tree in self.dropped:
                return 0
            found = self.roots[tree] = self.store.root_of(tree, self.snap.lsn if self.large is None else 0)
        return found

    def read_lsn(self):
        """The LSN at which pages are read."""
        return self.snap.lsn if self.large is None else EVERYTHING

    def check_open(self):
        """check_use, for what goes on reading: a scan."""
        return self.check_use()

    def check_use(self):
        """Raise InterfaceError where the transaction has ended, its database is closed, or this is the child of a fork."""
        if not self.is_open:
            raise InterfaceError("the transaction has ended")
        return self.store.check_open()

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

    def get(self, tree, key):
        """The value of a key, or None."""
        self.check_use()
        if type(key) is not bytes:
            self.store.check_key(key)
        raw = cython.cast(bytes, key)
        e = self.own(tree, raw)
        if e != cython.NULL:
            value = value_of(e)
            if value.deleted:
                return None
            return PyBytes_FromStringAndSize(cython.cast(cython.p_char, bytes_of(value)), value.length)
        if self.erased and tree in self.erased and covers(self.erased[tree], key):
            return None
        if self.tracks:
            keys = self.reads.get(tree)
            if keys is None:
                keys = self.reads[tree] = set()
            keys.add(key)
            if len(keys) > READS_MAX:
                keys.clear()
                self.note_range(tree, None, None)
        root = self.root(tree)
        if root == 0 or tree in self.dropped:
            return None
        return tree_get(
            cython.address(self.store.pool),
            root,
            self.read_lsn(),
            cython.cast(cython.p_uchar, PyBytes_AS_STRING(raw)),
            PyBytes_GET_SIZE(raw),
            None,
            self.store.path,
        )

    def get_many(self, tree, keys):
        """The values of several keys, None where there is none."""
        return [self.get(tree, key) for key in keys]

    def note_range(self, tree, start, stop):
        """Remember for validation that [start, stop) of the tree was read."""
        if self.tracks:
            known = self.ranges.get(tree)
            if known is None:
                known = self.ranges[tree] = []
            if known and known[0] == (None, None):
                return 0
            if (start is None and stop is None) or len(known) >= READS_MAX:
                known.clear()
                known.append((None, None))
            else:
                known.append((start, stop))
        return 0

    def own_range(self, tree, start, stop):
        """The transaction's own writes of [start, stop), in key order: (key, value or None)."""
        found: list = []
        if self.entry_count == 0:
            return found
        bounded: cython.bint = stop is not None
        high: bytes = stop if bounded else NOTHING
        mine = self.writer.txn
        e = skiplist_seek(
            cython.address(self.writer.home.list),
            tree,
            cython.cast(cython.p_uchar, PyBytes_AS_STRING(start)),
            PyBytes_GET_SIZE(start),
            0,
        )
        while e != cython.NULL and e.tree == tree:
            if bounded and (
                compare_keys(
                    key_of(e), e.key_len, cython.cast(cython.p_uchar, PyBytes_AS_STRING(high)), PyBytes_GET_SIZE(high)
                )
                >= 0
            ):
                break
            if e.txn == mine and e.value != 0:
                value = value_of(e)
                key = PyBytes_FromStringAndSize(cython.cast(cython.p_char, key_of(e)), e.key_len)
                if value.deleted:
                    found.append((key, None))
                else:
                    data = PyBytes_FromStringAndSize(cython.cast(cython.p_char, bytes_of(value)), value.length)
                    found.append((key, data))
            e = entry_next(e)
        return found

    def scan(self, tree, start=None, stop=None, reverse=False):
        """(key, value) of [start, stop) in key order, or backward; sees the writes made before the scan began."""
        self.check_use()
        self.note_range(tree, start, stop)
        root = self.root(tree)
        own = self.own_range(tree, NOTHING if start is None else start, stop)
        if reverse:
            own.reverse()
        if root == 0 or tree in self.dropped:
            return iter([pair for pair in own if pair[1] is not None])
        snap = self.snap if self.large is None else self.large.snapshot()
        if self.erased and tree in self.erased:
            parts = gaps(self.erased[tree], start, stop)
            base = _scan_parts(self.store, root, snap, parts[::-1] if reverse else parts, reverse, self)
        else:
            base = self.store.scan(root, snap, start, stop, reverse, self)
        return _merge(base, own, reverse) if own else base

    def count(self, tree, start=None, stop=None):
        """How many keys lie in [start, stop)."""
        self.check_use()
        self.note_range(tree, start, stop)
        root = self.root(tree) if tree not in self.dropped else 0
        lsn = int(self.read_lsn())
        total = self.count_pages(tree, root, start, stop)
        erased = self.erased.get(tree, ())
        for key, value in self.own_range(tree, NOTHING if start is None else start, stop):
            there = root != 0 and not covers(erased, key) and self.store.get(root, lsn, key) is not None
            total += (value is not None) - there
        return total

    def count_pages(self, tree, root, start, stop):
        """How many keys of [start, stop) the pages hold that this transaction has not erased."""
        if root == 0:
            return 0
        lsn = int(self.read_lsn())
        return sum([self.store.count(root, lsn, a, b) for a, b in gaps(self.erased.get(tree, ()), start, stop)])

    # --- writing ------------------------------------------------------------------------------------------------

    def check_write(self):
        """Raise what check_use raises, and ReadOnlyError in a transaction that only reads."""
        self.check_use()
        if self.readonly:
            raise ReadOnlyError("the transaction is read-only")
        return 0

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
        self.bytes += 96 + PyBytes_GET_SIZE(key) + PyBytes_GET_SIZE(value)
        if self.bytes > self.limit:
            self.flush()
        return 0

    def flush(self):
        """The entries have outgrown the memtable: into the pages with them (engine.txn.large). An error ends all."""
        count: cython.long = 0
        writes: cython.pointer(write_t) = cython.NULL
        try:
            self.grow_large()
            writes = self.writes(cython.address(count))
            self.large.flush(writes, count, self.created)
        except BaseException:
            self.end()
            raise
        finally:
            free(writes)
        self.entry_count = 0
        self.undo_count = 0
        self.erased = {}
        self.bytes = 0
        self.flushes += 1
        return 0

    def grow_large(self):
        """Become a large transaction: enter the commit section, for good. Raises ConflictError."""
        if self.large is None:
            large = Large()
            large.begin(self.store, cython.address(self.writer), self)
            self.large = large
            self.tracks = False
            self.reads.clear()
            self.ranges.clear()
            self.roots.clear()
        return 0

    def put_sorted(self, tree, writes):
        """Put many pairs, sorted in a Writes, straight into the pages. An error ends all; so does a ConflictError."""
        found: Writes = writes
        self.check_write()
        self.flush()
        try:
            found.aim(tree, 0)
            self.large.flush(found.items, found.count, self.created)
        except BaseException:
            self.end()
            raise
        self.flushes += 1
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

    def put(self, tree, key, value):
        """Insert or replace."""
        if not self.is_open or self.readonly:
            self.check_write()
        self.store.check_pair(key, value)
        self.set(tree, cython.cast(bytes, key), cython.cast(bytes, value), False)

    def delete(self, tree, key):
        """Delete; whether the key was there."""
        self.check_write()
        self.store.check_key(key)
        if self.get(tree, key) is None:
            return False
        self.set(tree, cython.cast(bytes, key), NOTHING, True)
        return True

    def delete_range(self, tree, start=None, stop=None):
        """Delete all keys of [start, stop); how many there were. The work is in proportion to pages, not to keys."""
        self.check_write()
        for bound in (start, stop):
            if bound is not None and type(bound) is not bytes:
                self.store.check_key(bound)
        low: bytes = NOTHING if start is None else start
        if stop is not None and low >= stop:
            return 0
        total = self.count(tree, start, stop)
        self.forget_range(tree, low, stop)
        root = self.root(tree) if tree not in self.dropped else 0
        if self.count_pages(tree, root, start, stop) > 0:
            self.erased[tree] = with_range(self.erased.get(tree, ()), low, stop)
            self.bytes += 256 + len(low) + (0 if stop is None else len(stop))
            if self.bytes > self.limit:
                self.flush()
        return total

    def forget_range(self, tree, start, stop):
        """The transaction's own writes of [start, stop) are no more; a savepoint can bring them back."""
        if self.entry_count == 0:
            return 0
        bounded: cython.bint = stop is not None
        high: bytes = stop if bounded else NOTHING
        mine = self.writer.txn
        e = skiplist_seek(
            cython.address(self.writer.home.list),
            tree,
            cython.cast(cython.p_uchar, PyBytes_AS_STRING(start)),
            PyBytes_GET_SIZE(start),
            0,
        )
        end = cython.cast(cython.p_uchar, PyBytes_AS_STRING(high))
        while e != cython.NULL and e.tree == tree:
            if bounded and compare_keys(key_of(e), e.key_len, end, PyBytes_GET_SIZE(high)) >= 0:
                break
            if e.txn == mine and e.value != 0:
                self.remember(e, cython.NULL)
            e = entry_next(e)
        return 0

    def erase(self, tree, key):
        """Delete a key without looking whether it is there."""
        self.check_write()
        self.store.check_key(key)
        self.set(tree, cython.cast(bytes, key), NOTHING, True)

    def create_tree(self):
        """A new, empty tree; its id, which is never used again."""
        self.check_write()
        tree = self.store.new_tree_id()
        self.created[tree] = None
        self.epoch += 1
        return tree

    def drop_tree(self, tree):
        """Drop a tree and all in it."""
        self.check_write()
        number: uint32_t = tree
        i: cython.long
        for i in range(self.entry_count):
            if self.entries[i].tree == number and self.entries[i].value != 0:
                self.remember(self.entries[i], cython.NULL)
        self.erased.pop(tree, None)
        if tree in self.created:
            del self.created[tree]
        else:
            self.dropped[tree] = None
        self.epoch += 1

    # --- savepoints ---------------------------------------------------------------------------------------------

    def savepoint(self):
        """Mark the present state; returns a number for rollback_to and release."""
        self.check_use()
        self.marks.append(
            (int(self.undo_count), dict(self.created), dict(self.dropped), int(self.flushes), dict(self.erased))
        )
        return len(self.marks) - 1

    def _check_savepoint(self, savepoint):
        if not 0 <= savepoint < len(self.marks):
            raise InterfaceError(f"there is no savepoint {savepoint}: it was released, or rolled back over")

    def rollback_to(self, savepoint):
        """Undo everything since the savepoint, which stays."""
        self.check_use()
        self._check_savepoint(savepoint)
        kept, created, dropped, flushes, erased = self.marks[savepoint]
        if flushes != self.flushes:
            self.end()
            raise OperationalError(
                "the transaction has outgrown memtable_bytes since the savepoint and cannot go back to it: "
                "all of it was rolled back"
            )
        until: cython.long = kept
        while self.undo_count > until:
            self.undo_count -= 1
            last = self.undo[self.undo_count]
            last.entry.value = cython.cast(uint64_t, last.value)
        self.created, self.dropped, self.erased = dict(created), dict(dropped), dict(erased)
        del self.marks[savepoint + 1 :]
        self.epoch += 1

    def release(self, savepoint):
        """Forget a savepoint and those after it; what was done stays."""
        self.check_use()
        self._check_savepoint(savepoint)
        del self.marks[savepoint:]
        if not self.marks:
            self.undo_count = 0

    # --- the end ------------------------------------------------------------------------------------------------

    def commit(self, wait=True):
        """Make the writes permanent. Raises ConflictError (nothing was changed: run the transaction again).

        Without `wait`, the commit is published and a Ticket returned, to be waited for later (engine.txn.ticket).
        """
        if not self.is_open:
            raise InterfaceError("the transaction has ended")
        end = None
        count: cython.long = 0
        writes: cython.pointer(write_t) = cython.NULL
        try:
            if not self.readonly:
                writes = self.writes(cython.address(count))
            if self.large is not None:
                self.commit_lsn, end = self.large.commit(writes, count, self.created, self.dropped)
            elif count > 0 or self.created or self.dropped:
                self.commit_lsn, end = commit_writes(
                    self.store,
                    cython.address(self.writer),
                    self.entries,
                    self.entry_count,
                    writes,
                    count,
                    list(self.created),
                    list(self.dropped),
                    self.erased,
                    self,
                )
            if end is not None and wait:
                self.store.wait_durable(end)
            elif end is not None:
                self.store.sync_soon(end)
        finally:
            free(writes)
            self.end()
        return None if wait else Ticket(self.store, self.commit_lsn, 0 if end is None else end)

    def rollback(self):
        """Forget the writes; nothing else has happened."""
        if not self.is_open:
            raise InterfaceError("the transaction has ended")
        self.end()

    def end(self):
        """The transaction is over: its snapshot is let go, its entries are nobody's any more."""
        self.is_open = False
        if self.large is not None and self.store.is_ours():
            self.large.abort()
        self.entry_count = 0
        self.undo_count = 0
        self.marks.clear()
        self.snap.close()
        if self.entered and self.store.is_ours():
            self.entered = False
            m = cython.address(self.store.memtable)
            with cython.nogil:
                memtable_leave(m, cython.address(self.writer))
            if (self.store.drops or self.store.erasures) and self.store.active_writers == 0:
                self.store.drops.clear()
                self.store.erasures.clear()
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

    # --- validation, inside the commit section ------------------------------------------------------------------

    def validate(self, reads=None):
        """Compare with every commit since the snapshot. Raises ConflictError.

        reads: whether what was read counts; by default as the isolation level says.
        """
        if reads is None:
            reads = self.isolation == "serializable"
        found: cython.pointer(generation_t)[64]
        for lsn, trees in self.store.drops:
            if lsn > self.snap.lsn and any(self.touches(tree, reads) for tree in trees):
                raise ConflictError("another transaction dropped what this one uses; run it again")
        for lsn, erased in self.store.erasures:
            if lsn > self.snap.lsn and self.meets(erased, reads):
                raise ConflictError("another transaction deleted a range that this one used; run it again")
        m = cython.address(self.store.memtable)
        since = self.snap.lsn
        with cython.nogil:
            count = memtable_since(m, since, found)
        if count < 0:
            self.validate_pages(reads)
        elif count > 0:
            self.validate_entries(found, count)
            if reads:
                self.validate_reads(found, count)

    def touches(self, tree, reads):
        """Whether the transaction wrote or dropped something of the tree, or, if reads count, read it."""
        number: uint32_t = tree
        i: cython.long
        for i in range(self.entry_count):
            if self.entries[i].tree == number and self.entries[i].value != 0:
                return True
        if tree in self.dropped or tree in self.erased:
            return True
        return reads and (tree in self.reads or tree in self.ranges)

    def meets(self, erased, reads):
        """Whether the transaction wrote, or, if reads count, read something in ranges: a dict of tree -> ranges."""
        i: cython.long
        for i in range(self.entry_count):
            e = self.entries[i]
            if e.value != 0:
                ranges = erased.get(e.tree)
                if ranges is not None:
                    key = PyBytes_FromStringAndSize(cython.cast(cython.p_char, key_of(e)), e.key_len)
                    if covers(ranges, key):
                        return True
        for tree, ranges in erased.items():
            if tree in self.dropped:
                return True
            if overlap(ranges, self.erased.get(tree, ())):
                return True
            if reads and (overlap(ranges, self.ranges.get(tree, ())) or covers_any(ranges, self.reads.get(tree, ()))):
                return True
        return False

    def validate_entries(self, found, count):
        since = self.snap.lsn
        changed: cython.bint = False
        i: cython.long
        with cython.nogil:
            for i in range(self.entry_count):
                e = self.entries[i]
                if e.value != 0 and key_changed(found, count, since, e.tree, key_of(e), e.key_len):
                    changed = True
                    break
        if not changed:
            for tree in self.dropped:
                changed |= _span_changed(found, count, since, tree, None, None)
            for tree, ranges in self.erased.items():
                for start, stop in ranges:
                    changed |= _span_changed(found, count, since, tree, start, stop)
        if changed:
            raise ConflictError("another transaction changed what this one wrote; run it again")
        return 0

    def validate_reads(self, found, count):
        since = self.snap.lsn
        for tree, keys in self.reads.items():
            number: uint32_t = tree
            for key in keys:
                raw = cython.cast(bytes, key)
                if key_changed(
                    found,
                    count,
                    since,
                    number,
                    cython.cast(cython.p_uchar, PyBytes_AS_STRING(raw)),
                    PyBytes_GET_SIZE(raw),
                ):
                    raise ConflictError("another transaction changed what this one read; run it again")
        for tree, ranges in self.ranges.items():
            for start, stop in ranges:
                if _span_changed(found, count, since, tree, start, stop):
                    raise ConflictError("another transaction changed what this one read; run it again")
        return 0

    def validate_pages(self, reads):
        """The transaction is older than what the memtable remembers: pages say whether something may have changed."""
        p = cython.address(self.store.pool)
        since = self.snap.lsn
        done: cython.int = 0
        i: cython.long
        for i in range(self.entry_count):
            e = self.entries[i]
            if e.value != 0 and int(e.tree) not in self.created:
                root: uint32_t = self.store.root_of(int(e.tree))
                with cython.nogil:
                    done = leaf_changed(p, root, key_of(e), e.key_len, since) if root != 0 else 1
                _refuse(done, self.store.path)
        whole = [(tree, None, None) for tree in self.dropped]
        whole += [(tree, start, stop) for tree, ranges in self.erased.items() for start, stop in ranges]
        points = [(tree, key, key + b"\0") for tree, keys in self.reads.items() for key in keys if reads]
        spans = [(tree, start, stop) for tree, ranges in self.ranges.items() for start, stop in ranges if reads]
        for tree, start, stop in (*whole, *points, *spans):
            if tree in self.created:
                continue
            root = self.store.root_of(tree)
            if root == 0:
                if self.store.root_of(tree, since) != 0:
                    _refuse(1, self.store.path)
                continue
            low: bytes = start if start is not None else NOTHING
            high: bytes = stop if stop is not None else NOTHING
            bounded: cython.bint = stop is not None
            a = cython.cast(cython.p_uchar, PyBytes_AS_STRING(low))
            a_len: cython.size_t = len(low)
            b = cython.cast(cython.p_uchar, PyBytes_AS_STRING(high))
            b_len: cython.size_t = len(high)
            with cython.nogil:
                done = leaves_changed(p, root, a, a_len, bounded, b, b_len, since)
            _refuse(done, self.store.path)
        return 0

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self.is_open:
            if kind is None:
                self.commit()
            else:
                self.rollback()


def _refuse(changed, path):
    """ConflictError for 1, the error for a negative code."""
    check(changed, path)
    if changed > 0:
        raise ConflictError(
            "the transaction is so old that the commits since are no longer all known, "
            "and pages it used have changed; run it again"
        )


def _span_changed(found, count, since, tree, start, stop):
    """Whether a commit after `since` wrote a key of [start, stop) of a tree, as the memtable knows."""
    number: uint32_t = tree
    low: bytes = start if start is not None else NOTHING
    high: bytes = stop if stop is not None else NOTHING
    return range_changed(
        found,
        count,
        since,
        number,
        cython.cast(cython.p_uchar, PyBytes_AS_STRING(low)),
        PyBytes_GET_SIZE(low),
        stop is not None,
        cython.cast(cython.p_uchar, PyBytes_AS_STRING(high)),
        PyBytes_GET_SIZE(high),
    )


def _scan_parts(store, root, snapshot, parts, reverse, owner):
    """The pairs of several ranges, one after the other."""
    for start, stop in parts:
        yield from store.scan(root, snapshot, start, stop, reverse, owner)


def _merge(base, own, reverse):
    """The tree's pairs with the transaction's own writes laid over them."""
    at = 0
    for key, value in base:
        while at < len(own) and (own[at][0] > key if reverse else own[at][0] < key):
            mine = own[at][1]
            if mine is not None:
                yield own[at][0], mine
            at += 1
        if at < len(own) and own[at][0] == key:
            mine = own[at][1]
            at += 1
            if mine is not None:
                yield key, mine
        else:
            yield key, value
    for mine_key, mine in own[at:]:
        if mine is not None:
            yield mine_key, mine
