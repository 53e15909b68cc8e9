"""The store: one open database file with its pool, its log and its memtable; reads at a snapshot.

    writers ---> commit section ---> batch: log records + pages in the pool ---> publish ---> wait for the log
    readers ---> snapshot (an LSN) ---> pages of that LSN, from the pool or the file
    checkpoint ---> a reader that writes what it sees to free slots, then one meta slot

Commits are made in engine.txn.commit, transactions in engine.txn.transaction, checkpoints in engine.txn.checkpoint.

Locks, in the order in which they are taken: commit section; page latch; memtable; pool mutex; the log's own. No thread
waits for any of them while it holds the GIL.

After a failed write or sync of the log, or of the data file at a checkpoint, the store refuses every write until it is
opened again (`PoisonedError`): what the disk holds is then known only from the disk.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING
from cython.cimports.engine.base.atomic import load_acquire
from cython.cimports.engine.base.codes import ERR_BUSY, ERR_POISONED, OK
from cython.cimports.engine.base.invariant import checked
from cython.cimports.engine.base.ranks import RANK_COMMIT
from cython.cimports.engine.base.sync import (
    cond_broadcast,
    cond_destroy,
    cond_init,
    cond_wait,
    mutex_destroy,
    mutex_init,
    mutex_lock,
    mutex_trylock,
    mutex_unlock,
    now_ns,
)
from cython.cimports.engine.base.thread import (
    KIND_SECTION,
    OP_COMMIT,
    WAITS_SECTION,
    fork_generation,
    thread_does,
    thread_self,
    thread_t,
    ticks,
)
from cython.cimports.engine.btree.batch import batch_free, batch_init
from cython.cimports.engine.btree.estimate import tree_estimate
from cython.cimports.engine.btree.read import Scan, range_count, tree_get
from cython.cimports.engine.btree.tree import key_max
from cython.cimports.engine.pool.fail import check, error_of
from cython.cimports.engine.pool.order import MODE_X, order_note
from cython.cimports.engine.pool.pool import pool_free, pool_init
from cython.cimports.engine.pool.versions import snapshot_register, snapshot_release
from cython.cimports.engine.storage.layout import ROOT_CATALOG, ROOT_DIRECTORY, TREE_CATALOG, TREE_DIRECTORY
from cython.cimports.engine.txn.memtable import memtable_free, memtable_init, memtable_state
from cython.cimports.engine.wal.log import wal_poisoned, wal_sync, wal_synced, wal_write, wal_written

from engine.base.errors import InterfaceError, LimitError, PoisonedError, ReadOnlyError

VALUE_MAX = 1 << 30
NEVER = cython.declare(uint64_t, 0xFFFFFFFFFFFFFFFF)
SOON_NS = cython.declare(uint64_t, 1_000_000_000)
LEVELS = {"off": SYNC_OFF, "normal": SYNC_NORMAL, "full": SYNC_FULL}


class Snapshot:
    """A registered snapshot of a store: the state at `lsn` stays readable until it is closed or collected."""

    def __cinit__(self, store, register=True):
        self.index = -1
        self.store = store
        if not register:
            return
        p = cython.address(self.store.pool)
        with cython.nogil:
            mutex_lock(cython.address(p.mutex))
            self.lsn = p.published
            self.index = snapshot_register(p, p.published)
            mutex_unlock(cython.address(p.mutex))
        check(self.index, store.path)

    def adopt(self, index, lsn):
        """Take over a snapshot that is registered already."""
        self.index = index
        self.lsn = lsn
        return 0

    def close(self):
        """Let go of the state; closing twice is allowed."""
        if self.index >= 0 and self.store.pool_ready and self.store.generation == fork_generation():
            p = cython.address(self.store.pool)
            index = self.index
            self.index = -1
            with cython.nogil:
                mutex_lock(cython.address(p.mutex))
                snapshot_release(p, index)
                mutex_unlock(cython.address(p.mutex))

    def __dealloc__(self):
        if self.index >= 0 and self.store is not None and self.store.pool_ready:
            self.close()


class Store:
    """One open database file. Made by engine.txn.opening.open_store."""

    def __cinit__(self):
        mutex_init(cython.address(self.commit_mutex), RANK_COMMIT)
        self.section_place = cython.cast(uint32_t, cython.cast(uint64_t, cython.address(self.commit_mutex)) >> 4)
        cond_init(cython.address(self.large_over), cython.NULL)
        self.closed = True
        self.generation = fork_generation()
        self.roots = {}
        self.drops = []
        self.erasures = []
        self.retained = []
        self.retained_slots = []
        self.kept = []
        self.marked = []
        self.unread = []
        self.logs_read = set()
        self.next_tree = TREE_CATALOG + 1
        self.notice_lsn = self.notice_ns = NEVER

    def __dealloc__(self):
        batch_free(cython.address(self.batch))
        memtable_free(cython.address(self.memtable))
        if self.pool_ready:
            pool_free(cython.address(self.pool))
        cond_destroy(cython.address(self.large_over))
        mutex_destroy(cython.address(self.commit_mutex))

    def __init__(self, fs, path, file, lock, options, page_size):
        self.fs = fs
        self.path = path
        self.file = file
        self.file_lock = lock
        self.options = options
        self.is_readonly = options.readonly
        self.synchronous = LEVELS[options.synchronous]
        check(
            pool_init(cython.address(self.pool), page_size, options.pool_bytes, self.file.ptr()),
            path,
        )
        self.pool_ready = True
        check(memtable_init(cython.address(self.memtable), cython.address(self.pool), options.memtable_bytes), path)

    def attach_log(self, log):
        """Give the store its log: from here on it can write."""
        self.log = log
        self.wal = self.log.ptr()
        check(batch_init(cython.address(self.batch), cython.address(self.pool), self.wal), self.path)
        self.closed = False

    def open_readonly(self):
        """The store is complete without a log."""
        self.closed = False

    def pool_ptr(self):
        return cython.address(self.pool)

    # --- guards -------------------------------------------------------------------------------------------------

    def is_ours(self):
        """Whether the store belongs to this process: a child of fork must not touch its locks and memory."""
        return self.pool_ready and self.generation == fork_generation()

    def check_open(self):
        """Raise InterfaceError for a closed database, and in a child of fork."""
        if self.closed:
            raise InterfaceError("the database is closed")
        if self.generation != fork_generation():
            raise InterfaceError(
                "the database was opened before this process was forked; open it again in the new process"
            )
        return 0

    def check_writable(self):
        self.check_open()
        if self.is_readonly:
            raise ReadOnlyError("the database was opened read-only")
        if self.failure is not None or wal_poisoned(self.wal):
            found = PoisonedError(
                "an earlier write failed, so every write is refused; close the database and open it again"
            )
            found.__cause__ = self.failure if self.failure is not None else self.log.failure
            raise found
        return 0

    @property
    def page_size(self):
        return int(self.pool.page_size)

    @property
    def published_lsn(self):
        """LSN of the last published commit."""
        return int(load_acquire(cython.address(self.pool.published)))

    def check_key(self, key):
        """Raise LimitError for a key that is too long, InterfaceError for one that is not bytes."""
        if type(key) is not bytes:
            raise InterfaceError(f"keys and values are bytes, not {type(key).__name__}")
        if len(key) > key_max(self.pool.page_size):
            raise LimitError(
                f"the key has {len(key)} bytes; at {self.page_size} bytes a page, {key_max(self.pool.page_size)} is the limit"
            )

    def check_value(self, value):
        """Raise LimitError for a value that is too long, InterfaceError for one that is not bytes."""
        if type(value) is not bytes:
            raise InterfaceError(f"keys and values are bytes, not {type(value).__name__}")
        if len(value) > VALUE_MAX:
            raise LimitError(f"the value has {len(value)} bytes; {VALUE_MAX} is the limit")

    def check_pair(self, key, value):
        """Raise InterfaceError for a closed database, and what check_key and check_value raise; one call for all."""
        self.check_open()
        if type(key) is not bytes or len(key) > key_max(self.pool.page_size):
            self.check_key(key)
        if type(value) is not bytes or len(value) > VALUE_MAX:
            self.check_value(value)
        return 0

    # --- reading ------------------------------------------------------------------------------------------------

    def snapshot(self):
        """Register a snapshot of the newest published state."""
        self.check_open()
        return Snapshot(self)

    def root_entry(self, tree):
        """(root page id, LSN from which the tree exists, LSN from which it does not or None), or None: never existed."""
        found = self.roots.get(tree)
        if found is None:
            if tree == TREE_DIRECTORY:
                found = (ROOT_DIRECTORY, 0, None)
            elif tree == TREE_CATALOG:
                found = (ROOT_CATALOG, 0, None)
            else:
                raw = self.get(ROOT_DIRECTORY, 0, int(tree).to_bytes(8, "big"), None)
                if raw is None:
                    return None
                found = (int.from_bytes(raw, "little"), 0, None)
            self.roots[tree] = found
        return found

    def root_of(self, tree, lsn=0):
        """Root page id of a tree at a snapshot LSN (0: newest), or 0 where it does not exist then."""
        found = self.root_entry(tree)
        if found is None:
            return 0
        root, born, died = found
        if lsn == 0:
            return root if died is None else 0
        return root if born <= lsn and (died is None or lsn < died) else 0

    def get(self, root, lsn, key, default=None):
        """The value of a key in the tree with this root at `lsn` (0: newest), or `default`."""
        raw: bytes = key
        return tree_get(
            cython.address(self.pool),
            root,
            lsn,
            cython.cast(cython.p_uchar, PyBytes_AS_STRING(raw)),
            len(raw),
            default,
            self.path,
        )

    def scan(self, root, snapshot, start=None, stop=None, reverse=False, owner=None):
        """Iterate over (key, value) of [start, stop) at a registered snapshot, as long as `owner.check_open()` allows."""
        found: Scan = Scan.__new__(Scan)
        found.pool = cython.address(self.pool)
        found.owner = (self if owner is None else owner, snapshot)
        found.path = self.path
        found.root = root
        found.lsn = snapshot.lsn
        found.reverse = reverse
        found.start = start
        found.stop = stop
        found.prepare()
        return found

    def estimate(self, root, lsn):
        """Roughly how many keys a tree has at a registered LSN (engine.btree.estimate)."""
        page: cython.uint = root
        at: uint64_t = lsn
        with cython.nogil:
            found = tree_estimate(cython.address(self.pool), page, at)
        if found < 0:
            raise error_of(cython.cast(int64_t, found), self.path)
        return found

    def count(self, root, lsn, start=None, stop=None):
        """How many keys lie in [start, stop) at a registered LSN."""
        low: bytes = start if start is not None else b""
        high: bytes = stop if stop is not None else b""
        bounded: cython.bint = stop is not None
        if bounded and low >= high:
            return 0
        if max(len(low), len(high)) > self.pool.page_size:
            raise LimitError(f"a bound of {max(len(low), len(high))} bytes is longer than any key")
        page: cython.uint = root
        at: uint64_t = lsn
        a = cython.cast(cython.p_uchar, PyBytes_AS_STRING(low))
        a_len: cython.size_t = len(low)
        b = cython.cast(cython.p_uchar, PyBytes_AS_STRING(high))
        b_len: cython.size_t = len(high)
        with cython.nogil:
            total = range_count(cython.address(self.pool), page, at, a, a_len, bounded, b, b_len, 0)
        if total < 0:
            raise error_of(total, self.path)
        return total

    # --- writing ------------------------------------------------------------------------------------------------

    def enter_section(self):
        """Enter the commit section, without the GIL. 0, or ERR_BUSY: a large transaction of this very thread is in it."""
        t = thread_self()
        me = cython.cast(uint64_t, t)
        thread_does(OP_COMMIT)
        if checked or mutex_trylock(cython.address(self.commit_mutex)) != 0:  # a try would not check ranks
            self._waits_for_section(t)
            mutex_lock(cython.address(self.commit_mutex))
        while self.large_thread != 0:
            if self.large_thread == me:
                t.waiting = 0
                mutex_unlock(cython.address(self.commit_mutex))
                return ERR_BUSY
            if not t.waiting:
                self._waits_for_section(t)
            cond_wait(cython.address(self.large_over), cython.address(self.commit_mutex))
        t.waiting = 0
        if t.section.kind != KIND_SECTION or t.section.place != self.section_place:
            self._name_section(cython.address(t.section))
        t.section.since = 0  # a look at the clock is a part of a put
        t.in_section = 1
        return OK

    def _waits_for_section(self, t):
        """Say in the thread table that the calling thread is about to wait for the section."""
        self._name_section(cython.address(t.wait))
        t.waiting = WAITS_SECTION
        if t.depth > 0:
            order_note(t)

    def _name_section(self, h):
        """The section as something that is held or waited for, from now on."""
        h.place = self.section_place
        h.frame = 0xFFFFFFFF  # no page's
        h.page = 0
        h.mode = MODE_X
        h.kind = KIND_SECTION
        h.level = 0
        h.since = ticks()

    def leave_section(self):
        """Leave the commit section, without the GIL."""
        thread_self().in_section = 0
        mutex_unlock(cython.address(self.commit_mutex))

    def take_over_section(self):
        """The large transaction goes on in the calling thread."""
        t = thread_self()
        before = cython.cast(cython.pointer(thread_t), self.large_thread)
        if before != t:
            if before != cython.NULL:
                before.in_section = 0
            self.large_thread = cython.cast(uint64_t, t)
            self._name_section(cython.address(t.section))
            t.in_section = 1

    def lock_commit(self):
        """Enter the commit section. OperationalError where a large transaction of this very thread is in it."""
        with cython.nogil:
            done = self.enter_section()
        return check(done, self.path)

    def check_section(self):
        """Raise OperationalError where waiting for the commit section would never end: this thread holds it."""
        return check(ERR_BUSY if self.large_thread == cython.cast(uint64_t, thread_self()) else OK, self.path)

    def unlock_commit(self):
        self.leave_section()
        return 0

    def hold_section(self):
        """A large transaction, in the commit section, keeps it beyond the mutex; `large_thread` moves with its thread."""
        t = thread_self()
        self.large_thread = cython.cast(uint64_t, t)
        self._name_section(cython.address(t.section))
        mutex_unlock(cython.address(self.commit_mutex))

    def let_section_go(self):
        """A large transaction ends: others may enter."""
        mutex_lock(cython.address(self.commit_mutex))
        if self.large_thread != 0:
            cython.cast(cython.pointer(thread_t), self.large_thread).in_section = 0
        self.large_thread = 0
        cond_broadcast(cython.address(self.large_over))
        mutex_unlock(cython.address(self.commit_mutex))

    @property
    def active_writers(self):
        """How many transactions that may write are open."""
        return int(load_acquire(cython.address(self.memtable.active)))

    def memtable_state(self):
        """Counters of the memtable (engine.txn.memtable.MemtableState)."""
        return memtable_state(cython.address(self.memtable))

    def new_tree_id(self):
        """A tree id that was never used."""
        found = self.next_tree  # nobody else runs between these lines: the GIL is held
        self.next_tree += 1
        return int(found)

    def make_durable(self, lsn):
        """Wait until the log is as durable up to `lsn` as `synchronous` demands. For after_commit: OK, or an error."""
        if self.synchronous == SYNC_FULL:
            return wal_sync(self.wal, lsn)
        if self.synchronous == SYNC_NORMAL:
            return wal_write(self.wal, lsn)
        return OK

    def after_commit(self, lsn, done):
        """`done` came from make_durable: raise what it means, and tell the checkpointer if it wants to hear of `lsn`."""
        if done < 0:
            raise self.log.error()
        if lsn > self.notice_lsn or now_ns() > self.notice_ns:
            self.checkpointer.notice()
        return 0

    def arm(self, lsn, delay_ns):
        """The checkpointer wants to hear of the first commit behind `lsn`, or later than this many nanoseconds from now."""
        self.notice_lsn = lsn
        self.notice_ns = NEVER if delay_ns is None else now_ns() + cython.cast(uint64_t, delay_ns)

    def wait_durable(self, lsn):
        """Wait until the log is as durable up to `lsn` as `synchronous` demands."""
        with cython.nogil:
            done = self.make_durable(lsn)
        return self.after_commit(lsn, done)

    def wait_for(self, lsn):
        """wait_durable, for Tickets. Raises PoisonedError."""
        self.wait_durable(lsn)

    def is_durable(self, lsn):
        """Whether the log is as durable up to `lsn` as `synchronous` demands."""
        if self.synchronous == SYNC_FULL:
            return wal_synced(self.wal) >= lsn
        return self.synchronous == SYNC_OFF or wal_written(self.wal) >= lsn

    def sync_soon(self, lsn):
        """A commit up to `lsn` was not waited for. The first commit a second from now has the log synced in the background."""
        if self.synchronous == SYNC_FULL and self.notice_ns == NEVER:
            self.notice_ns = now_ns() + SOON_NS
        return self.after_commit(lsn, OK)

    def fail(self, code):
        """The exception for a failed commit."""
        return self.log.error() if code == ERR_POISONED else error_of(code, self.path)

    def close_files(self):
        """Close log, data file and lock, without a checkpoint."""
        self.closed = True
        if self.log is not None:
            self.log.close()
        if self.file is not None:
            self.file.close()
        if self.file_lock is not None:
            self.file_lock.close()
            self.file_lock = None
