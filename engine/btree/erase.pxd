"""Deleting ranges (see erase.py)."""
from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.string cimport memcpy
from engine.base.codes cimport ERR_FULL, ERR_INTERNAL, OK
from engine.btree.batch cimport batch_build, batch_delete, batch_t
from engine.btree.node cimport (
    build_t, common_prefix, compare_keys, node_child_at, node_child_index, node_key, node_pack, node_search, node_used,
)
from engine.btree.tree cimport (
    _describe as describe, _drop_overflow as drop_overflow, _merge as tree_merge, corrupt, key_max, path_release, path_t,
    tree_create, tree_descend, tree_free,
)
from engine.pool.pool cimport frame_page, pool_pin, pool_unpin
from engine.storage.layout cimport FLAG_UPPER_INFINITE, KIND_BRANCH, KIND_LEAF, lower_fence, page_t, upper_fence

# [low, high); without `bounded` from low on. The bytes belong to the caller.
ctypedef struct span_t:
    const uint8_t *low
    size_t low_len
    bint bounded
    const uint8_t *high
    size_t high_len

cdef int tree_erase(batch_t *b, uint32_t root, const span_t *span) noexcept nogil
cdef int _clear(batch_t *b, uint32_t root) noexcept nogil
cdef int _free_cells(batch_t *b, page_t *page, long first, long last) noexcept nogil
cdef bint _is_first(page_t *page, uint32_t page_size, const span_t *span) noexcept nogil
cdef bint _is_last(page_t *page, uint32_t page_size, const span_t *span) noexcept nogil
cdef int _erase(batch_t *b, uint32_t page_id, int level, uint32_t tree, const span_t *span) noexcept nogil
cdef int _erase_cells(batch_t *b, uint32_t page_id, int32_t frame, const span_t *span) noexcept nogil
cdef long _edge(page_t *page, uint32_t size, const uint8_t *key, size_t key_len, bint *partly) noexcept nogil
cdef int _erase_children(batch_t *b, uint32_t page_id, int32_t frame, const span_t *span) noexcept nogil
cdef int _empty_children(batch_t *b, uint32_t page_id, int32_t frame, long first, long last) noexcept nogil
cdef int _empty(batch_t *b, uint32_t page_id, int level, uint32_t tree, bint infinite, const uint8_t *upper, size_t upper_len) noexcept nogil
cdef int _cut(batch_t *b, uint32_t page_id, int32_t frame, long first, long last) noexcept nogil
cdef int _rebuild(batch_t *b, uint32_t page_id, int32_t frame, long first, long last, bint infinite, const uint8_t *upper, size_t upper_len) noexcept nogil
cdef int _mend_range(batch_t *b, uint32_t root, const span_t *span) noexcept nogil
cdef int _mend(batch_t *b, uint32_t root, const uint8_t *key, size_t key_len) noexcept nogil
