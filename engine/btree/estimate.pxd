"""How many keys a tree has, roughly (see estimate.py)."""
from libc.stdint cimport uint32_t, uint64_t
from engine.btree.node cimport node_child_at
from engine.btree.read cimport range_count
from engine.btree.tree cimport DEPTH_MAX, corrupt
from engine.pool.pool cimport frame_page, pool_fix, pool_t, pool_unfix
from engine.storage.layout cimport KIND_BRANCH, KIND_LEAF

cdef double tree_estimate(pool_t *p, uint32_t root, uint64_t lsn) noexcept nogil
cdef double _below(pool_t *p, uint32_t page_id, int level, uint64_t lsn, long samples) noexcept nogil
