from libc.stdint cimport uint32_t, uint64_t
from engine.base.thread cimport OP_COMMIT, thread_does
from engine.base.atomic cimport load32_relaxed, load_acquire, load_relaxed, store32_relaxed
from engine.btree.apply cimport write_t
from engine.btree.warm cimport WARM_MAX, key_ref_t, tree_warm
from engine.pool.pool cimport pool_t
from engine.txn.store cimport Store

cdef enum:
    WARM_COMMITS = 64

cdef void warm_writes(Store s, const write_t *writes, long count) noexcept nogil
cdef void warm_learn(Store s, uint64_t reads) noexcept nogil
