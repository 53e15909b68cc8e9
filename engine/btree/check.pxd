from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from engine.base.thread cimport OP_CHECK, thread_does
from engine.pool.pool cimport pool_t

cdef class TreeChecker:
    cdef pool_t *pool
    cdef object owner
    cdef public str path
    cdef public uint64_t lsn
    cdef public object findings
    cdef public object owners          # page id -> what it belongs to
    cdef public object progress
    cdef object fix(self, uint32_t page_id, object what)
