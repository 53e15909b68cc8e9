from libc.stdint cimport uint32_t, uint64_t
from engine.txn.store cimport Store
from engine.txn.writes cimport Writes

cdef class Tree:
    cdef readonly Store store
    cdef readonly str name
    cdef object catalog
    cdef uint32_t root
    cdef uint32_t tree
    cdef uint64_t epoch
    cdef int _refresh(self) except -1
    cdef int _ensure(self) except -1
    cdef bint _take(self, object rest, Writes writes) except *
    cdef object _put_stream(self, Writes writes, object rest)
