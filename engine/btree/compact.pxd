"""Merging thin pages (see compact.py)."""
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy
from engine.base.codes cimport ERR_FULL, OK
from engine.btree.batch cimport batch_t
from engine.btree.node cimport HEADER_SIZE, node_child_at, node_used
from engine.btree.tree cimport (
    _collapse_root as collapse_root, _merge_pair as merge_pair, path_release, path_t, tree_descend,
)
from engine.pool.pool cimport frame_page, pool_pin, pool_unpin
from engine.storage.layout cimport FLAG_UPPER_INFINITE, page_t, upper_fence

cdef int tree_compact(batch_t *b, uint32_t root, uint8_t *key, size_t *key_len, long *merges) noexcept nogil
cdef int _merge_first(batch_t *b, path_t *path) noexcept nogil
cdef int _may_fit(batch_t *b, page_t *page, uint32_t right_id) noexcept nogil
