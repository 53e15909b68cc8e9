"""A concurrent skip list: entries of many transactions side by side, in order of (tree, key, transaction).

    level 2   first ------------------------> [t1 "k" #7] ----------------------------> end
    level 1   first ------> [t1 "b" #7] ----> [t1 "k" #7] ----------> [t2 "a" #9] ----> end
    level 0   first -> [..] [t1 "b" #7] [..]  [t1 "k" #7] [t1 "k" #8] [t2 "a" #9] [..]  end

Readers take no lock and write nothing. An insert links its entry from level 0 upward, each link by compare-and-swap: it
is there for everybody once level 0 links it, the levels above are only shortcuts. Entries are never taken out. What a
transaction writes again under a key replaces the entry's value, one pointer. Memory comes from an arena of chunks and is
given back all at once, when nobody can hold an entry any more: engine.txn.memtable decides when that is.

(Pugh, "Skip Lists: A Probabilistic Alternative to Balanced Trees", 1990; linking bottom-up by compare-and-swap with no
removal, as in the memtables of LevelDB's descendants. An entry is as high as four coin pairs allow: p = 1/4.)

Invariants: an entry is linked at level n only if it is at n - 1; keys of a level ascend; an entry's key never changes.
"""

import cython

# SplitMix64 (Steele, Lea, Flood, 2014)
GOLDEN = cython.declare(uint64_t, 0x9E3779B97F4A7C15)
MIX_1 = cython.declare(uint64_t, 0xBF58476D1CE4E5B9)
MIX_2 = cython.declare(uint64_t, 0x94D049BB133111EB)


def skiplist_init(list):
    """Prepare an empty list. 0 or ERR_MEMORY."""
    memset(list, 0, cython.sizeof(skiplist_t))
    mutex_init(cython.address(list.mutex), RANK_SKIPLIST)
    list.seed = GOLDEN
    done = _new_chunk(list, cython.NULL, CHUNK_FIRST)
    if done != OK:
        return done
    skiplist_reset(list)
    return OK


def skiplist_free(list):
    """Give all memory back."""
    chunk = cython.cast(cython.pointer(chunk_t), list.chunk)
    while chunk != cython.NULL:
        older = chunk.older
        free(chunk)
        chunk = older
    list.chunk = 0
    mutex_destroy(cython.address(list.mutex))


def skiplist_reset(list):
    """Make the list empty again; nobody else may be using it. The oldest chunk stays."""
    chunk = cython.cast(cython.pointer(chunk_t), list.chunk)
    while chunk.older != cython.NULL:
        older = chunk.older
        list.bytes -= chunk.size
        free(chunk)
        chunk = older
    list.chunk = cython.cast(uint64_t, chunk)
    size: uint64_t = cython.sizeof(entry_t) + HEIGHT_MAX * 8
    list.first = cython.cast(cython.pointer(entry_t), cython.cast(cython.p_uchar, chunk) + cython.sizeof(chunk_t))
    memset(list.first, 0, size)
    list.first.height = HEIGHT_MAX
    chunk.used = size
    list.entries = 0


def _new_chunk(list, old, size):
    """Put a new chunk in place of `old`, unless somebody else was quicker. 0 or ERR_MEMORY."""
    mutex_lock(cython.address(list.mutex))
    done: cython.int = OK
    if list.chunk == cython.cast(uint64_t, old):
        wanted: uint64_t = max(size, cython.cast(uint64_t, CHUNK_USUAL if old != cython.NULL else CHUNK_FIRST))
        chunk = cython.cast(cython.pointer(chunk_t), malloc(cython.sizeof(chunk_t) + wanted))
        if chunk == cython.NULL:
            done = ERR_MEMORY
        else:
            chunk.older = old
            chunk.size = wanted
            chunk.used = 0
            list.bytes += wanted
            store_release(cython.address(list.chunk), cython.cast(uint64_t, chunk))
    mutex_unlock(cython.address(list.mutex))
    return done


def skiplist_memory(list, size):
    """`size` bytes, aligned to 8, that live as long as the list; NULL where memory is short."""
    whole: uint64_t = (size + 7) & ~cython.cast(uint64_t, 7)
    while True:
        chunk = cython.cast(cython.pointer(chunk_t), load_acquire(cython.address(list.chunk)))
        at = add_relaxed(cython.address(chunk.used), whole)
        if at + whole <= chunk.size:
            return cython.cast(cython.p_uchar, chunk) + cython.sizeof(chunk_t) + at
        if _new_chunk(list, chunk, whole) != OK:
            return cython.NULL


