from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy
from engine.base.codes cimport ERR_CORRUPT, ERR_FULL, ERR_INTERNAL, ERR_NOT_FOUND, OK
from engine.base.thread cimport thread_self
from engine.base.trace cimport (
    TRACE_GROW, TRACE_MERGE, TRACE_NODE, TRACE_SEEK, TRACE_SPLIT, trace_bytes, trace_event, traced,
)
from engine.btree.batch cimport (
    batch_build, batch_delete, batch_free_page, batch_insert, batch_t, batch_truncate, batch_update,
)
from engine.btree.node cimport (
    HEADER_SIZE, SLOT_SIZE, build_t, cell_at, cell_key, cell_value, common_prefix, compare_keys, node_child_at, node_child_index,
    node_fits, node_key, node_pack, node_search, node_split_index, node_used, node_value_len, slot_at,
)
from engine.btree.overflow cimport overflow_free, overflow_write
from engine.pool.pool cimport frame_page, pool_pin, pool_t, pool_unpin
from engine.storage.layout cimport (
    FLAG_UPPER_INFINITE, KIND_BRANCH, KIND_LEAF, VALUE_OVERFLOW, lower_fence, overflow_ref_t, page_t, upper_fence,
)

cdef enum:
    DEPTH_MAX = 24

# The pinned pages from the root to a leaf; index[d] is the slot followed in page d (in the leaf: where the key is or would be).
ctypedef struct path_t:
    int depth
    uint32_t page_id[24]
    int32_t frame[24]
    long index[24]

cdef int tree_descend(pool_t *p, uint32_t root, const uint8_t *key, size_t key_len, path_t *path) noexcept nogil
cdef void path_release(pool_t *p, path_t *path) noexcept nogil
cdef int tree_create(batch_t *b, uint32_t root, uint32_t tree) noexcept nogil
cdef int tree_put_at(batch_t *b, uint32_t root, path_t *path, const uint8_t *key, size_t key_len, const uint8_t *value, uint64_t value_len) noexcept nogil
cdef int _seek(pool_t *p, uint32_t root, const uint8_t *key, size_t key_len, path_t *path) noexcept nogil
cdef bint _covers(page_t *page, uint32_t page_size, const uint8_t *key, size_t key_len) noexcept nogil
cdef int tree_delete(batch_t *b, uint32_t root, const uint8_t *key, size_t key_len) noexcept nogil
cdef int tree_free(batch_t *b, uint32_t page_id, int level) noexcept nogil
cdef size_t value_inline_max(uint32_t page_size) noexcept nogil
cdef size_t key_max(uint32_t page_size) noexcept nogil
cdef int corrupt(uint32_t page_id, uint32_t problem) noexcept nogil
cdef void _describe(page_t *page, uint32_t page_size, build_t *build) noexcept nogil
cdef int _put_cell(batch_t *b, path_t *path, bint found, const uint8_t *key, size_t key_len, const uint8_t *value, uint16_t value_len) noexcept nogil
cdef int tree_split(batch_t *b, path_t *path, int d, const uint8_t *key, size_t key_len) noexcept nogil
cdef int _grow_root(batch_t *b, path_t *path) noexcept nogil
cdef size_t _separator(batch_t *b, page_t *page, long split, const uint8_t *key, size_t key_len, uint8_t *out) noexcept nogil
cdef int _drop_overflow(batch_t *b, page_t *page, long index) noexcept nogil
cdef int _merge(batch_t *b, path_t *path, int d) noexcept nogil
cdef int _merge_pair(batch_t *b, path_t *path, int d, uint32_t left_id, uint32_t right_id, long right_index) noexcept nogil
cdef int _collapse_root(batch_t *b, path_t *path) noexcept nogil
