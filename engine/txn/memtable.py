"""The memtable: what open transactions have written, and what was committed while they are open.

                oldest                                       current
    generation [ skip list, last commit 900 ] -> [ skip list, last commit 1200 ] -> end
                  ^ home of transactions 7, 8       ^ home of transaction 9

One concurrent skip list (engine.txn.skiplist) holds entries of many transactions side by side: a transaction reads its
own over its snapshot, and when it commits, it learns from the others', which carry their commit LSN, whether anybody
changed what it wrote or read. A rollback leaves entries without an LSN behind; nobody looks at them.

*Generations.* A skip list much past a hundred thousand entries is slower than the tree, and its memory is given back
only as a whole. So a transaction that begins while the current list has more than GENERATION_ENTRIES gets a new one.
The oldest list goes when no open transaction has entries in it and none is old enough to conflict with its commits.

*What a commit leaves here.* Nothing while no other transaction that may write is open. Otherwise its entries get its LSN
(`memtable_stamp`); writes that were never entries, of single puts and of put_many, are noted with it (`memtable_note`).

*Bounded.* Past `budget` bytes the oldest lists without transactions of their own are given up, and so are the notes of a
commit of more than NOTES_MAX writes; `forgotten` remembers the LSN. A transaction older than that is validated against
the pages instead (`leaf_changed`, engine.txn.validate): one page changed since its snapshot is then a conflict, whatever changed on it.

Protocol between a beginning and a committing transaction. Beginning: count itself in `active`, then read the published
LSN for its snapshot. Committing: publish, then read `active`. So whoever was not counted when the commit looked has a
snapshot that sees the commit, and needs no note of it.

Locking: `mutex` covers generations and writers; under it the pool's mutex may be taken. Entries are inserted and read
without it. Notes, stamps and validation happen in the commit section. Invariant: writers are linked in order of their
snapshots; a generation with `bound` 0 and no commit newer than the oldest snapshot is used by nobody.
"""

import cython

from engine.base.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class MemtableState:
    """What the memtable holds. bytes: of all generations; forgotten_lsn: commits up to it are no longer all noted."""

    writers: int
    generations: int
    entries: int
    bytes: int
    oldest_snapshot_lsn: int | None
    forgotten_lsn: int


def memtable_init(m, pool, budget):
    """Prepare an empty memtable. 0 or ERR_MEMORY."""
    memset(m, 0, cython.sizeof(memtable_t))
    mutex_init(cython.address(m.mutex), RANK_MEMTABLE)
    m.pool = pool
    m.budget = budget
    m.next_txn = 1
    m.oldest = m.current = generation_new()
    return OK if m.current != cython.NULL else ERR_MEMORY


def memtable_free(m):
    """Give all memory back; nobody may be using it."""
    while m.oldest != cython.NULL:
        _drop_oldest(m)
    mutex_destroy(cython.address(m.mutex))


def generation_new():
    """An empty generation, or NULL."""
    made = cython.cast(cython.pointer(generation_t), calloc(1, cython.sizeof(generation_t)))
    if made != cython.NULL and skiplist_init(cython.address(made.list)) != OK:
        free(made)
        return cython.NULL
    return made


def generation_free(g):
    """Give a generation's memory back."""
    skiplist_free(cython.address(g.list))
    free(g)


def _drop_oldest(m):
    gone = m.oldest
    m.oldest = gone.newer
    generation_free(gone)


def memtable_enter(m, w):
    """A transaction that may write begins: its number, its snapshot, its home. 0 or ERR_MEMORY."""
    p = m.pool
    mutex_lock(cython.address(m.mutex))
    store_seq(cython.address(m.active), m.active + 1)  # before the snapshot: see the protocol above
    mutex_lock(cython.address(p.mutex))
    w.snapshot_lsn = load_acquire(cython.address(p.published))
    w.snapshot = snapshot_register(p, w.snapshot_lsn)
    mutex_unlock(cython.address(p.mutex))
    if w.snapshot < 0:
        m.active -= 1
        mutex_unlock(cython.address(m.mutex))
        return w.snapshot
    if load_relaxed(cython.address(m.current.list.entries)) > GENERATION_ENTRIES:
        made = generation_new()
        if made != cython.NULL:  # without memory the old one grows on
            m.current.newer = made
            m.current = made
    w.txn = add_acq_rel(cython.address(m.next_txn), 1)
    w.home = m.current
    w.home.bound += 1
    w.newer = cython.NULL
    w.older = m.last
    if m.last != cython.NULL:
        invariant(m.last.snapshot_lsn <= w.snapshot_lsn, b"writers are linked in order of their snapshots")
        m.last.newer = w
    else:
        m.first = w
    m.last = w
    mutex_unlock(cython.address(m.mutex))
    return OK


def memtable_leave(m, w):
    """A transaction ends; generations that nobody needs any more go. Its snapshot it releases itself."""
    mutex_lock(cython.address(m.mutex))
    if w.older != cython.NULL:
        w.older.newer = w.newer
    else:
        m.first = w.newer
    if w.newer != cython.NULL:
        w.newer.older = w.older
    else:
        m.last = w.older
    w.home.bound -= 1
    store_seq(cython.address(m.active), m.active - 1)
    _trim(m)
    mutex_unlock(cython.address(m.mutex))


