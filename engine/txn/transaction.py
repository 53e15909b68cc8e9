"""Transactions: a snapshot to read, entries in the memtable to write, validation at commit.

    begin          get / scan                    commit
      |   snapshot S    own entries over snapshot  |  commit section: validate, apply the entries as one batch
      +------------------------------------------->+--> publish --> wait for the log

A transaction whose entries outgrow a quarter of memtable_bytes becomes a large one (engine.txn.large).

What it writes: engine.txn.pending. What it reads, and conflicts: engine.txn.footprint.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cython.cimports.engine.btree.many import tree_get_many
from cython.cimports.engine.btree.read import range_count, tree_get
from cython.cimports.engine.pool.fail import check, error_of
from cython.cimports.engine.txn.commit import commit_writes

from engine.base.errors import InterfaceError, LimitError, OperationalError, ReadOnlyError
from engine.base.options import ISOLATION
from engine.txn.ranges import covers, gaps, with_range
from engine.txn.ticket import Ticket

NOTHING = cython.declare(bytes, b"")


class Transaction(Footprint):
    """One transaction, used by one thread at a time. A context manager: commit on success, rollback on an exception."""

    def __init__(self, store, isolation=None, readonly=False):
        Footprint.__init__(self)
        self.store = store
        self.isolation = isolation or store.options.isolation
        if self.isolation not in ISOLATION:
            raise InterfaceError(f"isolation {isolation!r}: one of {', '.join(ISOLATION)} is needed")
        self.readonly = readonly or store.is_readonly
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
        self.note_key(tree, key)
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
        """The values of several keys, a list, None where there is none."""
        if self.entry_count != 0 or self.erased or self.large is not None or tree in self.created:
            return [self.get(tree, key) for key in keys]
        self.check_use()
        for key in keys:
            if type(key) is not bytes:
                self.store.check_key(key)
            self.note_key(tree, key)
        root = self.root(tree)
        if root == 0 or tree in self.dropped:
            return [None] * len(keys)
        return tree_get_many(
            cython.address(self.store.pool), root, self.read_lsn(), cython.cast(list, keys), None, self.store.path
        )

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

    def estimate(self, tree):
        """Roughly how many keys a tree has, without this transaction's own writes; nobody conflicts with that."""
        self.check_use()
        root = self.root(tree) if tree not in self.dropped else 0
        return self.store.estimate(root, int(self.read_lsn())) if root != 0 else 0.0

    def holds(self, tree, start, stop):
        """Whether there is any key in [start, stop); both are keys."""
        if self.entry_count != 0 or self.erased or self.large is not None:
            return next(self.scan(tree, start, stop), None) is not None
        self.check_use()
        self.note_range(tree, start, stop)
        root = self.root(tree)
        if root == 0 or tree in self.dropped:
            return False
        low: bytes = start
        high: bytes = stop
        lsn = self.read_lsn()
        a_len: cython.size_t = len(low)
        b_len: cython.size_t = len(high)
        if max(a_len, b_len) > self.store.pool.page_size:
            raise LimitError(f"a bound of {max(a_len, b_len)} bytes is longer than any key")
        a = cython.cast(cython.p_uchar, PyBytes_AS_STRING(low))
        b = cython.cast(cython.p_uchar, PyBytes_AS_STRING(high))
        with cython.nogil:
            total = range_count(cython.address(self.store.pool), root, lsn, a, a_len, True, b, b_len, 1)
        if total < 0:
            raise error_of(total, self.store.path)
        return total > 0

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

    def write(self, tree, key, value, deleted):
        """Note a write."""
        self.set(tree, key, value, deleted)
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

    def put(self, tree, key, value):
        """Insert or replace."""
        if not self.is_open or self.readonly:
            self.check_write()
        self.store.check_pair(key, value)
        self.write(tree, cython.cast(bytes, key), cython.cast(bytes, value), False)

    def delete(self, tree, key):
        """Delete; whether the key was there."""
        self.check_write()
        self.store.check_key(key)
        if self.get(tree, key) is None:
            return False
        self.write(tree, cython.cast(bytes, key), NOTHING, True)
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

    def erase(self, tree, key):
        """Delete a key without looking whether it is there."""
        self.check_write()
        self.store.check_key(key)
        self.write(tree, cython.cast(bytes, key), NOTHING, True)

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
        self.forget_tree(tree)
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
        self.go_back(kept)
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

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self.is_open:
            if kind is None:
                self.commit()
            else:
                self.rollback()


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
