"""The quick way of a statement that reads and writes a few keys and is a transaction of its own.

    begin: LSN S of the newest state --> look, look --> write, write --> commit section: still S? --> a batch as ever
                                           |                                  |
                                           +-- BUSY: a transaction            +-- no: nothing done, begin again

No snapshot is registered and nothing enters the memtable: reads are optimistic descents (engine.btree.read) that either
give what the state at S holds, or BUSY where only latches, the disk or an older page version would tell. Writes are
kept as they are until the commit, which happens only if no other commit was published since S. So whatever was read is
still true, at every isolation level, and nothing is validated. The caller does again what was refused, in the end as a
transaction (engine.txn.transaction).

The roots of the trees are the caller's: a tree's root never changes, and the tree is there at S if the catalog that the
caller reads at S says so.

Not for several threads at once.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_GET_SIZE
from cython.cimports.engine.base.atomic import add_acq_rel, load_acquire, load_relaxed
from cython.cimports.engine.base.codes import ERR_FULL, ERR_RESTART, ERR_STALE, OK
from cython.cimports.engine.btree.apply import WRITE_DELETE, WRITE_PUT, compare_writes
from cython.cimports.engine.btree.read import DropObject, PyObjectPtr, _try_get
from cython.cimports.engine.txn.commit import _in_place, apply
from cython.cimports.engine.txn.memtable import memtable_note
from cython.cimports.engine.txn.warm import warm_learn, warm_writes
from cython.cimports.engine.wal.log import wal_end

TRIES = cython.declare(cython.int, 3)
BUSY = object()
"""What `look` gives where it cannot tell."""


class Quick:
    """One such statement after the other; see the module."""

    def __init__(self, store):
        self.store = store
        self.held = []

    def begin(self):
        """Look at the newest state, with nothing written. Raises InterfaceError for a closed database."""
        self.store.check_open()
        self.lsn = load_acquire(cython.address(self.store.pool.published))
        self.count = 0
        if self.held:
            self.held.clear()
        return 0

    def look(self, root, key):
        """The value of a key, None, or BUSY. Does not see what `write` noted."""
        out: PyObjectPtr = cython.NULL
        _try: cython.int
        for _try in range(TRIES):
            found = _try_get(
                cython.address(self.store.pool),
                root,
                self.lsn,
                cython.cast(cython.p_uchar, PyBytes_AS_STRING(key)),
                PyBytes_GET_SIZE(key),
                cython.address(out),
            )
            if found == 1:
                value = cython.cast(object, out)
                DropObject(out)  # the cast took a reference of its own
                return value
            if found == 0:
                return None
            if found == -2:
                break
        return BUSY

    def write(self, tree, root, key, value):
        """Note a put, or, with value None, a deletion; no key twice. False: these are too many writes."""
        if self.count == QUICK_WRITES:
            return False
        self.store.check_pair(key, b"" if value is None else value)
        w = cython.address(self.writes[self.count])
        w.tree = tree
        w.root = root
        w.kind = WRITE_DELETE if value is None else WRITE_PUT
        w.key = cython.cast(cython.p_uchar, PyBytes_AS_STRING(key))
        w.key_len = cython.cast(cython.uint, PyBytes_GET_SIZE(key))
        w.value = w.key
        w.value_len = 0
        self.held.append(key)
        if value is not None:
            w.value = cython.cast(cython.p_uchar, PyBytes_AS_STRING(value))
            w.value_len = PyBytes_GET_SIZE(value)
            self.held.append(value)
        self.count += 1
        return True

    def arrange(self):
        """Put the writes in order of tree and key: they are few."""
        i: cython.int
        for i in range(1, self.count):
            at = i
            while at > 0 and compare_writes(cython.address(self.writes[at]), cython.address(self.writes[at - 1])) < 0:
                moved: write_t = self.writes[at]
                self.writes[at] = self.writes[at - 1]
                self.writes[at - 1] = moved
                at -= 1
        return OK

    def commit(self):
        """Commit the writes if nothing was published since `begin`: the LSN from which they are seen, or 0: nothing done.

        Raises ReadOnlyError, PoisonedError, LimitError and what else a commit raises.
        """
        s = self.store
        s.check_writable()
        lsn: uint64_t = 0
        end: uint64_t = 0
        durable: cython.int = OK
        with cython.nogil:
            self.arrange()
            done = self.publish(s, cython.address(lsn), cython.address(end))
            if done >= 0:
                durable = s.make_durable(end)
        if done == ERR_STALE:
            return 0
        if done < 0:
            raise s.fail(done)
        s.after_commit(end, durable)
        return lsn

    def publish(self, s, lsn, end):
        """The commit section. As `apply`, or ERR_STALE."""
        warm_writes(s, self.writes, self.count)
        done = s.enter_section()
        if done != OK:
            return done
        reads = load_relaxed(cython.address(s.pool.reads))
        done = ERR_STALE
        if load_acquire(cython.address(s.pool.published)) == self.lsn:
            txn = add_acq_rel(cython.address(s.memtable.next_txn), 1)
            done = ERR_FULL
            if self.count == 1:
                done = _in_place(s, txn, self.writes)
            if done in (ERR_FULL, ERR_RESTART):
                done = apply(s, txn, self.writes, self.count, lsn)
            lsn[0] = load_acquire(cython.address(s.pool.published))
            if done >= 0:
                memtable_note(cython.address(s.memtable), txn, self.writes, self.count, lsn[0])
        end[0] = wal_end(s.wal)
        warm_learn(s, reads)
        s.leave_section()
        return done
