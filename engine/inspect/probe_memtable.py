"""Copies of what the memtable holds: generations, entries, open writers, counts by level and by transaction.

A generation that is looked at is bound, as a commit binds one that it notes writes in: its entries stay as long as that
lasts, and are read as any transaction reads them, without a lock. The memtable's mutex is held to bind, to copy the list of writers, and to
let go. The entries of a large transaction stand in a list of its own that it may empty at any moment: only its size is told.
"""

import cython


def _hold(m, found, first):
    """Bind the generations, oldest first, GENERATIONS of them at the most; how many."""
    count: cython.int = 0
    mutex_lock(cython.address(m.mutex))
    g = m.oldest
    while g != cython.NULL and count < GENERATIONS:
        g.bound += 1
        found[count] = g
        count += 1
        g = g.newer
    first[0] = m.forgotten
    mutex_unlock(cython.address(m.mutex))
    return count


def _let_go(m, found, count):
    i: cython.int
    mutex_lock(cython.address(m.mutex))
    for i in range(count):
        found[i].bound -= 1
    _trim(m)  # what could have gone meanwhile
    mutex_unlock(cython.address(m.mutex))


def _copy_writers(m, out):
    """Copy the open writers, oldest snapshot first; how many."""
    count: cython.int = 0
    mutex_lock(cython.address(m.mutex))
    w = m.first
    while w != cython.NULL and count < WRITERS:
        o = cython.address(out[count])
        o.txn = w.txn
        o.snapshot_lsn = w.snapshot_lsn
        o.home = 0
        o.home_bytes = w.home.list.bytes
        o.home_entries = w.home.list.entries
        g = m.oldest
        while g != cython.NULL and g != w.home:
            o.home += 1
            g = g.newer
        if g == cython.NULL:
            o.home = -1
        count += 1
        w = w.newer
    mutex_unlock(cython.address(m.mutex))
    return count


def _census(g, levels, tallies, others):
    """Count all entries of a generation: those that reach each level, and by transaction (`others`: beyond the room for that)."""
    e = entry_next(g.list.first)
    level: cython.int
    while e != cython.NULL:
        for level in range(e.height):
            levels[level] += 1
        at: cython.uint = cython.cast(cython.uint, e.txn) & (TRANSACTIONS - 1)
        tries: cython.int = 0
        while tallies[at].entries != 0 and tallies[at].txn != e.txn and tries < 64:
            at = (at + 1) & (TRANSACTIONS - 1)
            tries += 1
        t = cython.address(tallies[at])
        if tries == 64:
            others[0] += 1
        else:
            t.txn = e.txn
            t.entries += 1
            t.bytes += e.key_len
            committed = load_acquire(cython.address(e.commit_lsn))
            t.commit_lsn = max(t.commit_lsn, committed)
            value = value_of(e)
            if value == cython.NULL:
                t.undone += 1 if committed == 0 else 0  # a note of a commit has no value, either
            else:
                t.bytes += value.length
                t.deletes += 1 if value.deleted else 0
        e = entry_next(e)


def memtable(store, limit):
    """What the memtable holds: a dict.

    forgotten: LSN up to which commits are no longer all noted. generations: [(entries, bytes, last commit, transactions with
    entries here)], oldest first. levels: entries that reach each level. transactions: [(txn, commit LSN or 0, entries, deletes, undone,
    bytes)]. others: entries of transactions beyond those. entries: the first `limit` of [(generation, tree, key, txn, commit LSN
    or 0, height, deleted or None without a value, length, first bytes of the value)].
    """
    s: Store = store
    m = cython.address(s.memtable)
    held: cython.pointer(generation_t)[GENERATIONS]
    levels: uint64_t[HEIGHT_MAX]
    forgotten: uint64_t = 0
    others: uint64_t = 0
    i: cython.int
    tallies = cython.cast(cython.pointer(tally_t), calloc(TRANSACTIONS, cython.sizeof(tally_t)))
    if tallies == cython.NULL:
        raise MemoryError
    memset(levels, 0, cython.sizeof(levels))
    with cython.nogil:
        count = _hold(m, held, cython.address(forgotten))
    try:
        generations = []
        entries = []
        for i in range(count):
            g = held[i]
            with cython.nogil:
                _census(g, levels, tallies, cython.address(others))
            generations.append((int(g.list.entries), int(g.list.bytes), int(g.last_commit), int(g.bound) - 1))
            e = entry_next(g.list.first)
            while e != cython.NULL and len(entries) < limit:
                value = value_of(e)
                shown = b""
                if value != cython.NULL:
                    shown = PyBytes_FromStringAndSize(
                        cython.cast(cython.p_char, bytes_of(value)), min(value.length, VALUE_SHOWN)
                    )
                entries.append(
                    (
                        int(i),
                        int(e.tree),
                        PyBytes_FromStringAndSize(cython.cast(cython.p_char, key_of(e)), e.key_len),
                        int(e.txn),
                        int(load_acquire(cython.address(e.commit_lsn))),
                        int(e.height),
                        bool(value.deleted) if value != cython.NULL else None,
                        int(value.length) if value != cython.NULL else 0,
                        shown,
                    )
                )
                e = entry_next(e)
        transactions = []
        for i in range(TRANSACTIONS):
            t = cython.address(tallies[i])
            if t.entries:
                transactions.append(
                    (int(t.txn), int(t.commit_lsn), int(t.entries), int(t.deletes), int(t.undone), int(t.bytes))
                )
        return {
            "forgotten": int(forgotten),
            "generations": generations,
            "levels": [int(levels[i]) for i in range(HEIGHT_MAX)],
            "transactions": sorted(transactions),
            "others": int(others),
            "entries": entries,
        }
    finally:
        with cython.nogil:
            _let_go(m, held, count)
        free(tallies)


def writers(store):
    """List (txn, snapshot LSN, generation or -1 for one of its own, bytes and entries of that) of open writers, oldest snapshot first."""
    s: Store = store
    m = cython.address(s.memtable)
    out: writer_copy_t[WRITERS]
    with cython.nogil:
        count = _copy_writers(m, out)
    return [
        (
            int(out[i].txn),
            int(out[i].snapshot_lsn),
            int(out[i].home),
            int(out[i].home_bytes),
            int(out[i].home_entries),
        )
        for i in range(count)
    ]
