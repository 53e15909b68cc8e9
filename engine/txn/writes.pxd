from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from engine.btree.apply cimport write_t
from engine.txn.packed cimport Packed

cdef class Writes:
    cdef write_t *items
    cdef readonly long count
    cdef long room
    cdef list held

    cdef int add(self, object key, object value) except -1
    cdef int aim(self, uint32_t tree, uint32_t root) except -1
    cpdef int sort(self) except -1
