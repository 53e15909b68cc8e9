"""The store: one open database file with its pool and its log; commits, and reads at a snapshot.

    writers ---> commit section ---> batch: log records + pages in the pool ---> publish ---> wait for the log
    readers ---> snapshot (an LSN) ---> pages of that LSN, from the pool or the file
    checkpoint ---> a reader that writes what it sees to free slots, then one meta slot

Commit. One thread at a time is in the commit section. It validates the transaction, applies its writes to the pages as
one batch and publishes it. It then leaves the section and waits until the log is durable, as `synchronous` demands;
whoever waits at the same time shares the sync. A reader may therefore see a commit up to one sync before it is
durable; what the reader then commits is durable only after it.

Locks, in the order in which they are taken: commit section; page latch; pool mutex; the log's own. No thread waits for
any of them while it holds the GIL.

After a failed write or sync of the log, or of the data file at a checkpoint, the store refuses every write until it is
opened again (`PoisonedError`): what the disk holds is then known only from the disk.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING
from cython.cimports.engine.base.atomic import load_acquire
from cython.cimports.engine.base.codes import ERR_CONFLICT, ERR_FULL, ERR_POISONED, ERR_RESTART, ERR_STALE, OK
from cython.cimports.engine.base.sync import mutex_destroy, mutex_init, mutex_lock, mutex_trylock, mutex_unlock
from cython.cimports.engine.base.thread import fork_generation
from cython.cimports.engine.btree.apply import WRITE_DELETE, WRITE_PUT, apply_writes, write_t
from cython.cimports.engine.btree.batch import batch_abort, batch_begin, batch_commit, batch_free, batch_init
from cython.cimports.engine.btree.inplace import delete_in_place, put_in_place
from cython.cimports.engine.btree.read import Scan, range_count, tree_get
from cython.cimports.engine.btree.tree import key_max, tree_create, tree_free
from cython.cimports.engine.pool.fail import check, error_of
from cython.cimports.engine.pool.pool import pool_free, pool_init
from cython.cimports.engine.pool.versions import snapshot_register, snapshot_release
from cython.cimports.engine.storage.layout import ROOT_CATALOG, ROOT_DIRECTORY, TREE_CATALOG, TREE_DIRECTORY
from cython.cimports.engine.wal.log import wal_end, wal_poisoned, wal_sync, wal_write
from cython.cimports.libc.stdlib import calloc, free

from engine.base.errors import (
    ConflictError,
    CorruptionError,
    InterfaceError,
    LimitError,
    PoisonedError,
    ReadOnlyError,
)

VALUE_MAX = 1 << 30
LEVELS = {"off": SYNC_OFF, "normal": SYNC_NORMAL, "full": SYNC_FULL}


class Snapshot:
    """A registered snapshot of a store: the state at `lsn` stays readable until it is closed or collected."""

    def __cinit__(self, store):
        self.index = -1
        self.store = store
        p = cython.address(self.store.pool)
        with cython.nogil:
            mutex_lock(cython.address(p.mutex))
            self.lsn = p.published
            self.index = snapshot_register(p, p.published)
            mutex_unlock(cython.address(p.mutex))
        check(self.index, store.path)

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
        mutex_init(cython.address(self.commit_mutex), cython.NULL)
        self.closed = True
        self.generation = fork_generation()
        self.roots = {}
        self.history = []
        self.writers = []
        self.abandoned = []
        self.next_txn = 1
        self.next_tree = TREE_CATALOG + 1

    def __dealloc__(self):
        batch_free(cython.address(self.batch))
        if self.pool_ready:
            pool_free(cython.address(self.pool))
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

    def check_open(self):
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

    def scan(self, root, snapshot, start=None, stop=None, reverse=False):
        """Iterate over (key, value) of [start, stop) at a registered snapshot."""
        found: Scan = Scan.__new__(Scan)
        found.pool = cython.address(self.pool)
        found.owner = (self, snapshot)
        found.path = self.path
        found.root = root
        found.lsn = snapshot.lsn
        found.reverse = reverse
        found.start = start
        found.stop = stop
        found.prepare()
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
            total = range_count(cython.address(self.pool), page, at, a, a_len, bounded, b, b_len)
        if total < 0:
            raise error_of(total, self.path)
        return total

    # --- committing ---------------------------------------------------------------------------------------------

    def lock_commit(self):
        """Enter the commit section."""
        if mutex_trylock(cython.address(self.commit_mutex)) != 0:
            with cython.nogil:
                mutex_lock(cython.address(self.commit_mutex))
        return 0

    def unlock_commit(self):
        mutex_unlock(cython.address(self.commit_mutex))
        return 0

    def enter_writer(self):
        """A transaction that may write begins; its snapshot comes next, so no commit in between goes unnoticed."""
        self.check_writable()
        self.lock_commit()
        self._forget_abandoned()
        self.active_writers += 1
        self.unlock_commit()

    def writer_at(self, lsn):
        """The transaction that has just begun reads at `lsn`."""
        self.writers.append(lsn)

    def leave_writer(self, lsn=None):
        """A transaction that might have written ends: forget the commits that no other one needs to know."""
        if self.generation != fork_generation():
            return  # a child of fork: the mutex may have been held by a thread that does not exist here
        self.lock_commit()
        self._leave(lsn)
        self.unlock_commit()

    def abandon_writer(self, lsn):
        """`leave_writer` for a transaction that the collector found.

        The collector may run in the thread that is in the commit section, so this never waits: where the section is
        taken, whoever enters it next sees to it.
        """
        if self.generation != fork_generation():
            return
        self.abandoned.append(lsn)
        if mutex_trylock(cython.address(self.commit_mutex)) == 0:
            self._forget_abandoned()
            self.unlock_commit()

    def _leave(self, lsn):
        """Commit section held: one writer less."""
        self.active_writers -= 1
        if lsn is not None:
            self.writers.remove(lsn)
        self._forget_abandoned()
        if self.active_writers == 0:
            self.history.clear()
        elif len(self.writers) == self.active_writers and len(self.history) > 64:
            oldest = min(self.writers)
            self.history = [entry for entry in self.history if entry[0] > oldest]
        return 0

    def _forget_abandoned(self):
        """Commit section held: the writers that the collector found since it was last entered leave."""
        while self.abandoned:
            self._leave(self.abandoned.pop())
        return 0

    def new_tree_id(self):
        """A tree id that was never used."""
        self.lock_commit()
        found = self.next_tree
        self.next_tree += 1
        self.unlock_commit()
        return int(found)

    def wait_durable(self, lsn):
        """Wait until the log is as durable up to `lsn` as `synchronous` demands."""
        done: cython.int = 0
        if self.synchronous == SYNC_FULL:
            with cython.nogil:
                done = wal_sync(self.wal, lsn)
        elif self.synchronous == SYNC_NORMAL:
            with cython.nogil:
                done = wal_write(self.wal, lsn)
        if done < 0:
            raise self.log.error()
        if self.checkpointer is not None:
            self.checkpointer.notice(lsn, self.synchronous == SYNC_NORMAL)
        return 0

    def put_one(self, tree, root, epoch, key, value):
        """Put one key and commit. False, with nothing done, if trees were made or dropped since `epoch`."""
        self.check_writable()
        k: bytes = key
        v: bytes = value
        page: cython.uint = root
        raw_key = cython.cast(cython.p_uchar, PyBytes_AS_STRING(k))
        raw_value = cython.cast(cython.p_uchar, PyBytes_AS_STRING(v))
        key_len: cython.size_t = len(k)
        value_len: uint64_t = len(v)
        op: write_t
        end: uint64_t = 0
        lsn: uint64_t = 0
        with cython.nogil:
            mutex_lock(cython.address(self.commit_mutex))
            txn = self.next_txn
            self.next_txn += 1
            if self.tree_epoch != epoch:
                done: cython.int = ERR_STALE
            elif self.active_writers > 0:
                done = ERR_CONFLICT
            else:
                done = put_in_place(
                    cython.address(self.pool),
                    self.wal,
                    txn,
                    page,
                    raw_key,
                    key_len,
                    raw_value,
                    value_len,
                    self.batch.scratch,
                )
            if done in (ERR_FULL, ERR_RESTART):
                op.root = page
                op.kind = WRITE_PUT
                op.key = raw_key
                op.key_len = key_len
                op.value = raw_value
                op.value_len = value_len
                self.next_txn -= 1
                done = self.apply(cython.address(op), 1, cython.address(lsn))
            end = wal_end(self.wal)
            mutex_unlock(cython.address(self.commit_mutex))
        if done == ERR_STALE:
            return False
        if done == ERR_CONFLICT:
            # open transactions must learn what was written: the general way remembers it for them
            return self._commit_if([(tree, key, value)])
        if done < 0:
            raise self.fail(done)
        self.wait_durable(end)
        return True

    def _commit_if(self, writes):
        """Commit; False if one of the trees was dropped meanwhile."""
        try:
            self.commit(writes)
        except ConflictError:
            return False
        return True

    def delete_one(self, tree, root, epoch, key):
        """Delete one key and commit: 1 deleted, 0 it was not there, -1 nothing done: trees were made or dropped."""
        self.check_writable()
        k: bytes = key
        page: cython.uint = root
        raw_key = cython.cast(cython.p_uchar, PyBytes_AS_STRING(k))
        key_len: cython.size_t = len(k)
        op: write_t
        end: uint64_t = 0
        lsn: uint64_t = 0
        with cython.nogil:
            mutex_lock(cython.address(self.commit_mutex))
            txn = self.next_txn
            self.next_txn += 1
            if self.tree_epoch != epoch:
                done: cython.int = ERR_STALE
            elif self.active_writers > 0:
                done = ERR_CONFLICT
            else:
                done = delete_in_place(cython.address(self.pool), self.wal, txn, page, raw_key, key_len)
            if done in (ERR_FULL, ERR_RESTART):
                op.root = page
                op.kind = WRITE_DELETE
                op.key = raw_key
                op.key_len = key_len
                op.value = raw_key
                op.value_len = 0
                self.next_txn -= 1
                done = self.apply(cython.address(op), 1, cython.address(lsn))
            end = wal_end(self.wal)
            mutex_unlock(cython.address(self.commit_mutex))
        if done == ERR_STALE:
            return -1
        if done == ERR_CONFLICT:
            if self.get(root, 0, key) is None:
                return 0
            return 1 if self._commit_if([(tree, key, None)]) else -1
        if done < 0:
            raise self.fail(done)
        if done > 0:
            self.wait_durable(end)
        return done

    def fail(self, code):
        """The exception for a failed commit."""
        return self.log.error() if code == ERR_POISONED else error_of(code, self.path)

    def apply(self, ops, count, lsn):
        """Apply writes as one batch and publish it; `lsn` gets the commit's. Commit section held.

        The result of the last operation (put: 1 replaced; delete: 1 deleted), or an error with everything undone.
        """
        b = cython.address(self.batch)
        done = batch_begin(b, self.next_txn)
        if done != OK:
            return done
        self.next_txn += 1
        last = apply_writes(b, ops, count)
        if last >= 0:
            done = batch_commit(b, lsn)
            if done >= 0:
                return last
            last = done
        batch_abort(b)
        return last

    def commit(self, writes, created=(), dropped=(), validate=None):
        """Commit writes to trees as one transaction and wait for it to be durable; the commit's LSN.

        writes: list of (tree id, key, value or None to delete), in the order they are to be applied.
        created, dropped: tree ids. validate: called inside the commit section; raises ConflictError to refuse.
        """
        self.check_writable()
        lsn: uint64_t = 0
        end: uint64_t = 0
        self.lock_commit()
        try:
            self._forget_abandoned()
            if validate is not None:
                validate()
            if created or dropped:
                self._commit_trees(writes, created, dropped, cython.address(lsn))
            else:
                self._commit_writes(writes, cython.address(lsn))
            end = wal_end(self.wal)
            if self.active_writers > 0:
                self.history.append((int(lsn), writes, frozenset(dropped)))
        finally:
            self.unlock_commit()
        self.wait_durable(end)
        return int(lsn)

    def commit_sorted(self, writes, epoch):
        """Commit sorted writes to one tree and wait for them to be durable. False as in put_one."""
        self.check_writable()
        lsn: uint64_t = 0
        with cython.nogil:
            mutex_lock(cython.address(self.commit_mutex))
            if self.tree_epoch != epoch:
                done: cython.int = ERR_STALE
            elif self.active_writers > 0:
                done = ERR_CONFLICT
            else:
                done = self.apply(writes.items, writes.count, cython.address(lsn))
            end = wal_end(self.wal)
            mutex_unlock(cython.address(self.commit_mutex))
        if done == ERR_STALE:
            return False
        if done == ERR_CONFLICT:
            return self._commit_if(writes.as_list())
        if done < 0:
            raise self.fail(done)
        self.wait_durable(end)
        return True

    def _fill(self, ops, writes, first):
        """Point operations at the bytes of `writes`; for trees that do not exist a ConflictError is raised."""
        roots: dict = {}
        i: cython.long = first
        for tree, key, value in writes:
            root = roots.get(tree)
            if root is None:
                root = self.root_of(tree)
                if root == 0 and self.root_entry(tree) is None:
                    raise CorruptionError(f"tree {tree} is not in the tree directory; run a check", file=self.path)
                if root == 0:
                    raise ConflictError("another transaction dropped what this one writes to; run it again")
                roots[tree] = root
            k: bytes = key
            op = cython.address(ops[i])
            op.root = root
            op.key = cython.cast(cython.p_uchar, PyBytes_AS_STRING(k))
            op.key_len = len(k)
            if value is None:
                op.kind = WRITE_DELETE
                op.value = op.key
                op.value_len = 0
            else:
                v: bytes = value
                op.kind = WRITE_PUT
                op.value = cython.cast(cython.p_uchar, PyBytes_AS_STRING(v))
                op.value_len = len(v)
            i += 1
        return 0

    def _commit_writes(self, writes, lsn):
        count: cython.long = len(writes)
        ops = cython.cast(cython.pointer(write_t), calloc(count + 1, cython.sizeof(write_t)))
        if ops == cython.NULL:
            raise MemoryError
        try:
            self._fill(ops, writes, 0)
            with cython.nogil:
                done = self.apply(ops, count, lsn)
            if done < 0:
                raise self.fail(done)
        finally:
            free(ops)
        return 0

    def _commit_trees(self, writes, created, dropped, lsn):
        """A commit that also makes and drops trees: the same batch, with the directory's entries."""
        b = cython.address(self.batch)
        count: cython.long = len(writes)
        ops = cython.cast(cython.pointer(write_t), calloc(count + 1, cython.sizeof(write_t)))
        if ops == cython.NULL:
            raise MemoryError
        made: dict = {}
        done: cython.int = 0
        try:
            with cython.nogil:
                done = batch_begin(b, self.next_txn)
                self.next_txn += 1
            check(done, self.path)
            try:
                for tree in created:
                    made[tree] = self._create_tree(tree)
                    self.roots[tree] = (made[tree], 0, None)
                self._fill(ops, writes, 0)
                with cython.nogil:
                    done = apply_writes(b, ops, count)
                if done < 0:
                    raise self.fail(done)
                for tree in dropped:
                    self._drop_tree(tree)
                with cython.nogil:
                    done = batch_commit(b, lsn)
                if done < 0:
                    raise self.fail(done)
            except BaseException:
                for tree in made:
                    self.roots.pop(tree, None)
                with cython.nogil:
                    batch_abort(b)
                raise
            for tree, root in made.items():
                self.roots[tree] = (root, int(lsn[0]), None)
            for tree in dropped:
                entry = self.root_entry(tree)
                if entry is not None:
                    self.roots[tree] = (entry[0], entry[1], int(lsn[0]))
            self.tree_epoch += 1
        finally:
            free(ops)
        return 0

    def _create_tree(self, tree):
        """Inside a batch: make an empty tree and its directory entry; its root."""
        b = cython.address(self.batch)
        number: cython.uint = tree
        with cython.nogil:
            root = tree_create(b, 0, number)
        check(root, self.path)
        self._directory(tree, int(root).to_bytes(4, "little"))
        return int(root)

    def _drop_tree(self, tree):
        """Inside a batch: free a tree and its directory entry."""
        b = cython.address(self.batch)
        root: cython.uint = self.root_of(tree)
        if root == 0:
            raise ConflictError("another transaction dropped what this one drops; run it again")
        with cython.nogil:
            done = tree_free(b, root, 256)
        check(done, self.path)
        self._directory(tree, None)

    def _directory(self, tree, value):
        b = cython.address(self.batch)
        key: bytes = int(tree).to_bytes(8, "big")
        raw_key = cython.cast(cython.p_uchar, PyBytes_AS_STRING(key))
        v: bytes = value if value is not None else b""
        raw_value = cython.cast(cython.p_uchar, PyBytes_AS_STRING(v))
        length: uint64_t = len(v)
        op: write_t
        op.root = ROOT_DIRECTORY
        op.kind = WRITE_DELETE if value is None else WRITE_PUT
        op.key = raw_key
        op.key_len = 8
        op.value = raw_value
        op.value_len = length
        with cython.nogil:
            done = apply_writes(b, cython.address(op), 1)
        check(done, self.path)

    def create_first_trees(self):
        """Make directory and catalog in an empty database: pages 1 and 2."""
        b = cython.address(self.batch)
        lsn: uint64_t = 0
        with cython.nogil:
            done = batch_begin(b, self.next_txn)
            self.next_txn += 1
            if done == OK:
                done = tree_create(b, 0, TREE_DIRECTORY)
            if done == ROOT_DIRECTORY:
                done = tree_create(b, 0, TREE_CATALOG)
            if done == ROOT_CATALOG:
                done = batch_commit(b, cython.address(lsn))
        check(done, self.path)

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
