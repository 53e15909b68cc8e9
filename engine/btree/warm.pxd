"""Bringing in the leaves of many keys before they are worked on (see warm.py)."""
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from engine.base.codes cimport OK
from engine.btree.node cimport node_child_at, node_child_index
from engine.btree.tree cimport DEPTH_MAX
from engine.pool.load cimport pool_load_many
from engine.pool.pool cimport frame_page, pool_fix, pool_t, pool_unfix
from engine.storage.layout cimport KIND_BRANCH

cdef enum:
    WARM_MAX = 256           # keys that are followed down together

ctypedef struct key_ref_t:
    const uint8_t *data
    size_t len

cdef uint32_t tree_warm(pool_t *p, uint32_t root, uint64_t lsn, const key_ref_t *keys, uint32_t count) noexcept nogil
cdef int _down(pool_t *p, uint64_t lsn, const key_ref_t *keys, uint32_t *pages, uint32_t count) noexcept nogil
