"""Large transactions: what does not fit into the memtable goes straight into the pages, unpublished.

    entries in the memtable --> full --> enter the commit section, validate --> batch: apply the entries, sorted
                                              |                                   ^             |
                                              |                                   +--- full <---+  new entries
                                              +--> commit: the rest, COMMIT, publish, leave the section

From the first time its entries are flushed until its end the transaction keeps the commit section: other writers wait,
readers do not. Its changes are those of one batch. Pages of it that the pool cannot hold go to free slots of the file
like any others, so its size is limited by the disk. Rolling back restores the versions from before the batch.

It was validated when it entered; from then on nobody else commits, and it reads the newest state: all commits up to
then, and its own pages. A scan reads at a snapshot inside the batch, so that it does not meet what is flushed while it
goes on. Commits that are older than the flushed ones are known to others by page only (`forgotten`, engine.txn.memtable).

Ranges that were deleted as a whole (engine.btree.erase) are flushed with the entries, and come before them.

A savepoint from before a flush cannot be gone back to: the transaction then ends as a whole.
"""

import weakref

import cython
from cython.cimports.engine.btree.apply import apply_writes
from cython.cimports.engine.btree.batch import batch_abort, batch_begin, batch_commit, batch_snapshot
from cython.cimports.engine.pool.fail import check
from cython.cimports.engine.txn.commit import aim
from cython.cimports.engine.txn.memtable import (
    generation_free,
    generation_new,
    memtable_forget,
    memtable_move,
)
from cython.cimports.engine.txn.skiplist import skiplist_reset
from cython.cimports.engine.wal.log import wal_end

from engine.txn.commit import create_tree, drop_tree, trees_changed


class Large:
    """The commit section and the batch of one large transaction, from its first flush to its end."""

    def __dealloc__(self):
        if self.private != cython.NULL:
            generation_free(self.private)

    def begin(self, store, writer, txn):
        """Enter the commit section, validate `txn` there, start the batch. Raises ConflictError."""
        self.store = store
        self.writer = writer
        self.made = {}
        store.check_writable()
        store.lock_commit()
        try:
            txn.validate(True)
            with cython.nogil:
                done = batch_begin(cython.address(store.batch), writer.txn)
            check(done, store.path)
        except BaseException:
            store.unlock_commit()
            raise
        self.begun = True
        with cython.nogil:
            store.hold_section()
        store.large = weakref.ref(txn)
        return 0

    def flush(self, writes, count, created):
        """Apply sorted writes to the batch; the transaction's entries are over. An error: abort."""
        s = self.store
        s.check_writable()
        with cython.nogil:
            s.take_over_section()
        for tree in created:
            if tree not in self.made:
                self.made[tree] = create_tree(s, tree)
        aim(s, writes, count, self.made)
        with cython.nogil:
            done = apply_writes(cython.address(s.batch), writes, count)
        if done < 0:
            raise s.fail(done)
        if self.private == cython.NULL:
            # the shared list cannot give back the memory of one transaction: from now on it has one of its own
            self.private = generation_new()
            if self.private == cython.NULL:
                raise MemoryError
            with cython.nogil:
                memtable_move(cython.address(s.memtable), self.writer, self.private)
        else:
            skiplist_reset(cython.address(self.private.list))
        return 0

    def snapshot(self):
        """A snapshot of the batch's state so far."""
        found = Snapshot(self.store, False)
        with cython.nogil:
            index = batch_snapshot(cython.address(self.store.batch))
        check(index, self.store.path)
        found.adopt(index, self.store.pool.snapshots[index].lsn)
        return found

    def commit(self, writes, count, created, dropped):
        """Apply the rest, publish, leave the section; (LSN of the commit, where the log must be durable for it)."""
        s = self.store
        lsn: uint64_t = 0
        self.flush(writes, count, created)
        for tree in dropped:
            drop_tree(s, tree, s.root_of(tree))
        for tree in self.made:
            if tree not in created:  # made, flushed to, and dropped again
                drop_tree(s, tree, self.made[tree])
        with cython.nogil:
            done = batch_commit(cython.address(s.batch), cython.address(lsn))
        if done < 0:
            raise s.fail(done)
        self.begun = False
        with cython.nogil:
            memtable_forget(cython.address(s.memtable), lsn)
        if created or dropped:
            trees_changed(s, {tree: self.made[tree] for tree in created}, list(dropped), int(lsn))
        end = int(wal_end(s.wal))
        s.large = None
        with cython.nogil:
            s.let_section_go()
        return int(lsn), end

    def abort(self):
        """Undo everything and leave the section; nothing to do after a commit."""
        if not self.begun:
            return 0
        self.begun = False
        s = self.store
        with cython.nogil:
            batch_abort(cython.address(s.batch))
        s.large = None
        with cython.nogil:
            s.let_section_go()
        return 0