def skiplist_value(list, data, length, deleted):
    """A value in the list's memory; NULL where memory is short."""
    value = cython.cast(cython.pointer(value_t), skiplist_memory(list, cython.sizeof(value_t) + length))
    if value != cython.NULL:
        value.length = length
        value.deleted = deleted
        memcpy(bytes_of(value), data, length)
    return value


def key_head64(key, key_len):
    """The first eight bytes of a key as a big-endian number, padded with zeros."""
    head: uint64_t = 0
    i: cython.size_t
    for i in range(8):
        head = head << 8 | (key[i] if i < key_len else 0)
    return head


def _before(e, head, tree, key, key_len, txn):
    """Whether an entry comes before (tree, key, txn)."""
    if e.tree != tree:
        return e.tree < tree
    if e.head != head:
        return e.head < head
    order = compare_keys(key_of(e), e.key_len, key, key_len)
    return order < 0 or (order == 0 and e.txn < txn)


def _find(list, head, tree, key, key_len, txn, before, lowest):
    """The first entry at level `lowest` not before (tree, key, txn), or NULL; `before`: the last ones before it."""
    at = list.first
    level: cython.int = HEIGHT_MAX - 1
    following: cython.pointer(entry_t) = cython.NULL
    beyond: cython.pointer(entry_t) = cython.NULL  # found not to come before: no need to compare it again lower down
    while level >= lowest:
        following = cython.cast(cython.pointer(entry_t), load_acquire(link_of(at, level)))
        while following != cython.NULL and following != beyond and _before(following, head, tree, key, key_len, txn):
            at = following
            following = cython.cast(cython.pointer(entry_t), load_acquire(link_of(at, level)))
        beyond = following
        before[level] = at
        level -= 1
    return following


def same_key(e, tree, key, key_len):
    """Whether an entry, or NULL, is one of this key."""
    return e != cython.NULL and e.tree == tree and compare_keys(key_of(e), e.key_len, key, key_len) == 0


def skiplist_seek(list, tree, key, key_len, txn):
    """The first entry not before (tree, key, txn), or NULL."""
    before: cython.pointer(entry_t)[HEIGHT_MAX]
    thread_self().probes += 1
    found = _find(list, key_head64(key, key_len), tree, key, key_len, txn, before, 0)
    if traced():
        trace_bytes(TRACE_PROBE, 0, -1, 0, tree, same_key(found, tree, key, key_len), key, key_len)
    return found


def skiplist_get(list, tree, key, key_len, txn):
    """The entry of (tree, key, txn), or NULL."""
    found = skiplist_seek(list, tree, key, key_len, txn)
    return found if same_key(found, tree, key, key_len) and found.txn == txn else cython.NULL


def _height(list):
    """A height for a new entry: n with probability 3/4 * (1/4) ** (n - 1)."""
    seed: uint64_t = add_relaxed(cython.address(list.seed), GOLDEN)
    seed = (seed ^ (seed >> 30)) * MIX_1
    seed = (seed ^ (seed >> 27)) * MIX_2
    seed ^= seed >> 31
    height: cython.int = 1
    while seed & 3 == 0 and height < HEIGHT_MAX:
        seed >>= 2
        height += 1
    return height


def skiplist_put(list, tree, key, key_len, txn, made):
    """The entry of (tree, key, txn), made where it is missing (`made`); NULL where memory is short."""
    before: cython.pointer(entry_t)[HEIGHT_MAX]
    head = key_head64(key, key_len)
    thread_self().probes += 1
    found = _find(list, head, tree, key, key_len, txn, before, 0)
    made[0] = False
    if same_key(found, tree, key, key_len) and found.txn == txn:
        return found
    height = _height(list)
    size = cython.sizeof(entry_t) + cython.cast(cython.size_t, height) * 8 + key_len
    e = cython.cast(cython.pointer(entry_t), skiplist_memory(list, size))
    if e == cython.NULL:
        return cython.NULL
    e.head = head
    e.txn = txn
    e.value = 0
    e.commit_lsn = 0
    e.tree = tree
    e.key_len = cython.cast(cython.ushort, key_len)
    e.height = cython.cast(cython.ushort, height)
    memcpy(key_of(e), key, key_len)
    level: cython.int = 0
    while level < height:
        # `before` may be out of date at any level: look again after a lost race
        following = load_acquire(link_of(before[level], level))
        if following != 0 and _before(cython.cast(cython.pointer(entry_t), following), head, tree, key, key_len, txn):
            _find(list, head, tree, key, key_len, txn, before, level)
            continue
        store_relaxed(link_of(e, level), following)
        if cas64(link_of(before[level], level), following, cython.cast(uint64_t, e)):
            level += 1
    add_relaxed(cython.address(list.entries), 1)
    made[0] = True
    return e