def memtable_move(m, w, home):
    """A large transaction's entries go elsewhere from now on: to a generation of its own."""
    mutex_lock(cython.address(m.mutex))
    w.home.bound -= 1
    w.home = home
    w.home.bound += 1
    mutex_unlock(cython.address(m.mutex))


def memtable_forget(m, lsn):
    """A commit was published of which nothing is noted. In the commit section."""
    mutex_lock(cython.address(m.mutex))
    m.forgotten = lsn
    mutex_unlock(cython.address(m.mutex))


def _trim(m):
    """Give up the generations at the old end that nobody needs; the current one becomes empty. Mutex held."""
    while m.oldest.bound == 0 and (m.first == cython.NULL or m.oldest.last_commit <= m.first.snapshot_lsn):
        if m.oldest == m.current:
            if m.oldest.list.entries > 0:
                skiplist_reset(cython.address(m.oldest.list))
            m.oldest.last_commit = 0
            return
        _drop_oldest(m)


def memtable_state(m):
    """A snapshot of the memtable's counters."""
    generations: cython.int = 0
    entries: uint64_t = 0
    total: uint64_t = 0
    with cython.nogil:
        mutex_lock(cython.address(m.mutex))
        g = m.oldest
        while g != cython.NULL:
            generations += 1
            entries += g.list.entries
            total += g.list.bytes
            g = g.newer
        oldest: uint64_t = m.first.snapshot_lsn if m.first != cython.NULL else 0
        open: cython.bint = m.first != cython.NULL
        active = m.active
        forgotten = m.forgotten
        mutex_unlock(cython.address(m.mutex))
    return MemtableState(
        int(active), int(generations), int(entries), int(total), int(oldest) if open else None, int(forgotten)
    )


# --- in the commit section ------------------------------------------------------------------------------------------


def memtable_note(m, txn, writes, count, lsn):
    """A commit was published whose writes are no entries: note them if an open transaction may conflict with them."""
    if load_seq(cython.address(m.active)) == 0:
        return
    mutex_lock(cython.address(m.mutex))
    g = m.current
    g.bound += 1
    mutex_unlock(cython.address(m.mutex))
    good: cython.bint = count <= NOTES_MAX
    made: cython.bint
    i: cython.long = 0
    while good and i < count:
        w = cython.address(writes[i])
        e = skiplist_put(cython.address(g.list), w.tree, w.key, w.key_len, txn, cython.address(made))
        if e == cython.NULL:
            good = False
        else:
            store_release(cython.address(e.commit_lsn), lsn)
        i += 1
    mutex_lock(cython.address(m.mutex))
    g.bound -= 1
    if not good:
        m.forgotten = lsn
    g.last_commit = max(g.last_commit, lsn)
    _forget_beyond_budget(m)
    mutex_unlock(cython.address(m.mutex))


def memtable_stamp(m, w, entries, count, lsn):
    """A transaction was published: its entries get its LSN if another open transaction may conflict with them."""
    if load_seq(cython.address(m.active)) <= 1:
        return
    i: cython.long
    for i in range(count):
        if value_of(entries[i]) != cython.NULL:
            store_release(cython.address(entries[i].commit_lsn), lsn)
    mutex_lock(cython.address(m.mutex))
    w.home.last_commit = max(w.home.last_commit, lsn)
    _forget_beyond_budget(m)
    mutex_unlock(cython.address(m.mutex))


def _forget_beyond_budget(m):
    """Give up the oldest generations without transactions of their own while the memtable is too large. Mutex held."""
    total: uint64_t = 0
    g = m.oldest
    while g != cython.NULL:
        total += g.list.bytes
        g = g.newer
    while total > m.budget and m.oldest != m.current and m.oldest.bound == 0:
        m.forgotten = max(m.forgotten, m.oldest.last_commit)
        total -= m.oldest.list.bytes
        _drop_oldest(m)


def memtable_since(m, lsn, found):
    """The generations with commits after `lsn`, into `found`; how many, or ERR_CONFLICT: not all are known, see pages.

    They stay until the commit section is left, if the caller's snapshot is at `lsn`.
    """
    count: cython.int = 0
    mutex_lock(cython.address(m.mutex))
    if lsn < m.forgotten:
        count = ERR_CONFLICT
    g = m.oldest
    while g != cython.NULL and count >= 0:
        if g.last_commit > lsn:
            if count == GENERATIONS_SEEN:
                count = ERR_CONFLICT
                break
            found[count] = g
            count += 1
        g = g.newer
    mutex_unlock(cython.address(m.mutex))
    return count


def key_changed(found, count, since, tree, key, key_len):
    """Whether a commit after `since` wrote the key."""
    i: cython.int
    for i in range(count):
        e = skiplist_seek(cython.address(found[i].list), tree, key, key_len, 0)
        while same_key(e, tree, key, key_len):
            if load_acquire(cython.address(e.commit_lsn)) > since:
                return True
            e = entry_next(e)
    return False


def range_changed(found, count, since, tree, low, low_len, bounded, high, high_len):
    """Whether a commit after `since` wrote a key of [low, high), or, not `bounded`, from low on."""
    i: cython.int
    for i in range(count):
        e = skiplist_seek(cython.address(found[i].list), tree, low, low_len, 0)
        while e != cython.NULL and e.tree == tree:
            if bounded and compare_keys(key_of(e), e.key_len, high, high_len) >= 0:
                break
            if load_acquire(cython.address(e.commit_lsn)) > since:
                return True
            e = entry_next(e)
    return False
