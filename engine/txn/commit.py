"""Commits: one thread at a time applies its writes to the pages as one batch and publishes it.

    validate -> batch: records + pages -> publish -> note for open transactions | leave the section | wait for the log

The wait for the disk happens outside the commit section: whoever waits at the same time shares the sync. A reader may
therefore see a commit up to one sync before it is durable; what the reader then commits is durable only after it.

A single put or delete that changes one leaf which no snapshot needs takes a shorter way (engine.btree.inplace).

Trees may be made and dropped by others until the section is entered: who looked a tree up before brings the epoch of
that look, and nothing is done where it is no longer the store's (single writes), or the roots are looked up inside.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_GET_SIZE
from cython.cimports.engine.base.atomic import add_acq_rel, load_acquire, load_relaxed
from cython.cimports.engine.base.codes import ERR_FULL, ERR_RESTART, ERR_STALE, OK
from cython.cimports.engine.btree.apply import WRITE_DELETE, WRITE_PUT, apply_writes
from cython.cimports.engine.btree.batch import batch_abort, batch_begin, batch_commit
from cython.cimports.engine.btree.inplace import delete_in_place, put_in_place
from cython.cimports.engine.btree.tree import tree_create, tree_free
from cython.cimports.engine.pool.fail import check
from cython.cimports.engine.storage.layout import ROOT_CATALOG, ROOT_DIRECTORY, TREE_CATALOG, TREE_DIRECTORY
from cython.cimports.engine.txn.memtable import memtable_forget, memtable_note, memtable_stamp
from cython.cimports.engine.txn.warm import warm_learn, warm_writes
from cython.cimports.engine.wal.log import wal_end

from engine.base.errors import ConflictError, CorruptionError

ERASURES_MAX = 1_000


def apply(s, txn, writes, count, lsn):
    """Apply writes as one batch and publish it; `lsn` gets the commit's. Commit section held.

    The result of the last write (put: 1 replaced; delete: 1 deleted), or an error with everything undone.
    """
    b = cython.address(s.batch)
    done = batch_begin(b, txn)
    if done != OK:
        return done
    last = apply_writes(b, writes, count)
    if last >= 0:
        done = batch_commit(b, lsn)
        if done >= 0:
            return last
        last = done
    batch_abort(b)
    return last


# --- single writes and sorted runs ----------------------------------------------------------------------------------


def _in_place(s, txn, op):
    if op.kind == WRITE_DELETE:
        return delete_in_place(cython.address(s.pool), s.wal, txn, op.root, op.key, op.key_len)
    return put_in_place(
        cython.address(s.pool), s.wal, txn, op.root, op.key, op.key_len, op.value, op.value_len, s.batch.scratch
    )


def _one(s, op, epoch, end):
    """One write as a commit of its own; `end`: where the log must be durable for it. As apply, or ERR_STALE."""
    lsn: uint64_t = 0
    warm_writes(s, op, 1)
    done = s.enter_section()
    if done != OK:
        return done
    reads = load_relaxed(cython.address(s.pool.reads))
    done = ERR_STALE
    if s.tree_epoch == epoch:
        txn = add_acq_rel(cython.address(s.memtable.next_txn), 1)
        done = _in_place(s, txn, op)
        if done in (ERR_FULL, ERR_RESTART):
            done = apply(s, txn, op, 1, cython.address(lsn))
        if done >= 0:
            memtable_note(cython.address(s.memtable), txn, op, 1, load_acquire(cython.address(s.pool.published)))
    end[0] = wal_end(s.wal)
    warm_learn(s, reads)
    s.leave_section()
    return done


def put_one(s, tree, root, epoch, key, value):
    """Put one key and commit. False, with nothing done, if trees were made or dropped since `epoch`."""
    s.check_writable()
    op: write_t
    op.tree = tree
    op.root = root
    op.kind = WRITE_PUT
    op.key = cython.cast(cython.p_uchar, PyBytes_AS_STRING(key))
    op.key_len = cython.cast(cython.uint, PyBytes_GET_SIZE(key))
    op.value = cython.cast(cython.p_uchar, PyBytes_AS_STRING(value))
    op.value_len = PyBytes_GET_SIZE(value)
    end: uint64_t = 0
    durable: cython.int = OK
    with cython.nogil:
        done = _one(s, cython.address(op), epoch, cython.address(end))
        if done >= 0:
            durable = s.make_durable(end)
    if done == ERR_STALE:
        return False
    if done < 0:
        raise s.fail(done)
    s.after_commit(end, durable)
    return True


def delete_one(s, tree, root, epoch, key):
    """Delete one key and commit: 1 deleted, 0 it was not there, -1 nothing done: trees were made or dropped."""
    s.check_writable()
    op: write_t
    op.tree = tree
    op.root = root
    op.kind = WRITE_DELETE
    op.key = cython.cast(cython.p_uchar, PyBytes_AS_STRING(key))
    op.key_len = cython.cast(cython.uint, PyBytes_GET_SIZE(key))
    op.value = op.key
    op.value_len = 0
    end: uint64_t = 0
    durable: cython.int = OK
    with cython.nogil:
        done = _one(s, cython.address(op), epoch, cython.address(end))
        if done > 0:
            durable = s.make_durable(end)
    if done == ERR_STALE:
        return -1
    if done < 0:
        raise s.fail(done)
    if done > 0:
        s.after_commit(end, durable)
    return done


def put_sorted(s, writes, epoch):
    """Commit sorted writes to one tree as one transaction. False as in put_one."""
    s.check_writable()
    lsn: uint64_t = 0
    end: uint64_t = 0
    with cython.nogil:
        warm_writes(s, writes.items, writes.count)
        done = s.enter_section()
        if done == OK:
            reads = load_relaxed(cython.address(s.pool.reads))
            done = ERR_STALE
            if s.tree_epoch == epoch:
                txn = add_acq_rel(cython.address(s.memtable.next_txn), 1)
                done = apply(s, txn, writes.items, writes.count, cython.address(lsn))
                if done >= 0:
                    memtable_note(cython.address(s.memtable), txn, writes.items, writes.count, lsn)
            end = wal_end(s.wal)
            warm_learn(s, reads)
            s.leave_section()
    if done == ERR_STALE:
        return False
    if done < 0:
        raise s.fail(done)
    s.wait_durable(end)
    return True


# --- transactions ---------------------------------------------------------------------------------------------------


def commit_writes(s, w, entries, entry_count, writes, count, created, dropped, erased, validator):
    """Commit a transaction's sorted writes and the trees it made and dropped: (its LSN, where the log must be durable).

    `validator.validate()` is called inside the commit section and raises ConflictError to refuse.
    """
    s.check_writable()
    lsn: uint64_t = 0
    done: cython.int = 0
    if s.warm_commits:
        _guess_roots(s, writes, count)
        with cython.nogil:
            warm_writes(s, writes, count)
    s.lock_commit()
    reads = load_relaxed(cython.address(s.pool.reads))
    try:
        validator.validate()
        if created or dropped:
            _apply_with_trees(s, w.txn, writes, count, created, dropped, cython.address(lsn))
        else:
            aim(s, writes, count, {})
            with cython.nogil:
                done = apply(s, w.txn, writes, count, cython.address(lsn))
            if done < 0:
                raise s.fail(done)
        with cython.nogil:
            memtable_stamp(cython.address(s.memtable), w, entries, entry_count, lsn)
        _remember_drops(s, int(lsn), dropped)
        _remember_erasures(s, int(lsn), erased)
        end = wal_end(s.wal)
    finally:
        warm_learn(s, reads)
        s.unlock_commit()
    return int(lsn), int(end)


def _guess_roots(s, writes, count):
    """The roots as they are now, 0 where there is none: for warming up alone, `aim` will look again."""
    i: cython.long
    root: uint32_t = 0
    for i in range(count):
        if i == 0 or writes[i].tree != writes[i - 1].tree:
            root = s.root_of(int(writes[i].tree))
        writes[i].root = root
    return 0


def _remember_drops(s, lsn, dropped):
    """Keep what a commit dropped for the transactions that are open now."""
    store: Store = s
    if store.active_writers <= 1:
        store.drops.clear()
    elif dropped:
        store.drops.append((lsn, frozenset(dropped)))


def _remember_erasures(s, lsn, erased):
    """Keep the ranges that a commit deleted for the transactions that are open now; past a limit, pages are asked."""
    store: Store = s
    if store.active_writers <= 1:
        store.erasures.clear()
    elif erased:
        store.erasures.append((lsn, dict(erased)))
        if len(store.erasures) > ERASURES_MAX:
            store.erasures.clear()
            upto: uint64_t = lsn
            with cython.nogil:
                memtable_forget(cython.address(store.memtable), upto)


def aim(s, writes, count, made):
    """Look up the roots of the trees that are written to; `made`: those of trees that the batch itself has made.

    ConflictError for a tree that does not exist any more.
    """
    i: cython.long
    root: uint32_t = 0
    for i in range(count):
        if i == 0 or writes[i].tree != writes[i - 1].tree:
            tree = int(writes[i].tree)
            root = made[tree] if tree in made else s.root_of(tree)
            if root == 0 and s.root_entry(tree) is None:
                raise CorruptionError(f"tree {tree} is not in the tree directory; run a check", file=s.path)
            if root == 0:
                raise ConflictError("another transaction dropped what this one writes to; run it again")
        writes[i].root = root
    return 0


def _apply_with_trees(s, txn, writes, count, created, dropped, lsn):
    """A commit that also makes and drops trees: the same batch, with the directory's entries."""
    b = cython.address(s.batch)
    with cython.nogil:
        done: cython.int = batch_begin(b, txn)
    check(done, s.path)
    try:
        made = {tree: create_tree(s, tree) for tree in created}
        aim(s, writes, count, made)
        with cython.nogil:
            done = apply_writes(b, writes, count)
        if done < 0:
            raise s.fail(done)
        for tree in dropped:
            drop_tree(s, tree, s.root_of(tree))
        with cython.nogil:
            done = batch_commit(b, lsn)
        if done < 0:
            raise s.fail(done)
    except BaseException:
        with cython.nogil:
            batch_abort(b)
        raise
    trees_changed(s, made, dropped, int(lsn[0]))
    return 0


