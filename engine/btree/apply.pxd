from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from engine.base.codes cimport ERR_MEMORY, OK
from engine.btree.batch cimport batch_t
from engine.btree.bulk cimport bulk_begin, bulk_finish, bulk_free, bulk_put, bulk_t
from engine.btree.erase cimport span_t, tree_erase
from engine.btree.node cimport compare_keys
from engine.btree.tree cimport path_release, path_t, tree_delete, tree_put_at
from engine.pool.pool cimport frame_page, pool_pin, pool_unpin
from engine.storage.layout cimport KIND_LEAF

cdef enum:
    WRITE_PUT = 0
    WRITE_DELETE = 1
    WRITE_ERASE = 2          # all keys from `key` on, below `value` where that is not NULL

# One write of a batch; key and value belong to the caller.
ctypedef struct write_t:
    uint32_t tree            # what the order goes by; the root may be looked up later
    uint32_t root
    uint32_t kind
    uint32_t key_len
    const uint8_t *key
    const uint8_t *value
    uint64_t value_len

# What sorting moves: eight bytes of a key, big-endian, its tree, and where its write stands.
ctypedef struct item_t:
    uint64_t head
    uint32_t tree
    uint32_t index

cdef enum:
    RADIX_MIN = 256          # fewer writes are merged: a pass over bytes looks at 256 counters
    INDEX_MAX = 0x7fffffff

cdef int apply_writes(batch_t *b, const write_t *writes, long count) noexcept nogil
cdef long sort_writes(write_t **writes, long count) noexcept nogil
cdef int compare_writes(const write_t *a, const write_t *b) noexcept nogil
cdef int _erase(batch_t *b, const write_t *w) noexcept nogil
cdef bint _continues(const write_t *before, const write_t *w) noexcept nogil
cdef long _build(batch_t *b, const write_t *writes, long count, int *done) noexcept nogil
cdef bint _precedes(const write_t *writes, const item_t *a, const item_t *b) noexcept nogil
cdef void _merge_runs(const write_t *writes, const item_t *items, item_t *out, long low, long middle, long high) noexcept nogil
cdef uint64_t _head(const uint8_t *key, size_t length) noexcept nogil
cdef size_t _shared_prefix(const write_t *writes, long count) noexcept nogil
cdef bint _same_head(const item_t *a, const item_t *b) noexcept nogil
cdef void _merge_sort(const write_t *writes, item_t *items, item_t *spare, long count) noexcept nogil
cdef int _digit(const item_t *item, int place) noexcept nogil
cdef void _radix_sort(item_t *items, item_t *spare, long count) noexcept nogil
cdef void _order(const write_t *writes, item_t *items, item_t *spare, long count) noexcept nogil
