from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from engine.base.codes cimport OK
from engine.btree.node cimport compare_keys
from engine.btree.tree cimport path_release, path_t, tree_descend
from engine.pool.pool cimport frame_page, pool_t
from engine.storage.layout cimport FLAG_UPPER_INFINITE, upper_fence

cdef int leaf_changed(pool_t *p, uint32_t root, const uint8_t *key, size_t key_len, uint64_t since) noexcept nogil
cdef int leaves_changed(pool_t *p, uint32_t root, const uint8_t *low, size_t low_len, bint bounded, const uint8_t *high, size_t high_len, uint64_t since) noexcept nogil