def trees_changed(store, made, dropped, lsn):
    """A commit that made and dropped trees was published: everybody looks trees up anew."""
    s: Store = store
    for tree, root in made.items():
        s.roots[tree] = (root, lsn, None)
    for tree in dropped:
        entry = s.root_entry(tree)
        if entry is not None:
            s.roots[tree] = (entry[0], entry[1], lsn)
    s.tree_epoch += 1


def create_tree(store, tree):
    """Inside a batch: make an empty tree and its directory entry; its root."""
    s: Store = store
    b = cython.address(s.batch)
    number: cython.uint = tree
    with cython.nogil:
        root = tree_create(b, 0, number)
    check(root, s.path)
    _directory(s, tree, int(root).to_bytes(4, "little"))
    return int(root)


def drop_tree(store, tree, page_id):
    """Inside a batch: free a tree and its directory entry. ConflictError where it has no root (0) any more."""
    s: Store = store
    b = cython.address(s.batch)
    root: cython.uint = page_id
    if root == 0:
        raise ConflictError("another transaction dropped what this one drops; run it again")
    with cython.nogil:
        done = tree_free(b, root, 256)
    check(done, s.path)
    _directory(s, tree, None)


def _directory(s, tree, value):
    """Inside a batch: put a tree's entry into the directory, or take it out (value None)."""
    b = cython.address(s.batch)
    key: bytes = int(tree).to_bytes(8, "big")
    data: bytes = key if value is None else value
    op: write_t
    op.tree = TREE_DIRECTORY
    op.root = ROOT_DIRECTORY
    op.kind = WRITE_DELETE if value is None else WRITE_PUT
    op.key = cython.cast(cython.p_uchar, PyBytes_AS_STRING(key))
    op.key_len = 8
    op.value = cython.cast(cython.p_uchar, PyBytes_AS_STRING(data))
    op.value_len = PyBytes_GET_SIZE(data)
    with cython.nogil:
        done = apply_writes(b, cython.address(op), 1)
    check(done, s.path)
    return 0


def create_first_trees(store):
    """Make directory and catalog in an empty database: pages 1 and 2."""
    s: Store = store
    b = cython.address(s.batch)
    lsn: uint64_t = 0
    with cython.nogil:
        done: cython.int = batch_begin(b, 0)
        if done == OK:
            done = tree_create(b, 0, TREE_DIRECTORY)
        if done == ROOT_DIRECTORY:
            done = tree_create(b, 0, TREE_CATALOG)
        if done == ROOT_CATALOG:
            done = batch_commit(b, cython.address(lsn))
    check(done, s.path)
