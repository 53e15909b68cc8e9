from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from engine.base.atomic cimport add_acq_rel, load_acquire, load_relaxed, load_seq, store_relaxed, store_release, store_seq
from engine.base.codes cimport ERR_CONFLICT, ERR_MEMORY, OK
from engine.base.invariant cimport invariant
from engine.base.ranks cimport RANK_MEMTABLE
from engine.base.sync cimport mutex_destroy, mutex_init, mutex_lock, mutex_t, mutex_unlock
from engine.btree.apply cimport write_t
from engine.btree.node cimport compare_keys
from engine.pool.pool cimport pool_t
from engine.pool.versions cimport snapshot_register
from engine.txn.skiplist cimport (
    entry_next, entry_t, key_of, same_key, skiplist_free, skiplist_init, skiplist_put, skiplist_reset, skiplist_seek,
    skiplist_t, value_of,
)

cdef enum:
    GENERATION_ENTRIES = 50000   # entries after which new transactions get a new generation
    GENERATIONS_SEEN = 64        # a validation that would have to look at more looks at pages instead
    NOTES_MAX = 10000            # writes of one commit noted one by one; more are forgotten at once

# A skip list and what must be known to give it up.
ctypedef struct generation_t:
    skiplist_t list
    uint64_t last_commit         # newest commit LSN among its entries
    uint32_t bound               # transactions, and commits under way, that have entries here
    generation_t *newer

# An open transaction that may write. Part of the transaction's own memory.
ctypedef struct writer_t:
    uint64_t txn
    uint64_t snapshot_lsn
    int32_t snapshot             # index in the pool's table
    generation_t *home           # where its entries are
    writer_t *newer
    writer_t *older

ctypedef struct memtable_t:
    mutex_t mutex
    pool_t *pool
    generation_t *oldest
    generation_t *current
    writer_t *first              # open writers, oldest snapshot first
    writer_t *last
    uint64_t active              # how many those are
    uint64_t next_txn
    uint64_t forgotten           # commits up to this LSN are no longer all noted here
    uint64_t budget              # bytes; more are given up, oldest first

cdef int memtable_init(memtable_t *m, pool_t *pool, uint64_t budget) noexcept nogil
cdef void memtable_free(memtable_t *m) noexcept nogil
cdef int memtable_enter(memtable_t *m, writer_t *w) noexcept nogil
cdef void memtable_leave(memtable_t *m, writer_t *w) noexcept nogil
cdef object memtable_state(memtable_t *m)
cdef void memtable_note(memtable_t *m, uint64_t txn, const write_t *writes, long count, uint64_t lsn) noexcept nogil
cdef void memtable_stamp(memtable_t *m, writer_t *w, entry_t **entries, long count, uint64_t lsn) noexcept nogil
cdef int memtable_since(memtable_t *m, uint64_t lsn, generation_t **found) noexcept nogil
cdef bint key_changed(generation_t **found, int count, uint64_t since, uint32_t tree, const uint8_t *key, size_t key_len) noexcept nogil
cdef bint range_changed(generation_t **found, int count, uint64_t since, uint32_t tree, const uint8_t *low, size_t low_len, bint bounded, const uint8_t *high, size_t high_len) noexcept nogil
cdef generation_t *generation_new() noexcept nogil
cdef void generation_free(generation_t *g) noexcept nogil
cdef void memtable_move(memtable_t *m, writer_t *w, generation_t *home) noexcept nogil
cdef void memtable_forget(memtable_t *m, uint64_t lsn) noexcept nogil
cdef void _trim(memtable_t *m) noexcept nogil
cdef void _drop_oldest(memtable_t *m) noexcept nogil
cdef void _forget_beyond_budget(memtable_t *m) noexcept nogil
