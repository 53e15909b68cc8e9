from libc.stdint cimport uint32_t, uint64_t
from engine.btree.apply cimport write_t
from engine.txn.store cimport Store

cdef enum:
    QUICK_WRITES = 24        # more writes than these are a transaction's work

cdef class Quick:
    cdef readonly Store store
    cdef readonly uint64_t lsn
    cdef write_t writes[QUICK_WRITES]
    cdef int count
    cdef list held

    cdef int begin(self) except -1
    cdef object look(self, uint32_t root, bytes key)
    cdef bint write(self, uint32_t tree, uint32_t root, bytes key, bytes value) except *
    cdef int arrange(self) noexcept nogil
    cdef uint64_t commit(self) except? 0
    cdef int publish(self, Store s, uint64_t *lsn, uint64_t *end) noexcept nogil

cdef object BUSY
